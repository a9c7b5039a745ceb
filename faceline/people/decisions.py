"""What the user's corrections mean for the faces that there are: who each is, who is together, and who is apart."""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import TypeVar

import numpy as np

from faceline.disk.corrections import Correction, FaceKey
from faceline.disk.pictures.boxes import Box

# A box and that of a correction are one face's if they share this much of what they cover together: boxes of different
# detectors of one face share more than half, those of neighbours in a crowd less than a fifth.
SHARED = 0.3

Member = TypeVar("Member", int, str)


@dataclass(frozen=True)
class FaceAt:
    """Where a face that there is comes from: the picture's path, its file's SHA-256, and the box in it."""

    image: str
    photo: str
    box_ltrb: Box


@dataclass
class Decisions:
    """What the user has decided of faces, which are rows 0 to n - 1.

    Attributes
    ----------
    names : dict of int to str
        Who a face is.
    others : dict of int to set of str
        Who a face is not.
    no_face : set of int
        What shall not count.
    together : list of set of int
        Faces that are one person each; those of one name are among them.
    apart : list of (set of int, set of int)
        Faces that are another person than the others; those of two names are not among them.
    same_people : list of tuple of str
        People who are one, the name that they are to have first.
    distinct_people : list of (str, str)
        People who are two, whatever they look like.
    unknown : int
        How many faces that corrections speak of are not here.
    """

    names: dict[int, str] = field(default_factory=dict)
    others: dict[int, set[str]] = field(default_factory=lambda: defaultdict(set))
    no_face: set[int] = field(default_factory=set)
    together: list[set[int]] = field(default_factory=list)
    apart: list[tuple[set[int], set[int]]] = field(default_factory=list)
    same_people: list[tuple[str, ...]] = field(default_factory=list)
    distinct_people: list[tuple[str, str]] = field(default_factory=list)
    unknown: int = 0

    def name(self, rows: set[int], name: str) -> None:
        for row in rows:
            self.names[row] = name
            self.others[row].discard(name)
        self.no_face -= rows

    def deny(self, rows: set[int], name: str) -> None:
        for row in rows:
            self.others[row].add(name)
            if self.names.get(row) == name:
                del self.names[row]

    def drop(self, rows: set[int]) -> None:
        self.no_face |= rows
        for row in rows:
            self.names.pop(row, None)

    def join(self, rows: set[int]) -> None:
        """These are one person, whatever was said of them before."""
        self.apart = [pair for pair in self.apart if not (pair[0] & rows and pair[1] & rows)]
        self.together.append(set(rows))

    def part(self, groups: Sequence[set[int]]) -> None:
        """Each group is another person than the others, whatever was said of them before."""
        for number, group in enumerate(groups):
            rest = union([*groups[:number], *groups[number + 1 :]])
            self.together = [part for known in self.together for part in separated(known, group, rest) if len(part) > 1]
        self.apart += [
            (one, other) for number, one in enumerate(groups) for other in groups[number + 1 :] if one and other
        ]

    def settle(self) -> None:
        """Give the name of one face of a person to the others, and put those of one name together."""
        joined = components(self.together)
        self.together = []
        for faces in joined:
            found = {self.names[row] for row in faces if row in self.names}
            if len(found) == 1:
                (name,) = found
                for row in faces - self.no_face:
                    if name not in self.others[row]:
                        self.names[row] = name
            elif not found:
                self.together.append(faces - self.no_face)
        by_name: dict[str, set[int]] = defaultdict(set)
        for row, name in self.names.items():
            by_name[name].add(row)
        self.together = [faces for faces in (*self.together, *by_name.values()) if len(faces) > 1]


def separated(known: set[int], group: set[int], rest: set[int]) -> list[set[int]]:
    """Faces that were said to be one person, with those of a group taken out if others of them are in the rest."""
    return [known - group, known & group] if known & group and known & rest else [known]


def union(sets: Iterable[set[int]]) -> set[int]:
    """All members of sets."""
    return set().union(*sets)


def components(sets: Iterable[set[Member]]) -> list[set[Member]]:
    """Sets put together that share a member."""
    found: list[set[Member]] = []
    for one in sets:
        touched = [known for known in found if known & one]
        found = [known for known in found if not known & one] + [set(one).union(*touched)]
    return found


def decide(corrections: Iterable[Correction], faces: Sequence[FaceAt | None]) -> Decisions:
    """What corrections mean for faces, of which those that are None cannot be named by any."""
    places = Places(faces)
    decisions = Decisions()
    for correction in corrections:
        groups = [union(map(places.rows, group)) for group in correction.groups]
        everyone = union(groups)
        match correction.what:
            case "is":
                decisions.name(everyone, correction.name)
            case "is-not":
                decisions.deny(everyone, correction.name)
            case "no-face":
                decisions.drop(everyone)
            case "same" | "merge":
                decisions.join(everyone)
            case "different":
                decisions.part(groups)
            case "split":
                for group in groups:
                    decisions.join(group)
                decisions.part(groups)
            case "same-people":
                decisions.same_people.append(correction.people)
                decisions.distinct_people = [
                    pair for pair in decisions.distinct_people if not set(pair) <= set(correction.people)
                ]
            case "different-people":
                decisions.distinct_people += pairs_of(correction.people)
                decisions.same_people = [
                    people for people in decisions.same_people if len(set(people) & set(correction.people)) < 2
                ]
    decisions.settle()
    decisions.unknown = places.unknown
    return decisions


def pairs_of(people: Sequence[str]) -> list[tuple[str, str]]:
    """All pairs, each sorted."""
    ordered = sorted(people)
    return [(one, other) for number, one in enumerate(ordered) for other in ordered[number + 1 :]]


class Places:
    """Which rows a face that a correction names is: one for each picture that is that photograph."""

    def __init__(self, faces: Sequence[FaceAt | None]) -> None:
        self.unknown = 0
        self.by_photo: dict[str, dict[str, list[tuple[int, Box]]]] = defaultdict(lambda: defaultdict(list))
        for row, face in enumerate(faces):
            if face is not None:
                self.by_photo[face.photo][face.image].append((row, face.box_ltrb))

    def rows(self, key: FaceKey) -> set[int]:
        found = set()
        for candidates in self.by_photo.get(key.photo, {}).values():
            shares = [shared(key.box_ltrb, box) for _, box in candidates]
            best = int(np.argmax(shares))
            if shares[best] >= SHARED:
                found.add(candidates[best][0])
        self.unknown += not found
        return found


def shared(one: Box, other: Box) -> float:
    """How much of what two boxes cover together both cover."""
    width = min(one[2], other[2]) - max(one[0], other[0])
    height = min(one[3], other[3]) - max(one[1], other[1])
    both = max(width, 0) * max(height, 0)
    areas = sum((box[2] - box[0]) * (box[3] - box[1]) for box in (one, other))
    return both / max(areas - both, 1)
