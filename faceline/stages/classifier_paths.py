"""Which of what a user names is the classifier: by the names and contents of files, and by what a folder holds."""

import os
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

from faceline.disk.names import REPS_FILE
from faceline.disk.reading import opened
from faceline.errors import FacelineError, UnreadableError
from faceline.recognition.classifier_file import classifier_at, holds_classifier, is_work_folder
from faceline.stages.probes import URL, ending, pictures_below
from faceline.wording import one_line

# What classifiers are called. One that does not exist is a mistake at once: no other one may answer in its place.
PICKLES = frozenset({".pkl", ".pk", ".pickle", ".joblib"})

# A pickle's first byte, and the protocols that follow it. No format of pictures begins so.
PROTO, PROTOCOLS = 0x80, range(2, 6)


def split_classifier(named: Sequence[str]) -> tuple[str | None, list[str]]:
    """The classifier among what a user named, or None, and the rest.

    A classifier is a file that is a pickle by its content or its name, or the folder of embeddings that holds it. A
    folder of photographs in which a classifier lies, too, is both, unless another classifier is named. A work folder
    is the classifier in it; where nothing else is named, it is all pictures below it, too, and where a classifier is
    named beside it, these alone.

    Raises
    ------
    FacelineError
        If two classifiers are named, or one by a URL.
    """
    classifiers: list[str] = []
    weak: list[str] = []
    work: list[str] = []
    pictures: list[str] = []
    for argument in named:
        if not os.path.isdir(argument):
            (classifiers if is_classifier(argument) else pictures).append(argument)
        elif not holds_classifier(Path(argument)):
            (work if is_work_folder(Path(argument)) else pictures).append(argument)
        elif os.path.isfile(os.path.join(argument, REPS_FILE)) or not pictures_below(argument, None, Counter()):
            classifiers.append(argument)
        else:
            weak.append(argument)
            pictures.append(argument)
    if classifiers or not pictures:
        pictures = [argument for argument in named if argument in pictures or argument in work]
    paths = [classifier_at(Path(argument)) for argument in classifiers or work or weak]
    others = [path for path in paths if os.path.realpath(path) != os.path.realpath(paths[0])]
    if others:
        raise FacelineError(f"{one_line(paths[0])} and {one_line(others[0])} are two classifiers; name one")
    return (str(paths[0]) if paths else None), pictures


def is_classifier(path: str) -> bool:
    """Whether a file is meant to be a classifier, trustworthy or not: nothing of it runs here."""
    if ending(path) in PICKLES:
        if URL.match(path) and not os.path.lexists(path):
            raise FacelineError(f"{one_line(path)}: a URL, and nothing is fetched from a network; download it first")
        return True
    try:
        with opened(Path(path)) as file:
            start = file.read(2)
    except UnreadableError:
        return False
    return len(start) == 2 and start[0] == PROTO and start[1] in PROTOCOLS
