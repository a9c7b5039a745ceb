"""Which faces of several pictures are one person's, without a gallery."""

import itertools
import os
from collections.abc import Sequence
from pathlib import Path

from faceline.disk.paths import real_path
from faceline.disk.pictures.images import open_picture, read_picture
from faceline.disk.rows import Status
from faceline.errors import FacelineError, MissingError, UnreadableError
from faceline.faces.detectors import DEFAULT_DETECTOR
from faceline.faces.options import DEFAULT_UPSAMPLE
from faceline.faces.test_time_augmentation import DEFAULT_PASSES
from faceline.networks.runtime import DEFAULT_DEVICE, DEFAULT_ENGINE
from faceline.networks.table import DEFAULT_NETWORK
from faceline.recognition.recognized_face import RecognizedFace
from faceline.recognition.verification import Verifier
from faceline.report.comparison import Compared, ComparedFace, ComparedPair, ComparedPicture
from faceline.report.pairs_grid import MOST_FACES as MOST_SHOWN
from faceline.report.pairs_grid import Cell, Tile, check_grid_path, tile_of, write_grid
from faceline.runs.progress import Silent, bar
from faceline.stages.probes import list_probes, unreadable_reason
from faceline.wording import one_line

# Half a million pairs.
MOST_FACES = 1000


def compare(
    pictures: str | Path | Sequence[str | Path],
    *,
    network: str = DEFAULT_NETWORK,
    detector: str = DEFAULT_DETECTOR,
    passes: int = DEFAULT_PASSES,
    cohort: str | Path | None = None,
    detection_size: int | None = None,
    upsample: int = DEFAULT_UPSAMPLE,
    engine: str = DEFAULT_ENGINE,
    device: str = DEFAULT_DEVICE,
    save: str | Path | None = None,
) -> Compared:
    """Compare every face of each picture with those of all other pictures; of a picture alone, its faces.

    Parameters
    ----------
    pictures : path or sequence of path
        Photographs; folders of them, with all folders below; or patterns such as `photos/*.jpg`.
    network : str
        A network by its name, or the path of an ONNX file.
    detector : str
        What finds faces, a key of `detectors.DETECTORS`.
    passes : int
        Average over that many copies of each face, as `represent_folder` does.
    cohort : path or None
        Embeddings of people like those compared, as `represent_folder` wrote them, a few hundred faces, who need no
        names: distances are normalised by how near both faces lie to them.
    detection_size : int or None
        Shrink larger pictures to this many pixels to find faces, and look nowhere closer.
    upsample : int
        How often pictures are doubled to find smaller faces.
    engine, device : str
        What the networks run on, keys of `runtime.ENGINES` and `runtime.DEVICES`.
    save : path or None
        Where to save a picture of the faces with what was found of each pair; nothing is replaced there but such a
        picture.

    Raises
    ------
    FacelineError
        If an option is out of range, a network or the cohort cannot be used, there are too many faces, or the picture
        cannot be saved. A picture that cannot be read raises nothing: it is one of the result's `pictures`.

    Examples
    --------
    >>> from faceline import compare
    >>> compared = compare(["demo-photos/obama3.jpg", "training-images/obama"])
    >>> [(pair.second.image, round(pair.probability, 2)) for pair in compared.pairs[:2]]
    [('training-images/obama/obama.jpg', 1.0), ('training-images/obama/obama2.jpg', 1.0)]
    """
    place = None if save is None else check_grid_path(save)
    verifier = Verifier.load(
        network=network,
        detector=detector,
        passes=passes,
        cohort=cohort,
        detection_size=detection_size,
        upsample=upsample,
        engine=engine,
        device=device,
    )
    looked = Looked(verifier, place is not None)
    paths = probes_beside(pictures, place)
    with bar("compare", len(paths), leave=False) if len(paths) > 1 else Silent() as progress:
        for path in paths:
            looked.add(path)
            progress.update()
    pairs = looked.pairs()
    shown = 0
    if place is not None and pairs:
        shown = save_grid(looked, pairs, place)
    return Compared(
        looked.pictures,
        list(pairs.values()),
        verifier.network,
        passes,
        verifier.calibration,
        0 if verifier.cohort is None else len(verifier.cohort.embeddings),
        str(place) if shown else "",
        shown,
    )


def probes_beside(pictures: str | Path | Sequence[str | Path], place: Path | None) -> list[str]:
    """The paths that are meant, without the grid of a run before in a folder; raises FacelineError if the grid's place
    is one of those named."""
    named = [pictures] if isinstance(pictures, str | os.PathLike) else pictures
    if place is None:
        return list_probes(named).paths
    if any(real_path(Path(path)) == real_path(place) for path in named):
        raise FacelineError(f"{one_line(place)}: is compared itself; name another file with --save")
    return [path for path in list_probes(named).paths if real_path(Path(path)) != real_path(place)]


class Looked:
    """The faces of pictures, one picture after the other.

    Attributes
    ----------
    pictures : list of ComparedPicture
    owners : list of int
        The picture that each face is of, counted from 0.
    tiles : list of Tile
        Each face as it is shown, where that is wanted.
    """

    def __init__(self, verifier: Verifier, with_tiles: bool) -> None:
        self._verifier, self._with_tiles = verifier, with_tiles
        self._faces: list[RecognizedFace] = []
        self._compared: list[ComparedFace] = []
        self.pictures: list[ComparedPicture] = []
        self.owners: list[int] = []
        self.tiles: list[Tile] = []

    def add(self, path: str) -> None:
        """Look at a picture, whatever it is; raises FacelineError if there are too many faces."""
        try:
            recognizer = self._verifier.recognizer
            decoded = open_picture(read_picture(Path(path)), recognizer.alignment.first_edge)
            found, _ = recognizer.look(decoded.views, True, None, False, 1)
        except UnreadableError as error:
            status = Status.MISSING if isinstance(error, MissingError) else Status.UNREADABLE
            self.pictures.append(ComparedPicture(path, status, unreadable_reason(path, one_line(error.reason))))
            return
        except MemoryError:  # dlib's too
            self.pictures.append(ComparedPicture(path, Status.UNREADABLE, "not enough memory"))
            return
        if len(self._faces) + len(found) > MOST_FACES:
            raise FacelineError(f"more than {MOST_FACES} faces; name fewer pictures, or see faceline cluster")
        faces = [ComparedFace(path, decoded.whole_box(f.box_ltrb), f.turn, len(found) == 1) for f in found]
        if self._with_tiles:
            self.tiles += [
                tile_of(decoded.pixels, face.box_ltrb, face.turn, os.path.basename(str(compared)))
                for face, compared in zip(found, faces, strict=True)
            ][: MOST_SHOWN - len(self.tiles)]
        self.owners += [len(self.pictures)] * len(found)
        self._faces += found
        self._compared += faces
        self.pictures.append(ComparedPicture(path, Status.OK if found else Status.NO_FACE, "", faces))

    def pairs(self) -> dict[tuple[int, int], ComparedPair]:
        """What was found of every two faces of different pictures, or of the only one, by the faces' numbers."""
        numbers = [
            (first, second)
            for first, second in itertools.combinations(range(len(self._faces)), 2)
            if self.owners[first] != self.owners[second] or len(self.pictures) == 1
        ]
        found = self._verifier.pairs(self._faces, numbers)
        return {
            (first, second): ComparedPair(
                self._compared[first], self._compared[second], pair.distance, pair.probability, pair.is_same_picture
            )
            for (first, second), pair in zip(numbers, found, strict=True)
        }


def save_grid(looked: Looked, pairs: dict[tuple[int, int], ComparedPair], path: Path) -> int:
    """Save a picture of the faces and their pairs, and give the number of faces: those of two pictures along one edge
    each, those of more, or of one, along both."""

    def cell(first: int, second: int) -> Cell | None:
        pair = pairs.get((min(first, second), max(first, second)))
        return None if pair is None else Cell(pair.distance, pair.probability, pair.is_same_picture)

    tiles, owners = looked.tiles, looked.owners[: len(looked.tiles)]
    down = owners.count(owners[0]) if len(set(owners)) == 2 else 0
    write_grid(tiles[:down] or tiles, tiles[down:], lambda row, column: cell(row, down + column), path)
    return len(tiles)
