"""Embeddings as a gallery learns them: person by person, weighed, and the distance that they are measured by."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Self

import numpy as np

from faceline.networks.network import Network
from faceline.people.part_weights import learnt_factors, weighed


@dataclass(frozen=True)
class Labelled:
    """Embeddings and whose they are.

    Attributes
    ----------
    people : list of k str
        Sorted.
    order : ndarray of shape (n,), int
        Where each embedding stood before they were put in order.
    labels : ndarray of shape (n,), int32
        Index into `people` of each, in rising order.
    embeddings : ndarray of shape (n, d), float32
        Multiplied by `factors`.
    factors : ndarray of shape (d,), float32
        What was learnt of how much the parts of a combination of networks weigh; 1 where nothing was.
    scale : float
        The cosine distance that stands for the network's threshold.
    distinct : list of pairs of int
        People who look like one and are two.
    """

    people: list[str]
    order: np.ndarray
    labels: np.ndarray
    embeddings: np.ndarray
    factors: np.ndarray
    scale: float
    distinct: list[tuple[int, int]]

    @classmethod
    def of(
        cls, names: Sequence[str], embeddings: np.ndarray, network: Network, distinct: Iterable[tuple[str, str]]
    ) -> Self:
        """From embeddings, (n, d) float32, whose they are, (n,) str, and names of people who are two."""
        people = sorted(set(names))
        number = {name: index for index, name in enumerate(people)}
        labels = np.array([number[name] for name in names], np.int32)
        order = np.argsort(labels, kind="stable")
        if (np.diff(labels) < 0).any():  # stage 2 writes them in order, and a copy of 800,000 takes 400 MB
            embeddings, labels = embeddings[order], labels[order]
        factors, threshold = learnt_factors(network, embeddings, labels)
        embeddings = weighed(embeddings, factors)
        scale = network.metric.as_cosine(threshold, embeddings)
        apart = [(number[one], number[other]) for one, other in distinct]
        return cls(people, order, labels, embeddings, factors, scale, apart)
