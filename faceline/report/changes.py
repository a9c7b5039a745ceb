"""What changes for people when another network embeds their pictures: who is named otherwise, and who lies closer."""

import heapq
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from faceline.disk.people_paths import UNKNOWN
from faceline.errors import FacelineError
from faceline.networks.network import Network
from faceline.people import galleries
from faceline.people.scoring import unit
from faceline.wording import MOST_NAMES, counted, listed, one_line

# Pictures are held out in so many parts, one after the other; of a gallery with more pictures than this one part alone,
# since each part takes as long as training.
PARTS = 5
MOST_PICTURES = 5_000

# People whose mean faces lie nearer than this, in units of the network's threshold, look like one person to it.
NEAR = 1.0

# People who are compared with all others at once.
BLOCK = 1000


@dataclass(frozen=True)
class Embedded:
    """Pictures as one network sees them: `embeddings` is (n, d) float32, and `options` are those of `Gallery.enrol`
    beside the network."""

    embeddings: np.ndarray
    network: Network
    options: dict


def changes(
    names: Sequence[str], pictures: Sequence[str], before: Embedded, now: Embedded, distinct: Sequence[tuple[str, str]]
) -> list[str]:
    """Lines on what changes for the same pictures.

    Parameters
    ----------
    names : sequence of n str
        Whose each picture is.
    pictures : sequence of n str
        What each is called.
    before, now : Embedded
        Row for row the same pictures, as two networks see them.
    distinct : sequence of pairs of str
        As `Gallery.enrol` has it.
    """
    lines = nearer_people(names, before, now)
    try:
        held_out = list(parts(names))
        answers = [answers_of(names, pictures, own, held_out, distinct) for own in (before, now)]
    except FacelineError as error:  # too few pictures are left for the classifier or its components
        return [*lines, f"Whether pictures get another name is not known: {error}."]
    rows = np.concatenate(held_out) if held_out else np.empty(0, int)
    return [*renamed(rows, names, pictures, *answers), *lines]


def parts(names: Sequence[str]) -> Iterator[np.ndarray]:
    """The rows that are held out together: of each person one picture in PARTS, so that most stay enrolled."""
    _, who = np.unique(np.array(names, object), return_inverse=True)
    order = np.argsort(who, kind="stable")
    starts = np.flatnonzero(np.diff(who[order], prepend=-1))
    place = np.empty(len(who), int)
    place[order] = np.arange(len(who)) - np.repeat(starts, np.diff(np.append(starts, len(who))))
    part = (place + who) % PARTS  # people with one picture are not all gone at once
    for number in range(PARTS if len(who) <= MOST_PICTURES else 1):
        rows = np.flatnonzero(part == number)
        if 0 < len(rows) < len(who):
            yield rows


def answers_of(
    names: Sequence[str],
    pictures: Sequence[str],
    embedded: Embedded,
    held_out: Sequence[np.ndarray],
    distinct: Sequence[tuple[str, str]],
) -> list[str]:
    """The names of the pictures that are held out, part for part, by a gallery that has learnt all others."""
    answers: list[str] = []
    for rows in held_out:
        others = np.setdiff1d(np.arange(len(names)), rows)
        people = {names[row] for row in others}
        gallery = galleries.fit(
            [names[row] for row in others],
            embedded.embeddings[others],
            [pictures[row] for row in others],
            embedded.network,
            **embedded.options,
            distinct=[pair for pair in distinct if set(pair) <= people],
        )
        answers += [identity.name for identity in gallery.identify(embedded.embeddings[rows])]
    return answers


def renamed(
    rows: np.ndarray, names: Sequence[str], pictures: Sequence[str], before: Sequence[str], now: Sequence[str]
) -> list[str]:
    """Lines on the pictures that are named otherwise; of those of `rows` the two networks said `before` and `now`."""
    truth = [names[row] for row in rows]
    # Whoever has one picture is a stranger while that is held out.
    counts = Counter(names)
    truth = [name if counts[name] > 1 else UNKNOWN for name in truth]
    changed = sorted(
        f"{pictures[row]} ({old}, now {new})" for row, old, new in zip(rows, before, now, strict=True) if old != new
    )
    right = [sum(map(str.__eq__, answers, truth)) for answers in (before, now)]
    line = (
        f"Each picture held out with others and named by the rest: {len(changed)} of {counted(len(rows), 'picture')}"
        f" {'gets' if len(changed) == 1 else 'get'} another name; {right[0]} were right, now {right[1]}."
    )
    return [line, *([f"Named otherwise: {listed(changed)}."] if changed else [])]


def nearer_people(names: Sequence[str], before: Embedded, now: Embedded) -> list[str]:
    """A line on the pairs of people that look like one person to either network, by their mean faces."""
    people = sorted(set(names))
    number = {name: index for index, name in enumerate(people)}
    who = np.array([number[name] for name in names])
    means, scales = [], []
    for own in (before, now):
        sums = np.zeros((len(people), own.embeddings.shape[1]), np.float32)
        np.add.at(sums, who, unit(own.embeddings))
        means.append(unit(sums))
        scales.append(own.network.metric.as_cosine(own.network.threshold, own.embeddings))
    near = [0, 0]
    newly: list[tuple[float, str]] = []
    count = 0
    for start in range(0, len(people), BLOCK):
        block = slice(start, start + BLOCK)
        old, new = ((1 - mean[block] @ mean.T) / scale for mean, scale in zip(means, scales, strict=True))
        later = np.arange(len(people)) > np.arange(start, start + len(old))[:, None]  # each pair once
        near[0] += int((later & (old < NEAR)).sum())
        near[1] += int((later & (new < NEAR)).sum())
        ones, others = np.nonzero(later & (new < NEAR) & (old >= NEAR))
        count += len(ones)
        found = (
            (float(new[one, other]), told(people[start + one], people[other], old[one, other], new[one, other]))
            for one, other in zip(ones, others, strict=True)
        )
        newly = heapq.nsmallest(MOST_NAMES, [*newly, *found])
    line = f"Pairs of people nearer than the network's threshold, by their mean faces: {near[0]} before, {near[1]} now"
    if not count:
        return [f"{line}, none of them new."]
    more = f" and {count - len(newly)} more" if count > len(newly) else ""
    return [f"{line}; new, in thresholds: {', '.join(text for _, text in newly)}{more}."]


def told(one: str, other: str, before: float, now: float) -> str:
    return f"{one_line(one)} and {one_line(other)} ({before:.2f}, now {now:.2f})"
