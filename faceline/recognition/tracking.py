"""Which faces of a frame are those of the frames before: by where they are, and by how they look.

All faces of a frame are given to all tracks at once, in the way that costs least in all (the Hungarian method, as in
Bewley et al., "Simple online and realtime tracking", ICIP 2016, here with embeddings beside the boxes).
"""

import itertools
from collections.abc import Sequence

import numpy as np

from faceline.disk.pictures.boxes import Box
from faceline.networks.network import Network
from faceline.people.naming import Naming
from faceline.recognition.tracks import Sighting, Track

# A track has ended when its face was not seen for so long.
LOST_SECONDS = 1.0
# Frames between two sightings count as its own up to so many seconds.
BETWEEN_SECONDS = 0.5

# Boxes overlap where this share of both together is common. Distances in the network's thresholds: up to the first, a
# face may be that of a track whose box it overlaps, poor as both pictures may be; up to the second, of any track.
OVERLAP, NEAR, SURE = 0.3, 1.15, 0.85

IMPOSSIBLE = 1e6


class Tracker:
    """Follows faces.

    Parameters
    ----------
    network : Network
        What embedded them.
    gallery : Gallery or ManyPeople
        Who they may be.
    rate : float
        Frames a second.
    """

    def __init__(self, network: Network, gallery: Naming, rate: float) -> None:
        self._network, self._gallery = network, gallery
        self._most_between = max(1, round(BETWEEN_SECONDS * rate))
        self._numbers = itertools.count(1)
        self.tracks: list[Track] = []

    def advance(self, time: float, sightings: Sequence[Sighting]) -> list[Track]:
        """Take the faces of the next frame, and give the tracks that have ended before it."""
        ended = [track for track in self.tracks if time - track.last.time > LOST_SECONDS]
        self.tracks = [track for track in self.tracks if time - track.last.time <= LOST_SECONDS]
        for track in ended:
            track.end()
        given = self._given(sightings)
        for place, sighting in enumerate(sightings):
            if place in given:
                given[place].add(sighting, self._most_between)
            else:
                self.tracks.append(Track(next(self._numbers), sighting, self._network, self._gallery))
        return ended

    def finish(self) -> list[Track]:
        """The tracks that are left when the video ends."""
        left, self.tracks = self.tracks, []
        for track in left:
            track.end()
        return left

    def _given(self, sightings: Sequence[Sighting]) -> dict[int, Track]:
        """Which track each sighting, by its place, belongs to, if it belongs to one."""
        from scipy.optimize import linear_sum_assignment

        if not self.tracks or not sightings:
            return {}
        faces = np.stack([sighting.embedding for sighting in sightings])
        known = np.stack([track.embedding for track in self.tracks])
        distances = self._network.metric.table(faces, known) / self._network.threshold
        shares = np.array([[overlap(one.box_ltrb, track.last.box_ltrb) for track in self.tracks] for one in sightings])
        possible = (distances < SURE) | ((shares >= OVERLAP) & (distances < NEAR))
        costs = np.where(possible, distances + 1 - shares, IMPOSSIBLE)
        pairs = zip(*linear_sum_assignment(costs), strict=True)
        return {int(face): self.tracks[track] for face, track in pairs if possible[face, track]}


def overlap(one: Box, other: Box) -> float:
    """The area that two boxes share, as a part of the area of both together."""
    left, top = max(one[0], other[0]), max(one[1], other[1])
    right, bottom = min(one[2], other[2]), min(one[3], other[3])
    common = max(right - left, 0) * max(bottom - top, 0)
    areas = [(box[2] - box[0]) * (box[3] - box[1]) for box in (one, other)]
    return common / max(sum(areas) - common, 1)
