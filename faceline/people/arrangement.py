"""Faces as points of a plane: those that the network finds alike lie near each other."""

import numpy as np

from faceline.networks.distances import Metric

METHODS = ("tsne", "pca")

# Beyond, t-SNE is openTSNE's, whose time grows with the number of faces and not faster.
MOST_EXACT = 20_000

# Fewer faces have no neighbourhoods to keep: they are arranged by PCA.
FEWEST = 4

# The usual one; van der Maaten advises 5 to 50. A face should have three times as many others.
PERPLEXITY = 30


def perplexity_for(count: int) -> float:
    """How many neighbours of each face t-SNE reckons with, of so many faces."""
    return min(PERPLEXITY, (count - 1) / 3)


def method_for(method: str, count: int) -> str:
    """The method that so many faces are arranged by, where `method` is asked for."""
    return method if count >= FEWEST else "pca"


def arranged(embeddings: np.ndarray, metric: Metric, method: str) -> np.ndarray:
    """The place of each face.

    The same embeddings give the same places: everything runs in one thread, as sums in several come out in any order.

    Parameters
    ----------
    embeddings : ndarray of shape (n, d), float
    metric : Metric
        How the network compares them.
    method : str
        One of METHODS.

    Returns
    -------
    ndarray of shape (n, 2), float64
        From 0 to 1, at one scale for both directions, y upwards.
    """
    from sklearn.decomposition import PCA
    from threadpoolctl import threadpool_limits

    vectors = metric.vectors(embeddings).astype(np.float64)
    if (vectors == vectors[0]).all():
        return np.full((len(vectors), 2), 0.5)
    with threadpool_limits(1):
        if method_for(method, len(vectors)) == "tsne":
            return in_square(tsne(vectors))
        return in_square(PCA(2, svd_solver="full").fit_transform(vectors))


def tsne(vectors: np.ndarray) -> np.ndarray:
    """The places, (n, 2), that t-SNE gives vectors, (n, d), by their Euclidean distances."""
    perplexity = perplexity_for(len(vectors))
    if len(vectors) > MOST_EXACT:
        import openTSNE

        large = openTSNE.TSNE(perplexity=perplexity, n_jobs=1, random_state=0)
        return np.asarray(large.fit(vectors))
    from sklearn.manifold import TSNE

    return TSNE(perplexity=perplexity, init="pca", random_state=0, n_jobs=1).fit_transform(vectors)


def in_square(places: np.ndarray) -> np.ndarray:
    """Places, (n, 2), moved and scaled into the square from 0 to 1, in its middle."""
    places = np.asarray(places, np.float64)
    low, high = places.min(axis=0), places.max(axis=0)
    return (places - (low + high) / 2) / (float((high - low).max()) or 1) + 0.5
