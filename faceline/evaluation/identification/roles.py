"""Who is known and who a stranger in an evaluation of identification."""

import itertools
from collections import Counter
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from faceline.disk.paths import named_path
from faceline.disk.people_paths import UNKNOWN
from faceline.disk.reading import read_bytes
from faceline.errors import FacelineError, cure
from faceline.evaluation.comparison import Embedded
from faceline.evaluation.identification.trials import halves
from faceline.wording import one_line


@dataclass(frozen=True)
class Roles:
    """Who is known and who a stranger, and by which rule; `strangers` is None where half of the known people are."""

    known: list[str]
    strangers: list[str] | None
    rule: str

    def draw(self, generator: np.random.Generator) -> tuple[list[str], list[str]]:
        return halves(self.known, generator) if self.strangers is None else (self.known, self.strangers)


def choose_roles(
    embedded: Embedded,
    folder: Path,
    known_path: str | Path | None,
    strangers_path: str | Path | None,
    enrolled: int,
) -> Roles:
    """Decide who is known and who a stranger, from the number of each person's pictures; see `identify`.

    Raises
    ------
    FacelineError
        If a list cannot be read or names people without pictures, or somebody is in both, or none are left of a kind.
    """
    pictures = Counter(embedded.people)
    known, strangers = (
        path if path is None else read_list(named_path(path), pictures, folder) for path in (known_path, strangers_path)
    )
    faces = Counter(itertools.compress(embedded.people, ~embedded.fallbacks))
    enough = sorted(person for person, count in faces.items() if count > enrolled)
    several = f"more than {enrolled} picture" + "s" * (enrolled > 1)
    if known is not None and strangers is not None:
        roles = Roles(known, strangers, f"Known people and strangers by the lists {known_path} and {strangers_path}")
    elif known is not None:
        others = sorted(pictures.keys() - {*known})
        roles = Roles(known, others, f"Known people by the list {known_path}, strangers are all others")
    elif strangers is not None:
        others = sorted({*enough} - {*strangers})
        rule = f"Strangers by the list {strangers_path}, known are all others with {several}"
        roles = Roles(others, strangers, rule)
    elif len(enough) < len(pictures):
        others = sorted(pictures.keys() - {*enough})
        roles = Roles(enough, others, f"Known are people with {several}, strangers all others")
    else:
        rule = f"Everybody has {several}: half of the people, drawn anew each time, are known, the rest strangers"
        roles = Roles(enough, None, rule)
    check_roles(roles, enough, folder, several)
    if faceless := sorted({*roles.known} - faces.keys()):
        raise FacelineError(
            f"no picture of {one_line(faceless[0])!r} shows a face ({len(faceless)} in all); correct the list"
        )
    return roles


def check_roles(roles: Roles, enough: list[str], folder: Path, several: str) -> None:
    """Raise FacelineError unless there are strangers, and known people of whom a picture is left to be named."""
    known, strangers = roles.known, roles.strangers
    if both := sorted({*known} & {*(strangers or [])}):
        named = f"{one_line(both[0])!r} is on both lists ({len(both)} in all)"
        raise FacelineError(f"{named}; take them off one of the two")
    if not {*known} & {*enough}:
        raise FacelineError(f"nobody who is known has {several}; choose a smaller --enrolled")
    if strangers == [] or (strangers is None and len(known) == 1):
        raise FacelineError(f"{one_line(folder)}: nobody is left to be a stranger; add pictures of other people")
    if UNKNOWN in known:
        raise FacelineError(f"a person is named {UNKNOWN}, as strangers are; rename that folder of pictures")


def read_list(path: Path, people: Counter, folder: Path) -> list[str]:
    """The people of a list, sorted; raises FacelineError if there are none, or some who are not among `people`."""
    with cure("name a file with a person on each line"):
        lines = read_bytes(path).decode("utf-8-sig", "surrogateescape").split("\n")
        # A folder's name may end in a blank; what a list has too much is taken off where nobody is called so.
        lines = [line.removesuffix("\r") for line in lines]
        listed = sorted({line if line in people else line.strip() for line in lines} - {""})
        if not listed:
            raise FacelineError(f"{one_line(path)}: lists nobody")
    if missing := [person for person in listed if person not in people]:
        raise FacelineError(
            f"{one_line(path)}: {one_line(missing[0])!r} has no embedding in {one_line(folder)}"
            f" ({len(missing)} in all); correct the list"
        )
    return listed
