"""Text in one or several lines on paper, as a little picture that can be put anywhere."""

from typing import TYPE_CHECKING

from faceline.report.drawing.lettering import Lettering, clusters

if TYPE_CHECKING:
    from PIL import Image

# Yellow for known people and blue for others, which stay apart for colour-blind eyes; and black.
PAPER, UNKNOWN_PAPER, INK = (255, 212, 0), (86, 180, 233), (0, 0, 0)

# A line may end behind these, and does so rather than inside of a word.
BREAKS = " _-./"


def block(
    letters: Lettering, text: str, size: int, lines: int = 1, paper: tuple[int, int, int] = PAPER
) -> "Image.Image | None":
    """Text in at most `lines` lines, in ink on paper; None if it cannot be drawn."""
    from PIL import Image

    drawn = [letters.line(line, size) for line in wrapped(text, lines)]
    masks = [mask for mask in drawn if mask is not None]
    if not masks or len(masks) < len(drawn):
        return None
    rim = max(1, size // 6)
    width, height = max(mask.width for mask in masks), sum(mask.height for mask in masks)
    picture = Image.new("RGB", (width + 2 * rim, height + 2 * (rim // 2)), paper)
    y = rim // 2
    for mask in masks:
        picture.paste(INK, (rim, y), mask)
        y += mask.height
    return picture


def wrapped(text: str, lines: int) -> list[str]:
    """Text in at most `lines` lines of nearly the same length."""
    rest, parts = clusters(text), []
    for left in range(lines, 1, -1):
        ideal = -(-len(rest) // left)
        slack = ideal // 3
        # Where a word ends, as near as possible to the ideal; where none does, in the middle of one.
        ends = [n for n in range(max(1, ideal - slack), min(len(rest), ideal + slack) + 1) if rest[n - 1] in BREAKS]
        end = min(ends, key=lambda n: abs(n - ideal), default=ideal)
        parts.append("".join(rest[:end]))
        rest = rest[end:]
    parts.append("".join(rest))
    return [part.strip() for part in parts if part.strip()]
