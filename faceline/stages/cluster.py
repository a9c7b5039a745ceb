"""Who is the same among faces without names."""

import logging
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from faceline.disk.cluster_table import read_cluster_numbers, write_clusters
from faceline.disk.embeddings import read_people
from faceline.disk.folder_locks import locked
from faceline.disk.freshness import changed_crops
from faceline.disk.manifests import manifest_rows
from faceline.disk.names import CLUSTERS_FILE, DEFAULT_EMBEDDINGS_DIR, MANIFEST_FILE
from faceline.disk.paths import check_folder, named_path
from faceline.disk.photographs import check_apart
from faceline.disk.rows import USABLE, CropRow, Status, main_crop
from faceline.disk.run_records import read_record
from faceline.errors import FacelineError, cure
from faceline.networks.network import Network
from faceline.networks.table import network_of
from faceline.people.clustering.clusters import find_clusters
from faceline.people.clustering.constraints import Constraints
from faceline.people.clustering.indexed_neighbours import MOST_COMPARED, check_faiss
from faceline.people.clustering.numbers import numbered
from faceline.runs.parallel import process_count
from faceline.stages.cluster_folders import Folders, make_folders, sources_of
from faceline.stages.corrected import read_decisions
from faceline.wording import counted, listed, one_line

logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class Clustered:
    """What `cluster` found.

    Attributes
    ----------
    path : str
        The table that was written.
    sizes : sequence of (int, int)
        Number and size of each cluster, the largest first.
    limit : float
        Up to which mean distance faces are one person's, as the network measures distances; of a Euclidean one, the
        root of the mean square.
    threshold : float
        The network's own.
    unclear : int
        How many crops of a picture's middle, in which no face was found, have a cluster of their own.
    folders : Folders or None
        What became of the folders that were asked for.
    """

    path: str
    sizes: Sequence[tuple[int, int]]
    limit: float
    threshold: float
    unclear: int = 0
    folders: Folders | None = None

    def __str__(self) -> str:
        several = [f"{number} ({size})" for number, size in self.sizes if size > 1]
        faces = sum(size for _, size in self.sizes)
        lines = [
            f"Found {counted(len(self.sizes), 'cluster')} of {counted(faces, 'face')}:"
            f" {len(several)} of two or more, {len(self.sizes) - len(several)} of one.",
            f"One person's are faces up to a mean distance of {self.limit:.3g} (the network's threshold:"
            f" {self.threshold:.3g}).",
        ]
        if several:
            lines.append(f"The largest, by number (faces): {listed(several)}.")
        if self.unclear:
            lines.append(f"On their own: {self.unclear} of pictures without a face (fallback).")
        if self.folders is not None:
            lines.append(str(self.folders))
        lines.append(f"Written to {one_line(self.path)}")
        return "\n".join(lines)


def cluster(
    embeddings_dir: str | Path = DEFAULT_EMBEDDINGS_DIR,
    *,
    folders: str | Path | None = None,
    copy: bool = False,
    yes: bool = False,
    jobs: int | None = None,
) -> Clustered:
    """Find which faces are one person's, whoever that is, and write `clusters.csv` beside their embeddings.

    Names of folders play no part; what the user says in `corrections.jsonl` holds. Two faces of one photograph count
    against being one person, and better pictures say more of where a cluster lies. Clusters are numbered by size; when
    photographs have been added, a cluster keeps the number of the old one that it shares most crops with.

    Parameters
    ----------
    embeddings_dir : path
        As `represent_folder` wrote it.
    folders : path or None
        Where to make a folder for each cluster of two or more, with links to its photographs, if these lie beside the
        crops, or else to its crops. To be renamed to people, and enrolled.
    copy : bool
        Put copies there instead of links.
    yes : bool
        Make the folders again that have been renamed, and those in which something has changed.
    jobs : int or None
        Threads; None for as many as there are cores.

    Raises
    ------
    FacelineError
        If the embeddings are missing, unfinished or damaged, there are more than 200,000 and faiss is not installed, or
        something cannot be written.

    Examples
    --------
    >>> from faceline import cluster
    >>> found = cluster("generated-embeddings")
    >>> found.sizes, found.path
    ([(1, 2), (2, 1)], 'generated-embeddings/clusters.csv')
    """
    from threadpoolctl import threadpool_limits

    if copy and folders is None:
        raise FacelineError("--copy says what --folders makes; name a folder with --folders")
    jobs = process_count(jobs)
    folder = named_path(embeddings_dir)
    place = None if folders is None else named_path(folders)
    if place is not None:
        check_apart(place, folder)
    check_folder(folder, "run batch_represent first")
    with locked(folder):
        embeddings, crops, is_face, qualities, network = read_faces(folder)
        decisions = read_decisions(folder, crops)
        is_face[list(decisions.no_face)] = False
        before = read_before(folder / CLUSTERS_FILE)
        logger.info("cluster: %s", counted(len(crops), "face"))
        with threadpool_limits(jobs):
            found = find_clusters(
                embeddings[is_face],
                network,
                photographs_of(crops)[is_face],
                qualities=None if qualities is None else qualities[is_face],
                constraints=Constraints.of(decisions, np.flatnonzero(is_face)),
                threads=jobs,
            )
        clusters, certainty = placed(found.numbers, found.certainty, is_face)
        numbers = numbered(clusters, crops, before).tolist()
        write_clusters(folder / CLUSTERS_FILE, zip(numbers, crops, certainty.tolist(), strict=True))
        made = None
        if place is not None:
            members: dict[int, list[Path]] = {number: [] for number, size in Counter(numbers).items() if size > 1}
            for number, source in zip(numbers, sources_of(folder, crops), strict=True):
                if number in members:
                    members[number].append(source)
            made = make_folders(place, members, copy, yes)
    sizes = sorted(Counter(numbers).items(), key=lambda pair: (-pair[1], pair[0]))
    limit = network.threshold * (found.limit if network.distance == "cosine" else found.limit**0.5)
    unclear = int(np.count_nonzero(~is_face))
    return Clustered(str(folder / CLUSTERS_FILE), sizes, limit, network.threshold, unclear, made)


def read_faces(folder: Path) -> tuple[np.ndarray, list[str], np.ndarray, np.ndarray | None, Network]:
    """The embeddings, (n, d), of all crops; the crops; which of them show a face that was found; their qualities, where
    these are known; and the network."""
    with cure("run batch_represent, which writes it, to its end"):
        record = read_record(folder, "represent")
    with cure("run batch_represent again with --overwrite"):
        network = network_of(record["options"])
    if sum(record["counts"].get(status, 0) for status in USABLE) > MOST_COMPARED:
        check_faiss()  # before minutes are spent on reading
    with cure("run batch_represent again with --overwrite"):
        embeddings, crops, _ = read_people(folder, network.dimensions, record["counts"])
    rows = [
        (row.status == Status.OK, row.quality)
        for row in manifest_rows(folder / MANIFEST_FILE, CropRow, record["counts"])
        if row.status in USABLE
    ]
    is_face = np.array([is_ok for is_ok, _ in rows], bool)
    known = all(quality is not None for _, quality in rows)
    qualities = np.array([quality for _, quality in rows], float) if known else None
    aligned = changed_crops(folder)
    if aligned is not None:
        logger.warning(f"{one_line(folder)}: older than the crops in {one_line(aligned)}; run batch_represent first")
    return embeddings, crops, is_face, qualities, network


def photographs_of(crops: Sequence[str]) -> np.ndarray:
    """Which photograph each crop is of, (n,) int, by the name that stage 1 gave it."""
    return np.unique([main_crop(crop) for crop in crops], return_inverse=True)[1]


def read_before(path: Path) -> dict[str, int]:
    """The numbers that clusters had in the run before."""
    if not path.exists():
        return {}
    with cure("correct or remove the file; without it, clusters are numbered anew"):
        return read_cluster_numbers(path)


def placed(numbers: np.ndarray, certainty: np.ndarray, is_face: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Clusters and certainty of all crops, (n,): what shows no face that was found is alone, with certainty 0."""
    clusters, sure = np.zeros(len(is_face), np.int64), np.zeros(len(is_face))
    clusters[is_face], sure[is_face] = numbers, certainty
    others = np.flatnonzero(~is_face)
    clusters[others] = np.arange(len(others)) + numbers.max(initial=-1) + 1
    return clusters, sure
