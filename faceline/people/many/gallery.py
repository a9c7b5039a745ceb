"""A gallery of very many people: what it knows lies in a file, of which an answer reads little."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any, Self

import numpy as np

from faceline.disk.stored import unsound
from faceline.disk.stored_texts import StoredTexts
from faceline.errors import FacelineError
from faceline.networks.distances import Metric
from faceline.networks.network import Network
from faceline.people.calibration import Calibration
from faceline.people.checks import check_array, part_of_file, require
from faceline.people.enrolled import EXEMPLARS
from faceline.people.many.scorer import ListedScorer, sound
from faceline.people.naming import Naming, Ranked
from faceline.people.part_weights import weighed
from faceline.people.scoring import unit

IN_FILE = ("embeddings", "stops", "folders", "folder_stops", "subjects", "persons")


@dataclass(frozen=True)
class ManyPeople(Naming):
    """Very many people, and what it takes to name them.

    Every array may be in memory or in a file, of which rows are read.

    Attributes
    ----------
    people : sequence of k str
        Their names, which are those of their folders, sorted.
    crops : sequence of n str
        Where each embedding came from.
    embeddings : array of shape (n, d), float32
        As the network gave them, person by person: the EXEMPLARS that a large gallery keeps.
    stops : array of shape (k,), int64
        Where each person's embeddings end, and the next one's begin.
    folders, folder_stops : arrays of shapes (k,), int32, and (s,), int64
        The folders subject by subject, and where each subject's end.
    subjects, persons : arrays of shape (k,), int32
        See Enrolment.
    metric : Metric
    scorer : ListedScorer
    calibration : Calibration
    factors : ndarray of shape (d,), float32
        See `Naming`.
    """

    people: Sequence[str]
    crops: Sequence[str]
    embeddings: Any
    stops: Any
    folders: Any
    folder_stops: Any
    subjects: Any
    persons: Any
    metric: Metric
    scorer: ListedScorer
    calibration: Calibration
    factors: np.ndarray

    def rows(self, folder: int) -> slice:
        return slice(*between(self.stops, folder, len(self.crops)))

    def pictures(self, rows: slice | np.ndarray) -> np.ndarray:
        return sound(self.embeddings[rows])

    def folders_of(self, subject: int) -> np.ndarray:
        folders = np.asarray(self.folders[slice(*between(self.folder_stops, subject, len(self.people)))])
        if not ((folders >= 0) & (folders < len(self.people))).all():
            raise unsound()
        return folders

    def ranked(self, embeddings: np.ndarray, count: int) -> list[Ranked]:
        found = []
        for direction in unit(weighed(embeddings, self.factors)):
            subjects, scores = self.scorer.best(direction, count)
            found.append(Ranked(subjects, scores, np.arange(min(count, len(subjects)))))
        return found

    def score(self, embeddings: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        directions = unit(weighed(embeddings, self.factors))
        subjects = np.asarray(self.subjects[:])
        scores = self.scorer.all_scores(directions)[:, subjects]
        for subject in np.flatnonzero(np.bincount(subjects) > 1).tolist():
            folders = self.folders_of(subject)
            similarities = directions @ self.means(folders).T / self.scorer.scale
            scores[:, folders] -= similarities.max(axis=1, keepdims=True) - similarities
        return scores, scores

    def arrays(self) -> dict[str, np.ndarray]:
        """What lies in a file."""
        found = {name: getattr(self, name) for name in IN_FILE}
        for name, texts in (("people", self.people), ("crops", self.crops)):
            stored = texts if isinstance(texts, StoredTexts) else StoredTexts.of(texts)
            found |= {f"{name} ends": stored.ends, name: stored.data}
        return found | {f"scorer {name}": array for name, array in self.scorer.arrays().items()}

    def record(self) -> dict:
        """The rest, as plain values and arrays."""
        calibration, metric = asdict(self.calibration), asdict(self.metric)
        parts = {"metric": metric, "calibration": calibration, "factors": self.factors}
        return parts | {"scorer": self.scorer.record()}

    @classmethod
    def from_record(cls, record: dict, arrays: dict[str, Any], network: Network) -> Self:
        """The gallery that `record` and `arrays` told of, which come from files.

        Raises
        ------
        FacelineError
            If it is none, which names the part; or if it compares otherwise than the network does.
        """
        with part_of_file("gallery"):
            metric = Metric.from_record(record["metric"])
            if metric != network.metric:
                raise FacelineError(f"made with another distance than {network.name} has now")
            own = {key.removeprefix("scorer "): array for key, array in arrays.items() if key.startswith("scorer ")}
            own |= {name: own[name][:] for name in ("subjects", "numbers")}  # 12 bytes a person
            given = {name: record["scorer"][name] for name in ("scale", "centres", "starts", "probes", "classifier")}
            scorer = ListedScorer(**given, **own)
            parts: dict[str, Any] = {name: arrays[name] for name in IN_FILE}
            parts |= {name: StoredTexts(arrays[f"{name} ends"], arrays[name]) for name in ("people", "crops")}
            calibration = Calibration.from_record(record["calibration"])
            gallery = cls(**parts, metric=metric, scorer=scorer, calibration=calibration, factors=record["factors"])
            gallery.check(network.dimensions)
            return gallery

    def check(self, dimensions: int) -> None:
        """Raise FacelineError unless all parts fit together, as far as that is to be seen without reading all of them;
        what is read later is looked at then."""
        self.scorer.check(dimensions)
        self.calibration.check()
        check_array(self.factors, "factors", (dimensions,))
        people, pictures, subjects = len(self.people), len(self.crops), self.scorer.count
        require(pictures >= people >= subjects > 0, "people")
        shapes = [(self.embeddings, (pictures, dimensions), "float32"), (self.stops, (people,), "int64")]
        shapes += [(self.folder_stops, (subjects,), "int64")]
        shapes += [(array, (people,), "int32") for array in (self.folders, self.subjects, self.persons)]
        for texts in (self.people, self.crops):
            if isinstance(texts, StoredTexts):
                shapes += [(texts.ends, (len(texts),), "int64"), (texts.data, (len(texts.data),), "uint8")]
        for array, shape, kind in shapes:
            require(array.shape == shape and array.dtype == kind, "people")

    def searching(self, probes: int) -> Self:
        """The same, which looks for a face in that many lists."""
        return replace(self, scorer=self.scorer.searching(probes))


def between(stops: Any, place: int, count: int) -> tuple[int, int]:
    """Where the part `place` begins and stops, of at most `count`; raises FacelineError where a file knows none."""
    if not 0 <= place < len(stops):
        raise unsound()
    found = np.asarray(stops[max(place - 1, 0) : place + 1]).tolist()
    start, stop = found if place else (0, found[0])
    if not 0 <= start < stop <= count:
        raise unsound()
    return start, stop


def exemplars_of_many(directions: np.ndarray, labels: np.ndarray, means: np.ndarray) -> np.ndarray:
    """The rows whose embeddings are kept, rising: of each person as many as EXEMPLARS leaves, from the most to the
    least typical. `labels` rise; `means`, (k, d), are the people's directions."""
    typical = np.empty(len(labels), np.float32)
    for start in range(0, len(labels), 100_000):
        rows = slice(start, start + 100_000)
        typical[rows] = np.einsum("ij,ij->i", directions[rows], means[labels[rows]])
    order = np.lexsort((-typical, labels))
    counts = np.bincount(labels)
    each = max(1, EXEMPLARS // len(counts))
    steps = np.rint((counts - 1)[:, None] * np.linspace(0, 1, each))
    return np.unique(order[((np.cumsum(counts) - counts)[:, None] + steps).astype(int)])
