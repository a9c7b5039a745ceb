"""What is said of a picture of which a changed copy is written, whatever was changed."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from faceline.disk.rows import Status
from faceline.wording import one_line


@dataclass(frozen=True)
class CopiedPicture:
    """What became of one picture; `copy` is where the copy lies, empty where there is none."""

    image: str
    status: Status
    reason: str = ""
    copy: str = ""

    def as_text(self, lines: Sequence[str]) -> str:
        """`lines` on what was found, under the picture's name; of one that cannot be used, the reason instead."""
        heading = f"=== {one_line(self.image)} ==="
        if self.status not in (Status.OK, Status.NO_FACE):
            return f"{heading}\nNot a usable picture: {self.reason}."
        return "\n".join([heading, *lines, f"Written to {one_line(self.copy)}"])

    def as_json(self, found: Mapping[str, object]) -> str:
        """A line of JSON, with `found` in the end."""
        reason = {"reason": self.reason} if self.reason else {}
        copy = {"copy": self.copy} if self.copy else {}
        return json.dumps({"image": self.image, "status": self.status, **reason, **copy, **found})
