#!/usr/bin/env python3
"""Learn several pictures of each person, by nearest neighbours or by SVMs, and name the people in photographs.

demos/knn_or_svm.py knn training-images photo.jpg …        training-images/<person>/<picture>
"""

import argparse
import sys
from pathlib import Path

from faceline import FacelineError, align_folder, infer, represent_folder, train

# The linear SVM does best, and is what `train` takes unless told otherwise.
CLASSIFIERS = {"knn": "Knn", "svm": "LinearSvm", "svm-rbf": "RadialSvm"}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("by", choices=CLASSIFIERS)
    parser.add_argument("people", help="a folder of photographs for each person")
    parser.add_argument("pictures", nargs="+")
    parser.add_argument("--work", type=Path, default="my-people-by-stages", help="default: %(default)s")
    options = parser.parse_args()
    aligned, embeddings = options.work / "aligned-images", options.work / "generated-embeddings"
    align_folder(options.people, aligned)
    represent_folder(aligned, embeddings)
    learnt = train(embeddings, classifier=CLASSIFIERS[options.by])
    print(learnt)
    answers = list(infer(options.pictures, learnt.path, multi=True))
    print("\n".join(map(str, answers)))
    sys.exit(2 if any(answer.reason for answer in answers) else 0)


if __name__ == "__main__":
    try:
        main()
    except FacelineError as error:
        print(f"knn_or_svm.py: error: {error}", file=sys.stderr)
        sys.exit(2)
