"""Pairs of pictures to be compared, as the files of Labeled Faces in the Wild list them."""

from collections import defaultdict
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from faceline.disk.people_paths import folder_of
from faceline.disk.reading import read_bytes
from faceline.errors import FacelineError, cure
from faceline.wording import counted, one_line

# The folds of a file that is not split.
FOLDS = 10


@dataclass(frozen=True)
class ListedPicture:
    """The picture of a person with a number, counted from 1: `<name>/<name>_0001`."""

    name: str
    number: int

    def __str__(self) -> str:
        return f"{self.name}/{self.name.rpartition('/')[2]}_{self.number:04d}"


@dataclass(frozen=True)
class Pair:
    """Two pictures that show the same person or two, on a line of the file, and the fold that they belong to."""

    first: ListedPicture
    second: ListedPicture
    same: bool
    fold: int
    line: int


@dataclass(frozen=True)
class Pairs:
    """The pairs of a file; `has_folds` says whether the file splits them into folds itself."""

    pairs: list[Pair]
    has_folds: bool


def read_pairs(path: Path) -> Pairs:
    """Read a pairs file of LFW: of View 1, such as `pairsDevTest.txt`, or of View 2, `pairs.txt`.

    The first line says how many pairs of each kind there are, behind the number of folds if there are several. Then
    each fold has that many lines `name i j`, two pictures of one person, and as many `name i name j`, of two. Tabs or
    blanks are between. A file without folds is split into ten: every tenth pair of each kind.

    Raises
    ------
    FacelineError
        If the file cannot be read or is none, or has fewer than two pairs of a kind.
    """
    with cure("name a list of pairs, such as LFW's pairs.txt"):
        text = read_bytes(path).decode("utf-8-sig", errors="surrogateescape")
    lines = [(number, line) for number, line in enumerate(text.split("\n"), start=1) if line.strip()]
    number = 1
    try:
        if not lines:
            raise ValueError("empty")
        number, line = lines.pop(0)
        folds, each = read_counts(line)
        promised = 2 * folds * each
        number = (lines[promised] if len(lines) > promised else lines[-1] if lines else (number,))[0]
        if len(lines) != promised:
            there = "there is" if len(lines) == 1 else "there are"
            raise ValueError(f"{there} {counted(len(lines), 'pair')}; the first line promises {promised}")
        splits = folds if folds > 1 else min(FOLDS, each)
        pairs = []
        for index, (number, line) in enumerate(lines):
            fold, place = divmod(index, 2 * each)
            pairs.append(read_pair(line, place < each, fold if folds > 1 else place % each % splits, number))
        if splits < 2:
            raise ValueError("one pair of each kind is too few for an accuracy")
    except ValueError as error:
        raise FacelineError(f"{one_line(path)}: line {number}: {one_line(error)}") from None
    return Pairs(pairs, folds > 1)


def fields_of(line: str) -> list[str]:
    return [field.strip() for field in line.strip().split("\t")] if "\t" in line.strip() else line.split()


def read_counts(line: str) -> tuple[int, int]:
    """The number of folds, and of the pairs of each kind in a fold; raises ValueError."""
    try:
        numbers = [int(field) if len(field) < 10 else 0 for field in fields_of(line)]
    except ValueError:
        numbers = []
    if len(numbers) not in (1, 2) or min(numbers) < 1:
        raise ValueError(f"{line.strip()[:40]!r} is no number of pairs, as 500, or of folds and pairs, as 10 300")
    return (1, numbers[0]) if len(numbers) == 1 else (numbers[0], numbers[1])


def read_pair(line: str, same: bool, fold: int, number: int) -> Pair:
    """The pair that stands on a line; raises ValueError."""
    fields = fields_of(line)
    form = "name i j" if same else "name i name j"
    if len(fields) != len(form.split()) or not all(fields):
        raise ValueError(f"{line.strip()[:80]!r} is not of the form `{form}`")
    if same:
        fields.insert(2, fields[0])
    first, second = (ListedPicture(fields[place], picture_number(fields[place + 1])) for place in (0, 2))
    if same and first == second:
        raise ValueError("a picture is compared with itself")
    if not same and fields[0] == fields[2]:
        raise ValueError(f"two pictures of {fields[0]} among the pairs of two people")
    return Pair(first, second, same, fold, number)


def picture_number(text: str) -> int:
    if not (text.isascii() and text.isdigit() and len(text) < 10) or int(text) < 1:
        raise ValueError(f"{text[:40]!r} is no number of a picture, counted from 1")
    return int(text)


def rows_of_pairs(path: Path, pairs: list[Pair], crops: list[str]) -> list[tuple[int, int]]:
    """Where in `crops` the two pictures of each pair are.

    The crop of `Ann/Ann_0001` is `Ann/Ann_0001.<ending>.png`, or lies deeper: `lfw/Ann/Ann_0001.<ending>.png`.

    Raises
    ------
    FacelineError
        If a picture of the file `path` has no crop, or several.
    """
    rows = defaultdict(list)
    for row, crop in enumerate(crops):
        path_of_picture = f"{folder_of(crop)}/{PurePosixPath(crop.removesuffix('.png')).stem}"
        parts = path_of_picture.split("/")
        for start in range(len(parts) - 1):
            rows["/".join(parts[start:])].append(row)
    chosen: dict[ListedPicture, int] = {}
    lacking: dict[ListedPicture, int] = {}
    for pair in pairs:
        for picture in (pair.first, pair.second):
            found = rows.get(str(picture), [])
            found = [row for row in found if folder_of(crops[row]) == picture.name] or found
            if not found:
                lacking.setdefault(picture, pair.line)
            elif len(found) > 1:
                names = " and ".join(one_line(crops[row]) for row in found[:2])
                raise FacelineError(f"{one_line(path)}: line {pair.line}: {names} are both {one_line(picture)}")
            else:
                chosen[picture] = found[0]
    if lacking:
        picture, line = next(iter(lacking.items()))
        raise FacelineError(
            f"{one_line(path)}: line {line}: {one_line(picture)} has no embedding"
            f" ({counted(len(lacking), 'picture')} in all); every pair counts: manifest.csv of align-dlib.py"
            " has the reason; where no face was found, align with --fallback centre"
        )
    return [(chosen[pair.first], chosen[pair.second]) for pair in pairs]
