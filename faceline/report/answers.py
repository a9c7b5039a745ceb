"""What `infer` says of a picture, as text and as JSON."""

import json
from dataclasses import dataclass
from typing import Any

from faceline.disk.pictures.boxes import Box
from faceline.disk.rows import Status
from faceline.people.identity import Identity
from faceline.wording import one_line


@dataclass(frozen=True)
class NamedFace:
    """A face and who it is; the box is (left, top, right, bottom) in pixels of the picture as a viewer shows it.

    `turn` is how far the picture was turned clockwise for the face to be upright, in degrees, and `quality` how well
    the face can be recognised by the picture, 0 to 1.
    """

    box_ltrb: Box
    identity: Identity
    turn: int = 0
    quality: float | None = None

    @property
    def name(self) -> str:
        """The person, or "unknown"."""
        return self.identity.name

    @property
    def confidence(self) -> float:
        """The probability that the name is right; of "unknown", that the face is nobody's in the gallery."""
        return self.identity.confidence

    @property
    def centre_x(self) -> int:
        return (self.box_ltrb[0] + self.box_ltrb[2]) // 2


@dataclass(frozen=True)
class Answer:
    """What `infer` says of one picture; `str()` gives it as text, `to_json()` as a line of JSON.

    `multi` says whether all faces were wanted, `top` how many candidates each, `verbose` whether to give the evidence.
    `numbered` are the faces, counted from 0, that have a number instead of their name in the marked copy: their place
    in `faces`, counted from 1. `marked` is where the marked copy lies, if the names of several pictures say that of
    theirs.
    """

    image: str
    status: Status
    reason: str = ""
    faces: tuple[NamedFace, ...] = ()
    multi: bool = False
    top: int = 1
    verbose: bool = False
    numbered: tuple[int, ...] = ()
    marked: str = ""

    def __str__(self) -> str:
        lines = [f"=== {one_line(self.image)} ==="]
        if self.status == Status.NO_FACE:
            lines.append("No face found.")
        elif self.status != Status.OK:
            lines.append(f"Not a usable picture: {self.reason}.")
        for face in self.faces:
            who = face.identity
            place = f" @ x={face.centre_x}" if self.multi else ""
            unclear = f" (unclear: {who.unclear})" if who.unclear else ""
            lines.append(f"Predict {one_line(who.name)}{place} with {who.confidence:.2f} confidence{unclear}.")
            if who.same_as:
                lines.append(f"  same as: {', '.join(map(one_line, who.same_as))}")
            if self.verbose:
                lines += evidence(who)
            if self.top > 1:
                lines += [
                    f"  {rank}. {one_line(candidate.name)} with {candidate.confidence:.2f} confidence"
                    for rank, candidate in enumerate(who.candidates[: self.top], start=1)
                ]
        if self.marked:
            lines.append(f"Marked copy: {one_line(self.marked)}")
        if self.numbered:
            lines.append("Numbers in the marked copy:")
            lines += [f"  {face + 1}: {one_line(self.faces[face].identity.name)}" for face in self.numbered]
        return "\n".join(lines)

    def to_json(self) -> str:
        faces = [face_record(face, self.top) for face in self.faces]
        reason = {"reason": self.reason} if self.reason else {}
        marked = {"marked": self.marked} if self.marked else {}
        return json.dumps({"image": self.image, "status": self.status, **reason, **marked, "faces": faces})


def face_record(face: NamedFace, top: int) -> dict[str, Any]:
    """A face as JSON, with that many candidates."""
    place = {"box": face.box_ltrb, "turn": face.turn}
    return place | identity_record(face.identity, top, face.quality)


def identity_record(who: Identity, top: int, quality: float | None = None) -> dict[str, Any]:
    """Who a face is as JSON, with that many candidates."""
    return {
        "name": who.name,
        "same_as": list(who.same_as),
        "confidence": round(who.confidence, 4),
        **({"unclear": who.unclear} if who.unclear else {}),
        **({} if quality is None else {"quality": round(quality, 3)}),
        "distance": round(who.distance, 4),
        "nearest": who.likeliest.nearest,
        "runner_up": who.runner_up and who.runner_up.name,
        "margin": who.margin and round(who.margin, 4),
        "candidates": [
            {
                "name": candidate.name,
                "confidence": round(candidate.confidence, 4),
                "distance": round(candidate.distance, 4),
            }
            for candidate in who.candidates[:top]
        ],
    }


def evidence(who: Identity) -> list[str]:
    """What speaks for an answer, in lines of text."""
    likeliest, runner_up = who.likeliest, who.runner_up
    lines = [
        f"  nearest picture: {one_line(likeliest.nearest)} at distance {likeliest.distance:.3f}"
        f" (of {one_line(likeliest.name)}, score {likeliest.score:.2f})"
    ]
    if runner_up is not None:
        # The nearest picture of all may well be the runner-up's.
        nearer = runner_up.distance < likeliest.distance
        note = "; that picture is nearer, but all pictures of each person together decide" if nearer else ""
        lines.append(
            f"  runner-up: {one_line(runner_up.name)} at distance {runner_up.distance:.3f}, margin {who.margin:.2f}"
            f" (score {runner_up.score:.2f}{note})"
        )
    return lines
