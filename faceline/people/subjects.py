"""Which folders are one person, or look like one, and which pictures lie in a wrong one: suspicions become decisions.

A subject is what is learnt as one: a folder, or several that look like one person.
"""

import itertools
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import astuple, dataclass

import numpy as np

from faceline.disk.people_paths import folder_of, spelling
from faceline.errors import FacelineError
from faceline.people.agreement import UNLIKE
from faceline.people.doubles import RELATED_PRIOR, SPELLING_PRIOR, Family, SuspectPair, suspect_pairs
from faceline.people.label_noise import Suspicions, suspect_pictures
from faceline.people.resemblance import People

# From this probability on a suspicion is believed; that a picture shows nobody of the gallery only where it is nearly
# certain, as there are hard pictures of everybody.
BELIEVED, CERTAIN = 0.5, 0.9
ROUNDS = 10
# Fewer folders of several pictures do not tell whether folders hold a person each.
LEAST_FOLDERS = 4


@dataclass(frozen=True)
class Wrong:
    """A picture that is left out: it is probably the folder `whose`'s, or, where that is None, nobody's here."""

    row: int
    folder: int
    whose: int | None
    probability: float


@dataclass(frozen=True)
class Link:
    """Folders that are learnt as one subject: one person where `same`, else people who look alike."""

    folders: tuple[int, ...]
    probability: float
    same: bool


def families_of(names: Sequence[str]) -> list[tuple[np.ndarray, float]]:
    """Folders whose names make it likelier that they are one person, and how likely: the likelier ones last."""
    by_key: dict[tuple[str, str], list[int]] = defaultdict(list)
    for folder, name in enumerate(names):
        last = spelling(name.rpartition("/")[2])
        by_key["parent", folder_of(name)].append(folder)
        by_key["stem", last.rstrip("0123456789") or last].append(folder)
        by_key["spelling", spelling(name)].append(folder)
    found = []
    for kind, prior in (("parent", RELATED_PRIOR), ("stem", RELATED_PRIOR), ("spelling", SPELLING_PRIOR)):
        found += [
            (np.array(folders), prior)
            for (of_kind, key), folders in by_key.items()
            if of_kind == kind and key and len(folders) > 1
        ]
    return found


class Subjects:
    """Folders on the way to becoming subjects.

    Attributes
    ----------
    subjects, persons : ndarrays of shape (k,), int
        The subject and the person of each folder so far.
    kept : ndarray of bool of shape (n,)
        The pictures that are not left out.
    wrong : list of Wrong
        Those that are.
    joined : list of (int, int, float)
        A folder of each of two subjects that have become one, and the probability that they are one person.
    """

    def __init__(
        self,
        directions: np.ndarray,
        folders: np.ndarray,
        scale: float,
        families: list[tuple[np.ndarray, float]],
        distinct: set[tuple[int, int]],
        sure: np.ndarray,
    ) -> None:
        self.directions, self.folders, self.scale = directions, folders, scale
        self.families, self.distinct, self.sure = families, distinct, sure
        count = int(folders[-1]) + 1
        self.subjects, self.persons = np.arange(count), np.arange(count)
        self.kept = np.ones(len(folders), bool)
        self.wrong: list[Wrong] = []
        self.sureness: dict[int, float] = {}
        self.joined: list[tuple[int, int, float]] = []

    def people(self) -> tuple[People, np.ndarray]:
        """The subjects as they are now, and which row each of their pictures is."""
        labels = self.subjects[self.folders]
        order = np.argsort(labels, kind="stable")
        order = order[self.kept[order]]
        return People(self.directions[order], labels[order], self.scale), order

    def unlinked(self) -> list[SuspectPair]:
        """Pairs of subjects that may be one."""
        families = []
        for folders, prior in self.families:
            members = np.unique(self.subjects[folders])
            if len(members) > 1:
                families.append(Family(members, prior))
        families += [Family(np.unique(self.subjects[list(pair)]), 0.5) for pair in self.distinct if self.apart(pair)]
        return suspect_pairs(self.people()[0], families, np.bincount(self.subjects) > 1)

    def apart(self, pair: tuple[int, int]) -> bool:
        return self.subjects[pair[0]] != self.subjects[pair[1]]

    def link(self) -> None:
        """Make one subject of those that look like one person, the likeliest pairs first, until there are no more.

        In a round, each subject is joined with one other at most, since what they look like together decides about the
        next one; but those of a family all at once, since they speak for each other.
        """
        for _ in range(ROUNDS):
            taken: set[int] = set()
            folders = [np.flatnonzero(self.subjects == subject)[0] for subject in range(self.subjects.max() + 1)]
            for pair in self.unlinked():
                if pair.alike < BELIEVED:
                    break
                if pair.related or not {pair.one, pair.other} & taken:
                    taken |= {pair.one, pair.other}
                    self.join(int(folders[pair.one]), int(folders[pair.other]), pair)
            if not taken:
                break
            self.subjects = np.unique(self.subjects, return_inverse=True)[1]

    def join(self, a: int, b: int, pair: SuspectPair) -> None:
        """Make one subject of those of two folders, and one person where they are."""
        if not self.apart((a, b)):
            return
        one, other = (np.flatnonzero(self.subjects == self.subjects[folder]) for folder in (a, b))
        folders = np.concatenate([one, other])
        persons = [np.unique(self.persons[own]) for own in (one, other)]
        forbidden = any((min(x, y), max(x, y)) in self.distinct for x in one.tolist() for y in other.tolist())
        self.joined.append((a, b, 0.0 if forbidden else pair.same))
        is_same = pair.same >= BELIEVED and not forbidden and all(len(found) == 1 for found in persons)
        if is_same:
            self.persons[folders] = min(found[0] for found in persons)
        self.subjects[folders] = self.subjects[a]
        sureness = min(pair.same if is_same else pair.alike, *(self.sureness.get(int(own), 1.0) for own in folders))
        self.sureness[int(folders.min())] = sureness

    def leave_out(self) -> None:
        """Leave out the pictures that lie in a wrong folder, until there are no more. No folder loses its last."""
        for _ in range(ROUNDS):
            people, order = self.people()
            suspicions = suspect_pictures(people)
            strange = np.where(suspicions.strange >= CERTAIN, suspicions.strange, 0)
            if not self.leave(order, suspicions, suspicions.nearer + strange):
                break

    def leave_out_of_pairs(self) -> None:
        """Leave out pictures of somebody else whose folder holds one other picture, which is unlike them.

        Otherwise the folder would be linked with the somebody else's, and the other picture be left out of both.
        """
        people, order = self.people()
        suspicions = suspect_pictures(people)
        is_one_of_two = (people.counts[people.labels] == 2) & (suspicions.own < UNLIKE)
        self.leave(order, suspicions, np.where(is_one_of_two, suspicions.nearer, 0))

    def leave(self, order: np.ndarray, suspicions: Suspicions, probability: np.ndarray) -> bool:
        """Leave out the pictures, the rows `order`, whose probability is believed; says whether there are any."""
        probability = np.where(self.sure[order], 0, probability)  # as the user says
        left = np.bincount(self.folders[self.kept], minlength=len(self.subjects))
        before = len(self.wrong)
        for i in np.argsort(-probability, kind="stable")[: np.count_nonzero(probability >= BELIEVED)]:
            folder = int(self.folders[order[i]])
            if left[folder] < 2:
                continue
            left[folder] -= 1
            self.kept[order[i]] = False
            is_nearer = suspicions.nearer[i] >= suspicions.strange[i]
            whose = int(np.flatnonzero(self.subjects == suspicions.whose[i])[0]) if is_nearer else None
            self.wrong.append(Wrong(int(order[i]), folder, whose, float(probability[i])))
        return len(self.wrong) > before

    def settle(self) -> None:
        """Decide what is one subject, and which pictures are left out."""
        self.leave_out_of_pairs()
        self.link()
        self.leave_out()
        if self.wrong:
            self.link()

    def suspicions(self) -> Suspicions:
        """What is suspected of every picture, beside the subjects as they are now."""
        labels = self.subjects[self.folders]
        order = np.argsort(labels, kind="stable")
        found = suspect_pictures(People(self.directions[order], labels[order], self.scale), self.kept[order])
        places = np.argsort(order, kind="stable")
        whose, nearer, strange, own = (values[places] for values in astuple(found))
        return Suspicions(whose, np.where(self.sure, 0, nearer), np.where(self.sure, 0, strange), own)

    def refuse_jumble(self) -> None:
        """Raise FacelineError where most folders of several pictures have lost half of them: they hold nobody each."""
        before, after = (
            np.bincount(rows, minlength=len(self.subjects)) for rows in (self.folders, self.folders[self.kept])
        )
        several = before > 1
        if np.count_nonzero(several) >= LEAST_FOLDERS and (2 * after <= before)[several].mean() > BELIEVED:
            advice = "make sure that each folder holds pictures of one person"
            raise FacelineError(f"the people cannot be told apart, their own pictures are taken for others'; {advice}")

    def is_settled(self, folders: np.ndarray) -> bool:
        """Whether the user has said of all people in these folders that they are distinct."""
        pairs = itertools.combinations(folders.tolist(), 2)
        return all(self.persons[a] == self.persons[b] or (a, b) in self.distinct for a, b in pairs)

    def links(self) -> list[Link]:
        """What has been linked, as far as the user has not said that it is right."""
        found = []
        for subject in np.flatnonzero(np.bincount(self.subjects) > 1):
            folders = np.flatnonzero(self.subjects == subject)
            persons = self.persons[folders]
            if len(set(persons.tolist())) == 1:
                groups = [(folders, True)]
            else:
                groups = [(folders[persons == person], True) for person in np.unique(persons)]
                groups = [(group, True) for group, _ in groups if len(group) > 1] + [(folders, False)]
            sureness = self.sureness.get(int(folders.min()), 1.0)
            found += [
                Link(tuple(map(int, group)), sureness, same)
                for group, same in groups
                if same or not self.is_settled(group)
            ]
        return found
