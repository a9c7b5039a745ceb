"""What of a gallery is learnt: which pictures count, and which folders are one person.

A gallery that people put together holds mistakes. Whoever stands in two folders would look like a stranger who comes
too near, and a wrong picture like a person who is not known again; both would spoil the limit for everybody. So folders
that look like one person are learnt as one subject, wrong pictures are left out, and copies of a picture count as one.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np

from faceline.people.label_noise import suspect_pictures
from faceline.people.near_copies import merged, near_copies
from faceline.people.subjects import Link, Subjects, Wrong, families_of


@dataclass(frozen=True)
class Enrolment:
    """What is learnt.

    Attributes
    ----------
    directions : ndarray of shape (m, d), float32
        A direction for each picture that counts, subject by subject.
    labels : ndarray of shape (m,), int32
        The subject of each, 0 to s - 1, in rising order.
    doubts : ndarray of shape (m,), float64
        The probability that a picture that counts is not its subject's after all.
    doubles : ndarray of shape (s,), float64
        The probability that a subject is another one after all.
    subjects : ndarray of shape (k,), int32
        The subject of each folder.
    persons : ndarray of shape (k,), int32
        A number for each folder, the same for those that are one person.
    rows : ndarray of bool of shape (n,)
        The pictures that are not left out; copies of a picture are not.
    scale : float
        The cosine distance that stands for the network's threshold.
    copies : int
        How many pictures are copies of another one.
    wrong : list of Wrong
    links : list of Link
    cohort : ndarray of shape (c, d), float32, or None
        Directions of faces of a cohort, those left out that look like somebody in the gallery.
    """

    directions: np.ndarray
    labels: np.ndarray
    doubts: np.ndarray
    doubles: np.ndarray
    subjects: np.ndarray
    persons: np.ndarray
    rows: np.ndarray
    scale: float
    copies: int
    wrong: list[Wrong]
    links: list[Link]
    cohort: np.ndarray | None = None

    @classmethod
    def of(
        cls,
        directions: np.ndarray,
        labels: np.ndarray,
        names: Sequence[str],
        scale: float,
        distinct: Iterable[tuple[int, int]] = (),
        sure: np.ndarray | None = None,
    ) -> "Enrolment":
        """Look through a gallery.

        Parameters
        ----------
        directions : ndarray of shape (n, d), float32
            Embeddings of length 1, folder by folder.
        labels : ndarray of shape (n,), int
            The folder of each, 0 to k - 1, in rising order.
        names : sequence of k str
            Of the folders.
        scale : float
            The cosine distance that stands for the network's threshold.
        distinct : iterable of pairs of int
            Folders that the user says are two people.
        sure : ndarray of bool of shape (n,), or None
            The pictures that the user says are their folder's person's; None for none.
        """
        first = near_copies(directions, labels, scale)
        originals, means = merged(directions, first)
        confirmed = np.zeros(len(originals), bool)
        if sure is not None:
            confirmed[np.searchsorted(originals, first[sure])] = True
        apart = {(min(pair), max(pair)) for pair in distinct}
        gallery = Subjects(means, labels[originals], scale, families_of(names), apart, confirmed)
        gallery.settle()
        gallery.refuse_jumble()
        wrong = [Wrong(int(originals[w.row]), w.folder, w.whose, w.probability) for w in gallery.wrong]
        people, order = gallery.people()
        doubts = np.where(confirmed[order], 0.0, suspect_pictures(people).nearer)
        doubles = np.zeros(len(people.counts))
        for pair in gallery.unlinked():
            for subject in (pair.one, pair.other):
                doubles[subject] = max(doubles[subject], pair.alike)
        left_out = np.zeros(len(originals), bool)
        left_out[[w.row for w in gallery.wrong]] = True
        return cls(
            np.ascontiguousarray(people.directions),
            people.labels.astype(np.int32),
            doubts,
            doubles,
            gallery.subjects.astype(np.int32),
            gallery.persons.astype(np.int32),
            ~left_out[np.searchsorted(originals, first)],
            scale,
            len(directions) - len(originals),
            wrong,
            gallery.links(),
        )
