"""What is known of faces before they are compared: by whom they are, whether they are one person, or two."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field

import numpy as np

from faceline.people.clustering.photographs import are_among, pair_keys
from faceline.people.decisions import Decisions


@dataclass(frozen=True)
class Constraints:
    """What the user has said of n faces.

    Attributes
    ----------
    people : ndarray of shape (n,), int
        A number for each who is known, the same for faces of one person, no two of which go together; -1 for others.
    joined : list of ndarray of int
        Faces that are one person's, by groups; a face is in one group at most.
    apart : ndarray of shape (m, 2), int64
        Pairs of faces of two people.
    """

    people: np.ndarray
    joined: list[np.ndarray] = field(default_factory=list)
    apart: np.ndarray = field(default_factory=lambda: np.empty((0, 2), np.int64))

    @classmethod
    def of(cls, decisions: Decisions, faces: np.ndarray) -> "Constraints":
        """Of what was decided, what is about `faces`, (n,) rows of the decisions in rising order."""
        place = {row: index for index, row in enumerate(faces.tolist())}
        numbers = {name: number for number, name in enumerate(sorted(set(decisions.names.values())))}
        people = np.full(len(faces), -1)
        first: dict[str, int] = {}
        for row, name in sorted(decisions.names.items()):
            if row in place:
                people[place[row]] = numbers[name]
                first.setdefault(name, place[row])
        groups = [np.array(sorted(place[row] for row in rows if row in place), int) for rows in decisions.together]
        pairs = [
            (place[one], place[other])
            for ones, others in decisions.apart
            for one, other in representatives(ones, others, decisions.together)
            if one in place and other in place
        ]
        pairs += [
            (place[row], first[name])
            for row, names in decisions.others.items()
            for name in sorted(names)
            if row in place and name in first
        ]
        apart = np.array(sorted(set(pairs)), np.int64).reshape(-1, 2)
        return cls(people, [group for group in groups if len(group) > 1], apart)

    @property
    def is_empty(self) -> bool:
        return not self.joined and not len(self.apart) and not (self.people >= 0).any()

    @property
    def known(self) -> np.ndarray:
        """Whose cluster follows from what was said, (n,) bool."""
        found = self.people >= 0
        for group in self.joined:
            found[group] = True
        return found


def representatives(ones: set[int], others: set[int], together: Sequence[set[int]]) -> Iterator[tuple[int, int]]:
    """Pairs that tell two groups apart: of faces that are together one is enough."""
    some = [sorted(least_of(group, together)) for group in (ones, others)]
    return ((one, other) for one in some[0] for other in some[1])


def least_of(group: set[int], together: Sequence[set[int]]) -> set[int]:
    """The faces of a group, but of those that are together the first alone."""
    found = set(group)
    for faces in together:
        found -= set(sorted(faces & group)[1:])
    return found


class Barriers:
    """Which clusters must not go together; in the beginning, each face is a cluster."""

    def __init__(self, constraints: Constraints) -> None:
        self._people = constraints.people.copy()
        self._count = len(self._people)
        self._keys = np.unique(pair_keys(constraints.apart[:, 0], constraints.apart[:, 1], self._count))

    def merge(self, first: np.ndarray, second: np.ndarray) -> None:
        """Put the clusters `second` into the clusters `first`, pair by pair; none stands there twice."""
        self._people[first] = np.maximum(self._people[first], self._people[second])
        if len(self._keys):
            place = np.arange(self._count)
            place[second] = first
            one, other = (place[end] for end in np.divmod(self._keys, self._count))
            self._keys = np.unique(pair_keys(one, other, self._count))

    def between(self, first: np.ndarray, second: np.ndarray) -> np.ndarray:
        """Whether something stands between clusters, pair by pair."""
        one, other = self._people[first], self._people[second]
        are_two = (one >= 0) & (other >= 0) & (one != other)
        return are_two | are_among(pair_keys(first, second, self._count), self._keys)


def rounds(groups: Iterable[np.ndarray]) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """Merges that put each group together, in rounds in which no face stands twice."""
    waiting = [group for group in groups if len(group) > 1]
    while waiting:
        yield (
            np.concatenate([group[: len(group) // 2 * 2 : 2] for group in waiting]),
            np.concatenate([group[1::2] for group in waiting]),
        )
        waiting = [rest for rest in (group[::2] for group in waiting) if len(rest) > 1]
