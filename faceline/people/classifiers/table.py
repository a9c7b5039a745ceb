"""The table of classifiers: what tells enrolled people from each other.

A classifier learns from scikit-learn, and keeps arrays only: `classifier.pkl` then holds nothing that could run, naming
a face does not wait for scikit-learn's import, and a file outlives the version of scikit-learn that it was made with.

It says for each point and person how surely the point is that person's: its margin, about -1 (no) to 1 (yes).
"""

from collections.abc import Mapping

from faceline.errors import FacelineError
from faceline.people.classifiers.base import Classifier
from faceline.people.classifiers.probabilistic import DBN, GMM, DecisionTree, GaussianNB, Knn
from faceline.people.classifiers.svms import GridSearchSvm, LinearSvm, RadialSvm
from faceline.wording import one_line

CLASSIFIERS: Mapping[str, type[Classifier]] = {
    kind.__name__: kind for kind in (LinearSvm, GridSearchSvm, RadialSvm, GMM, DecisionTree, GaussianNB, DBN, Knn)
}
# No classifier, but similarity alone: what a gallery of very many people has, whatever is asked for.
NEAREST = "Nearest"
CLASSIFIER_NAMES = (*CLASSIFIERS, NEAREST)
DEFAULT_CLASSIFIER_NAME = LinearSvm.__name__


def check_classifier(name: str, lda_dim: int | None) -> None:
    """Raise FacelineError if there is no such classifier, or it cannot be shown `lda_dim` discriminant components."""
    if name not in CLASSIFIER_NAMES:
        raise FacelineError(f"unknown classifier {one_line(name)!r}; choose from {', '.join(CLASSIFIER_NAMES)}")
    if lda_dim is not None and lda_dim < 1:
        raise FacelineError(f"lda_dim {lda_dim} is out of range; choose 1 or more")
    if lda_dim is not None and name == NEAREST:
        raise FacelineError(f"--ldaDim goes with a classifier, which {NEAREST} has not; leave it out")
