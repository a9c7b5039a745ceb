"""Embeddings of whole folders and the distances between them: what the evaluations of distances share."""

import itertools
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from faceline.disk.embeddings import read_represented
from faceline.disk.paths import (
    check_folder,
    named_path,
    real_path,
)
from faceline.disk.rows import USABLE, Status
from faceline.disk.run_records import read_record
from faceline.errors import FacelineError, cure
from faceline.faces.test_time_augmentation import DEFAULT_PASSES
from faceline.networks.network import Network
from faceline.networks.table import network_of
from faceline.people.cohort import Compares
from faceline.wording import counted, one_line

DEFAULT_OUTPUT = "./evaluation-results/"

# Distances that are computed at once: 64 MB of them.
DISTANCES_AT_ONCE = 8_000_000

# Fewer where each comes with its two people.
PAIRS_AT_ONCE = 1_000_000


@dataclass(frozen=True)
class Embedded:
    """Pictures with an embedding.

    Attributes
    ----------
    network : Network
        Where the embeddings come from.
    embeddings : ndarray of shape (n, d), float32
    crops : list of n str
    people : list of n str
    fallbacks : ndarray of shape (n,), bool
        Whether no face was found in the picture, so that its middle was cropped.
    passes : str
        How many copies of a crop each embedding is the mean of, in words.
    metric : Compares
        How these embeddings compare: as the network's do, unless a cohort says more.
    cohort : int
        The faces of that cohort.
    """

    network: Network
    embeddings: np.ndarray
    crops: list[str]
    people: list[str]
    fallbacks: np.ndarray
    passes: str
    metric: Compares
    cohort: int = 0


def read_embedded(folders: Sequence[str | Path]) -> Embedded:
    """Read what `represent_folder` wrote into one folder or several.

    Raises
    ------
    FacelineError
        If a folder is missing, unfinished or damaged, two were made in different ways, or a person is in two of them.
    """
    networks, averages, rows = [], [], []
    owners: dict[str, str | Path] = {}
    for name in folders:
        folder = named_path(name)
        check_folder(folder, "name the folder that batch_represent wrote")
        with cure("run batch_represent, which writes it, to its end"):
            record = read_record(folder, "represent")
        with cure("run batch_represent again with --overwrite"):
            networks.append(network_of(record["options"]))
            averages.append([record["options"].get(name) for name in ("passes", "jitters")])
            found = read_represented(folder, networks[-1].dimensions, record["counts"])
        if not found:
            raise FacelineError(f"{one_line(folder)}: holds no embedding; add pictures and run all stages again")
        if embeds_otherwise(networks[0], networks[-1]):
            raise FacelineError(
                f"{one_line(folder)}: embeddings of the network {one_line(networks[-1].name)}, those of"
                f" {one_line(folders[0])} are of {one_line(networks[0].name)}; compare embeddings of one network"
            )
        if averages[0] != averages[-1]:
            raise FacelineError(
                f"{one_line(folder)}: made with other --passes or --jitters than {one_line(folders[0])}, which makes"
                " distances larger or smaller; compare embeddings that were made alike"
            )
        # Photographs that lie in no person's folder say nothing of who is whom.
        rows += [row for row in found if row.status in USABLE and row.person]
        for person in sorted({row.person for row in found}):
            if owners.setdefault(person, folder) is not folder:
                raise FacelineError(
                    f"{one_line(folder)}: {one_line(person)} is in {one_line(owners[person])}, too; name folders of"
                    " different people"
                )
    if not rows:
        listing = ", ".join(one_line(name) for name in folders)
        raise FacelineError(f"{listing}: none of the photographs lies in a person's folder; sort them by person")
    return Embedded(
        networks[0],
        np.array([row.embedding for row in rows]),
        [row.crop for row in rows],
        [row.person for row in rows],
        np.array([row.status == Status.FALLBACK for row in rows]),
        f"{averages[0][1]} jitters" if averages[0][1] else str(averages[0][0] or DEFAULT_PASSES),
        networks[0].metric,
    )


def distance_in_words(distance: str, cohort: int) -> str:
    """How embeddings are compared: a network's distance, normalised where a cohort has any faces."""
    normalised = f", normalised by a cohort of {counted(cohort, 'face')}" if cohort else ""
    return f"{distance} distance{normalised}"


def embeds_otherwise(network: Network, other: Network) -> bool:
    """Whether two networks are different ones, or one that is shown its pictures otherwise, or reckons otherwise."""
    return network.fingerprint != other.fingerprint


def all_distances(embeddings: np.ndarray, labels: np.ndarray, metric: Compares) -> tuple[np.ndarray, np.ndarray]:
    """The distances of every two embeddings, in blocks, so that memory holds little more than the result.

    Parameters
    ----------
    embeddings : ndarray of shape (n, d), float32
    labels : ndarray of shape (n,), int
        Whose each one is.
    metric : Compares

    Returns
    -------
    genuine, impostor : ndarray of shape (g,) and (i,), float32, sorted
        Of pairs of one person, and of two; g + i is n (n - 1) / 2.
    """
    count = len(labels)
    sizes = np.unique(labels, return_counts=True)[1]
    genuine_count = int((sizes * (sizes - 1) // 2).sum())
    genuine = np.empty(genuine_count, np.float32)
    impostor = np.empty(count * (count - 1) // 2 - genuine_count, np.float32)
    filled = [0, 0]
    for rows, block in distance_blocks(embeddings, metric):
        # The columns are the embeddings from the block's first on; each pair is taken once.
        later = np.arange(block.shape[1]) > np.arange(block.shape[0])[:, None]
        same = labels[rows][:, None] == labels[rows.start :]
        for index, (target, chosen) in enumerate(((genuine, later & same), (impostor, later & ~same))):
            found = block[chosen]
            target[filled[index] : filled[index] + len(found)] = found
            filled[index] += len(found)
    genuine.sort()
    impostor.sort()
    return genuine, impostor


def labelled_pairs(
    embeddings: np.ndarray, labels: np.ndarray, metric: Compares
) -> Iterator[tuple[np.ndarray, np.ndarray, np.ndarray]]:
    """Every two embeddings, some at a time: whose they are, (m,) int each, and the distances of `all_distances`.

    The last digit of a distance may be another one, as it may be of any distances that are computed in other blocks.
    """
    for rows, block in distance_blocks(embeddings, metric, PAIRS_AT_ONCE):
        first, second = np.triu_indices(len(block), 1, block.shape[1])
        yield labels[rows][first], labels[rows.start :][second], block[first, second].astype(np.float32)


def distance_blocks(
    embeddings: np.ndarray, metric: Compares, at_once: int | None = None
) -> Iterator[tuple[slice, np.ndarray]]:
    """Some rows at a time, and their distances to all embeddings from the first of these rows on, float64."""
    embeddings = np.asarray(embeddings, np.float64)
    step = max(1, (at_once or DISTANCES_AT_ONCE) // max(1, len(embeddings)))
    edges = [*range(0, len(embeddings), step), len(embeddings)]
    for start, stop in itertools.pairwise(edges):
        yield slice(start, stop), metric.table(embeddings[start:stop], embeddings[start:])


def refuse_inputs(output_dir: Path, outputs: Sequence[str], inputs: Sequence[Path]) -> None:
    """Raise FacelineError if a result would take the place of what it is made from."""
    for name in outputs:
        for path in inputs:
            if real_path(output_dir / name) == real_path(path):
                raise FacelineError(f"{one_line(path)}: a result would replace it; name another folder with --output")
