"""How much each network of a combination counts among the people of a gallery."""

from collections.abc import Sequence

import numpy as np

from faceline.networks.combination import threshold_of
from faceline.networks.network import Network

# People with several pictures that it takes to learn weights; and how many the equal weights count for beside them.
LEAST_PEOPLE = 40
EQUAL_PEOPLE = 40

# Pictures of a person, and in all, from which the weights are learnt.
PICTURES = 8
MOST_PICTURES = 2000


def parts_of(embeddings: np.ndarray, sizes: Sequence[int]) -> list[np.ndarray]:
    """The parts of embeddings, (n, d), which are of these sizes, each scaled to length 1: (n, size) each."""
    parts = np.split(embeddings, np.cumsum(sizes)[:-1], axis=1)
    return [part / np.maximum(np.linalg.norm(part, axis=1, keepdims=True), np.finfo(np.float32).tiny) for part in parts]


def learnt_factors(network: Network, embeddings: np.ndarray, labels: np.ndarray) -> tuple[np.ndarray, float]:
    """What embeddings are multiplied by, (d,) float32, for the weights that a combination's parts have among some
    people, and the network's threshold then; 1 and its own one where the people are too few to tell, or it is none."""
    if not network.parts or people_to_learn_from(labels) < LEAST_PEOPLE:
        return np.ones(network.dimensions, np.float32), network.threshold
    sizes = [part.dimensions for part in network.parts]
    weights = learnt_weights(embeddings, labels, sizes)
    return factors_for(weights, network.weights, sizes), threshold_of(network.parts, weights.tolist())


def weighed(embeddings: np.ndarray, factors: np.ndarray) -> np.ndarray:
    """Embeddings as they are compared, multiplied by what `learnt_factors` gave."""
    return embeddings if (factors == 1).all() else embeddings * factors  # without a copy of a large gallery


def people_to_learn_from(labels: np.ndarray) -> int:
    """How many of the people, (n,) int, have several pictures."""
    return int((np.bincount(labels) > 1).sum())


def learnt_weights(embeddings: np.ndarray, labels: np.ndarray, sizes: Sequence[int]) -> np.ndarray:
    """The weights of a combination's parts, by which the distances of a gallery's people tell them apart.

    Score-level fusion by logistic regression on pairs of pictures, of which those of one person and those of two weigh
    the same: Brummer and others, "Fusion of heterogeneous speaker recognition systems", IEEE TASLP 15(7), 2007. Here
    without signs other than plus, and with equal weights standing for some people more.

    Parameters
    ----------
    embeddings : ndarray of shape (n, d), float32
    labels : ndarray of shape (n,), int
        Whose each one is.
    sizes : sequence of int
        The numbers of each part's embedding.

    Returns
    -------
    ndarray of shape (parts,), float64
        They sum to 1.
    """
    from scipy.optimize import minimize
    from scipy.special import expit

    rows = pictures_to_compare(labels)
    first, second = np.triu_indices(len(rows), 1)
    truth = labels[rows][first] == labels[rows][second]
    similarities = [(part @ part.T)[first, second] for part in parts_of(embeddings[rows].astype(np.float64), sizes)]
    inputs = np.stack([*similarities, np.ones(len(truth))], axis=1)
    shares = np.where(truth, 0.5 / truth.sum(), 0.5 / (~truth).sum())

    def cost(line: np.ndarray) -> tuple[float, np.ndarray]:
        odds = inputs @ line
        loss = shares @ (np.logaddexp(0, odds) - truth * odds)
        return loss, inputs.T @ (shares * (expit(odds) - truth))

    parts = len(sizes)
    start = np.append(np.full(parts, 20 / parts), -10)
    bounds = [(0, 1000)] * parts + [(-1000, 1000)]
    found = minimize(cost, start, jac=True, method="L-BFGS-B", bounds=bounds).x[:-1]
    equal = np.full(parts, 1 / parts)
    people = people_to_learn_from(labels)
    return (EQUAL_PEOPLE * equal + people * found / found.sum()) / (EQUAL_PEOPLE + people)


def pictures_to_compare(labels: np.ndarray) -> np.ndarray:
    """The first rows of each person with several, as far as that is not too many, of people spread over all: rising."""
    people = np.flatnonzero(np.bincount(labels) > 1)
    most = MOST_PICTURES // 2
    if len(people) > most:
        people = people[np.linspace(0, len(people) - 1, most).round().astype(int)]
    each = max(2, min(PICTURES, MOST_PICTURES // len(people)))
    starts = np.searchsorted(labels, people)
    stops = np.minimum(np.searchsorted(labels, people, "right"), starts + each)
    return np.concatenate([np.arange(start, stop) for start, stop in zip(starts, stops, strict=True)])


def weights_for(factors: np.ndarray, old: Sequence[float], sizes: Sequence[int]) -> list[float]:
    """The weights that `factors_for` was asked for."""
    parts = np.split(factors, np.cumsum(sizes)[:-1])
    return [weight * float(part[0]) ** 2 for weight, part in zip(old, parts, strict=True)]


def factors_for(weights: np.ndarray, old: Sequence[float], sizes: Sequence[int]) -> np.ndarray:
    """What the numbers of embeddings whose parts weigh `old` are multiplied by, for other weights: (d,) float32."""
    return np.repeat(np.sqrt(weights / np.asarray(old)), sizes).astype(np.float32)
