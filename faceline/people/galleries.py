"""The kind of gallery that a number of people takes."""

from collections.abc import Sequence
from typing import Any

import numpy as np

from faceline.networks.network import Network
from faceline.people.classifiers.table import DEFAULT_CLASSIFIER_NAME, NEAREST
from faceline.people.enrolment import Enrolment
from faceline.people.gallery import Gallery
from faceline.people.many.learning import learn_many
from faceline.people.naming import Naming
from faceline.people.scoring import are_many


def enrol(
    names: list[str],
    embeddings: np.ndarray,
    crops: list[str],
    network: Network,
    *,
    classifier: str,
    lda_dim: int | None,
    **options: Any,
) -> tuple[Naming, Enrolment]:
    """Learn people from their embeddings: what `Gallery.enrol` does, whose parameters these are.

    Where NEAREST is asked for, and where people are very many and no other classifier is, without SVMs.
    """
    learnt = (names, embeddings, crops, network)
    if classifier == NEAREST or is_beyond_svms(names, classifier, lda_dim):
        return learn_many(*learnt, classifier=classifier, **options)
    return Gallery.enrol(*learnt, classifier=classifier, lda_dim=lda_dim, **options)


def fit(*learnt: Any, **options: Any) -> Naming:
    """The gallery that `enrol` makes."""
    return enrol(*learnt, **options)[0]


def is_beyond_svms(names: Sequence[str], classifier: str, lda_dim: int | None) -> bool:
    """Whether the usual classifier is asked for, for more people than it is for."""
    return classifier == DEFAULT_CLASSIFIER_NAME and lda_dim is None and are_many(len(set(names)))
