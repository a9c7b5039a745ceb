"""What is found in a picture, without names."""

from collections.abc import Callable
from typing import Any

from faceline.recognition.recognizer import Recognizer


def described(
    recognizer: Callable[[], Recognizer], name: str, content: bytes, *, with_embeddings: bool
) -> dict[str, Any]:
    """The faces of a picture, from left to right, with boxes, landmarks and quality; raises UnreadableError."""
    faces = []
    for face in recognizer().faces(content):
        faces.append(
            {
                "box": face.box_ltrb,
                "turn": face.turn,
                "detector": face.detector,
                "score": round(face.score, 4),
                "landmarks": face.landmarks.round(1).tolist(),
                **({} if face.quality is None else {"quality": round(face.quality, 3)}),
                **({"embedding": face.embedding.tolist()} if with_embeddings else {}),
            }
        )
    return {"image": name, "status": "ok" if faces else "no-face", "faces": faces}
