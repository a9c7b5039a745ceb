#!/usr/bin/env python3
"""Who can still be recognised in pictures that `faceline blur` has made, by attackers who know who may be in them.

    benchmarks/blur.py <pictures of LFW> <known.txt> [--networks dlib mobilefacenet] [--own 2 4 8 …]

Of each person in the list, every second picture is the attacker's, the others are covered and to be identified. The
attacker knows where the eyes and the nose were. Each figure is the rate at which the right person is the likeliest, in
per cent; what pure chance gives is printed first. `--own` adds rows for pixelation as it is usually done: a number of
blocks for the width of a head, each in the mean colour of its place.

colours       no network: a linear discriminant learns from the colours of the covered heads, of each picture in nine
              places
picture       no network: a linear discriminant learns from the whole covered pictures. In the row of `box` all of it
              comes from the surroundings, which no covering of heads hides
originals     the network, with the attacker's pictures as they are
covered       the network, with the attacker's pictures covered in the same way: a linear discriminant learns from them
found again   in how many of the first 60 covered pictures the detectors see a face where the head was, how many of
              these the network gives to the right person, and how many come nearer to it than its threshold
"""

import argparse
import warnings
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

import cv2
import numpy as np
from sklearn.decomposition import PCA
from sklearn.discriminant_analysis import LinearDiscriminantAnalysis
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from faceline.disk.pictures.images import decode_image
from faceline.faces.aligner import Aligner
from faceline.faces.cutting import cut
from faceline.faces.detectors import Face
from faceline.faces.embedder import embed
from faceline.faces.options import AlignmentOptions
from faceline.faces.tiles import is_same
from faceline.networks.frames import FRAMES, LANDMARK_SETS
from faceline.networks.network import Network
from faceline.networks.runtime import Runtime
from faceline.networks.table import network_named
from faceline.report import covering
from faceline.runs.parallel import all_cores

RUNTIME = Runtime(threads=all_cores())
OPTIONS = AlignmentOptions(size=192)
# How far the attacker moves the box of a face, in edges of it, so as to learn from several grids.
MOVES = [(x, y) for x in (-0.06, 0, 0.06) for y in (-0.06, 0, 0.06)]
HEAD, PICTURE = 8, 24  # pixels an edge of what discriminants learn from
LOOKED_AT = 60


@dataclass
class Shot:
    """A picture of one person, (height, width, 3) RGB uint8, with the main face and its landmarks."""

    person: int
    image: np.ndarray
    face: Face
    points: np.ndarray

    def crop(self, image: np.ndarray) -> np.ndarray:
        """The face as the network expects it, out of `image`, which may be a covered copy."""
        frame = FRAMES[OPTIONS.frame]
        template = np.array(frame.template[OPTIONS.landmarks][OPTIONS.landmark_points])
        return cut(image, self.points, template, frame.edge, OPTIONS.size)

    def covered(self, how: str) -> np.ndarray:
        return covering.cover(self.image, [self.face], [], how)

    def head(self, image: np.ndarray) -> np.ndarray:
        return image[covering.inside(covering.clipped(covering.head_of(self.face), image))]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("pictures", type=Path)
    parser.add_argument("known", type=Path)
    parser.add_argument("--networks", nargs="+", default=["dlib"])
    parser.add_argument("--own", nargs="*", type=int, default=[], metavar="BLOCKS")
    options = parser.parse_args()
    warnings.simplefilter("ignore")
    shots = read_shots(options.pictures, options.known.read_text().split())
    people = np.array([shot.person for shot in shots])
    number = np.concatenate([np.arange(np.count_nonzero(people == person)) for person in np.unique(people)])
    is_attackers = number % 2 == 0
    count = people.max() + 1
    print(f"{len(shots)} pictures of {count} people, {np.count_nonzero(~is_attackers)} to identify;", end=" ")
    print(f"chance: {100 / count:.2f} %\n")
    networks = [network_named(name) for name in options.networks]
    heads = ["pictures", "colours", "picture"]
    heads += [f"{attack}, {network.name}" for network in networks for attack in ("originals", "covered", "found again")]
    print(f"| {' | '.join(heads)} |\n|{'---|' * len(heads)}", flush=True)
    table = Table(shots, people, is_attackers, networks)
    table.row("untouched", lambda shot: shot.image)
    for how in covering.WAYS:
        table.row(how, partial(Shot.covered, how=how))
    for blocks in options.own:
        table.row(f"{blocks} blocks of their own colours", partial(in_own_colours, blocks=blocks))


def in_own_colours(shot: Shot, blocks: int) -> np.ndarray:
    """A picture whose head is pixelated as usual."""
    image = shot.image.copy()
    part = shot.head(image)
    rows = round(blocks * part.shape[0] / part.shape[1])
    means = cv2.resize(part, (blocks, rows), interpolation=cv2.INTER_AREA)
    part[:] = cv2.resize(means, part.shape[1::-1], interpolation=cv2.INTER_NEAREST)
    return image


def read_shots(pictures: Path, names: Sequence[str]) -> list[Shot]:
    """The pictures of the people in which a face is found."""
    aligner, shots = Aligner(OPTIONS, RUNTIME), []
    for person, name in enumerate(names):
        for path in sorted((pictures / name).glob("*")):
            image = decode_image(path.read_bytes())
            for face in aligner.find(image)[:1]:
                _, landmarks = aligner.crop_and_landmarks(image, face)
                groups = LANDMARK_SETS[OPTIONS.landmarks][OPTIONS.landmark_points]
                points = np.array([landmarks[list(group)].mean(axis=0) for group in groups])
                shots.append(Shot(person, image, face, points))
    return shots


class Table:
    """Rows of rates, each for one way to cover."""

    def __init__(self, shots: list[Shot], people: np.ndarray, is_attackers: np.ndarray, networks: list[Network]):
        self.shots, self.people, self.is_attackers, self.networks = shots, people, is_attackers, networks
        crops = np.array([shot.crop(shot.image) for shot in shots])
        self.originals = [unit(embed(network, crops, RUNTIME, frame=OPTIONS.frame)) for network in networks]

    def row(self, name: str, changed: Callable[[Shot], np.ndarray]) -> None:
        images = [changed(shot) for shot in self.shots]
        cells = [
            name,
            self.by_colours(changed, images),
            self.learnt(np.array([small(image, PICTURE) for image in images])),
        ]
        crops = np.array([shot.crop(image) for shot, image in zip(self.shots, images, strict=True)])
        again = found_again(self.shots, images, ~self.is_attackers)
        for network, originals in zip(self.networks, self.originals, strict=True):
            embeddings = unit(embed(network, crops, RUNTIME, frame=OPTIONS.frame))
            means = unit(np.array([self.own(originals, person).mean(axis=0) for person in range(max(self.people) + 1)]))
            hits = (embeddings @ means.T).argmax(axis=1) == self.people
            cells.append(per_cent(hits[~self.is_attackers].mean()))
            cells.append(self.learnt(embeddings))
            cells.append(self.judged(again, network, originals, means))
        print(f"| {' | '.join(cells)} |", flush=True)

    def own(self, embeddings: np.ndarray, person: int) -> np.ndarray:
        """The attacker's embeddings of a person."""
        return embeddings[self.is_attackers & (self.people == person)]

    def judged(self, again: dict[int, np.ndarray], network: Network, originals: np.ndarray, means: np.ndarray) -> str:
        """Who the faces are that are found again."""
        total = min(LOOKED_AT, np.count_nonzero(~self.is_attackers))
        if not again:
            return f"0 of {total}"
        found = unit(embed(network, np.array(list(again.values())), RUNTIME, frame=OPTIONS.frame))
        people = self.people[list(again)]
        right = np.count_nonzero((found @ means.T).argmax(axis=1) == people)
        limit = 1 - network.threshold / (1 if network.distance == "cosine" else 2)
        near = sum(
            bool((self.own(originals, person) @ row).max() > limit) for person, row in zip(people, found, strict=True)
        )
        return f"{len(again)} of {total}, {right} right, {near} near"

    def by_colours(self, changed: Callable[[Shot], np.ndarray], images: list[np.ndarray]) -> str:
        rows, people = [], []
        for index in np.flatnonzero(self.is_attackers):
            for x, y in MOVES:
                shot = replace(self.shots[index], face=shifted(self.shots[index].face, x, y))
                rows.append(small(shot.head(changed(shot)), HEAD))
                people.append(shot.person)
        if not np.ptp(rows, axis=0).any():  # nothing to learn from
            return per_cent(1 / (self.people.max() + 1))
        probes = [small(shot.head(image), HEAD) for shot, image in zip(self.shots, images, strict=True)]
        model = make_pipeline(StandardScaler(), LinearDiscriminantAnalysis(solver="eigen", shrinkage=0.1))
        model.fit(np.array(rows), people)
        return per_cent(self.rate(model.predict(np.array(probes)[~self.is_attackers])))

    def learnt(self, rows: np.ndarray) -> str:
        """What a linear discriminant finds that learns from the attacker's."""
        parts = min(100, rows.shape[1], np.count_nonzero(self.is_attackers) - 1)
        model = make_pipeline(StandardScaler(), PCA(parts), LinearDiscriminantAnalysis(solver="eigen", shrinkage=0.2))
        model.fit(rows[self.is_attackers], self.people[self.is_attackers])
        return per_cent(self.rate(model.predict(rows[~self.is_attackers])))

    def rate(self, said: np.ndarray) -> float:
        return float((said == self.people[~self.is_attackers]).mean())


def found_again(shots: list[Shot], images: list[np.ndarray], wanted: np.ndarray) -> dict[int, np.ndarray]:
    """The crops of faces that are found where the head was, by the number of the picture."""
    aligner, crops = Aligner(OPTIONS, RUNTIME), {}
    for index in np.flatnonzero(wanted)[:LOOKED_AT]:
        for face in aligner.find(images[index], every=True):
            if is_same(face.box_ltrb, covering.head_of(shots[index].face)):
                crops[int(index)] = aligner.crop(images[index], face)
                break
    return crops


def shifted(face: Face, x: float, y: float) -> Face:
    left, top, right, bottom = face.box_ltrb
    across, down = round(x * (right - left)), round(y * (bottom - top))
    return Face((left + across, top + down, right + across, bottom + down), face.score, face.turn, face.detector)


def small(part: np.ndarray, edge: int) -> np.ndarray:
    return cv2.resize(part, (edge, edge), interpolation=cv2.INTER_AREA).astype(np.float64).ravel()


def unit(rows: np.ndarray) -> np.ndarray:
    return rows / np.linalg.norm(rows, axis=1, keepdims=True)


def per_cent(rate: float) -> str:
    return f"{100 * rate:.1f}"


if __name__ == "__main__":
    main()
