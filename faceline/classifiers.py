"""The table of classifiers: what tells enrolled people from each other.

A classifier learns from scikit-learn, and keeps arrays only: `classifier.pkl` then holds nothing that could run, naming
a face does not wait for scikit-learn's import, and a file outlives the version of scikit-learn that it was made with.

It says for each point and person how surely the point is that person's: its margin, about -1 (no) to 1 (yes).
"""

from collections.abc import Mapping

from faceline.base_classifier import Classifier
from faceline.probabilistic import DBN, GMM, DecisionTree, GaussianNB, Knn
from faceline.svms import GridSearchSvm, LinearSvm, RadialSvm

CLASSIFIERS: Mapping[str, type[Classifier]] = {
    kind.__name__: kind for kind in (LinearSvm, GridSearchSvm, RadialSvm, GMM, DecisionTree, GaussianNB, DBN, Knn)
}
DEFAULT_CLASSIFIER_NAME = LinearSvm.__name__
