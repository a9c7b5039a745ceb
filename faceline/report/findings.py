"""What `train` says of the mistakes that it found in a gallery: by name, how sure it is, and what to do about it."""

from collections import Counter
from collections.abc import Sequence

import numpy as np

from faceline.networks.network import Network
from faceline.people.enrolment import Enrolment
from faceline.people.label_noise import enrolled_after_all
from faceline.people.many.gallery import ManyPeople
from faceline.people.part_weights import LEAST_PEOPLE, weights_for
from faceline.people.resemblance import People
from faceline.people.scoring import MANY_PEOPLE, are_many, unit
from faceline.people.subjects import BELIEVED, Link, Wrong
from faceline.wording import counted, listed, one_line

# A folder of which so large a share is left out, as it looks like nobody else in it, holds no person.
MIXED = 0.5


def findings_of(enrolment: Enrolment, people: Sequence[str], crops: Sequence[str], names: Sequence[str]) -> list[str]:
    """A line for each finding.

    Parameters
    ----------
    enrolment : Enrolment
    people : sequence of k str
        The names of the folders.
    crops : sequence of n str
        Where each embedding came from.
    names : sequence of n str
        Whose each one is.
    """
    counts = Counter(names)
    pictures = [counts[name] for name in people]
    strange = Counter(wrong.folder for wrong in enrolment.wrong if wrong.whose is None)
    mixed = {folder for folder, count in strange.items() if count > 1 and count >= MIXED * pictures[folder]}
    lines = [link_line(link, people) for link in enrolment.links]
    lines += [
        f"{one_line(people[folder])}: {strange[folder]} of {counted(pictures[folder], 'picture')} look like nobody else"
        " in the folder, and are left out; if it holds faces of nobody in particular, take it out and name its"
        " embeddings with --strangers"
        for folder in sorted(mixed)
    ]
    lines += [
        wrong_line(wrong, people, crops)
        for wrong in enrolment.wrong
        if wrong.whose is not None or wrong.folder not in mixed
    ]
    if enrolment.copies:
        lines.append(
            f"{counted(enrolment.copies, 'picture')} nearly the same as another one of the person: no new view"
        )
    return lines


def stranger_lines(enrolment: Enrolment, people: Sequence[str], faces: np.ndarray, crops: Sequence[str]) -> list[str]:
    """A line for each face, of `faces`, (m, d) embeddings, that is said to be nobody's and looks like somebody."""
    gallery = People(enrolment.directions, enrolment.labels, enrolment.scale)
    subjects, probabilities = enrolled_after_all(unit(faces), gallery)
    first = {subject: one_line(name) for subject, name in zip(enrolment.subjects[::-1], people[::-1], strict=True)}
    return [
        f"{one_line(crop)} of the strangers looks like {first[subject]} ({sureness(probability)}), and counts the less;"
        " look at the picture, move or remove it"
        for crop, subject, probability in zip(crops, subjects, probabilities, strict=True)
        if probability >= BELIEVED
    ]


def weights_line(network: Network, factors: np.ndarray) -> str:
    """How much each part of a combination of networks counts, and whether that was learnt: see `Gallery.factors`."""
    weights = weights_for(factors, network.weights, [part.dimensions for part in network.parts])
    parts = zip(network.parts, weights, strict=True)
    said = ", ".join(f"{one_line(part.name)} {weight:.2f}" for part, weight in parts)
    if (factors != 1).any():
        return f"Weights of the networks, learnt from these people: {said}."
    return f"Weights of the networks: {said}; to learn them takes {LEAST_PEOPLE} people with several pictures."


def many_lines(gallery: ManyPeople) -> list[str]:
    """How people are told apart without SVMs, and what was not looked for where they are very many."""
    scorer = gallery.scorer
    lines = [f"Learned by similarity alone; a face is looked for in {scorer.probes} of {len(scorer.centres)} lists."]
    if are_many(len(gallery.people)):
        lines.append(f"Of more than {MANY_PEOPLE} people, pictures in wrong folders are not looked for.")
    return lines


def cohort_line(used: int, faces: int) -> str:
    """How many faces of a cohort count."""
    left_out = ", without copies and those that look like somebody here" if used < faces else ""
    return f"Cohort: {used} of {counted(faces, 'face')}{left_out}."


def link_line(link: Link, people: Sequence[str]) -> str:
    names = [one_line(people[folder]) for folder in link.folders]
    several = " and ".join(names) if len(names) == 2 else listed(names)
    quoted = " ".join(map(quoted_for_shells, names[:2]))
    if link.same:
        return (
            f"{several} are probably one person ({sureness(link.probability)}) and are learnt as one; put the pictures"
            f" in one folder, or, if they are different people: train --distinct {quoted}"
        )
    return (
        f"{several} look like one person ({sureness(link.probability)}): the likelier one is named; if they are one,"
        " put the pictures in one folder"
    )


def quoted_for_shells(name: str) -> str:
    """A name as it is typed in a shell, where it may hold an apostrophe or a space."""
    return "'" + name.replace("'", "'\\''") + "'"


def wrong_line(wrong: Wrong, people: Sequence[str], crops: Sequence[str]) -> str:
    crop, name = one_line(crops[wrong.row]), one_line(people[wrong.folder])
    who = "looks like nobody else in its folder"
    if wrong.whose is not None:
        who = f"is nearer to {one_line(people[wrong.whose])} than to {name}"
    return f"{crop} {who} ({sureness(wrong.probability)}) and is left out; look at the picture, move or remove it"


def sureness(probability: float) -> str:
    """A probability in per cent, never quite certain."""
    return f"{min(100 * probability, 99):.0f} % sure"
