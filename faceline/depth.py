"""Pictures of any mode and depth as 8 bits of red, green and blue."""

from typing import TYPE_CHECKING

from faceline.quiet import QUIET_OPENCV

if TYPE_CHECKING:
    import numpy as np
    from PIL import Image

# How many bits cameras and scanners have put into the 16 of a file, and how far lossy compression takes values above.
DEPTHS = (8, 10, 12, 14, 16)
OVERSHOOT = 9 / 8

# Formats in which Pillow cuts colours of 16 bits down to the higher 8, and the 8-bit value that data of at most 14 bits
# stay below then.
CUT_DOWN, CUT_DOWN_LIMIT = {"PNG", "TIFF", "PPM", "JPEG2000"}, 2**6 * OVERSHOOT

# The part of an unbounded picture's values that becomes white; the few above are lamps and reflections.
WHITE = 0.995
GAMMA = 2.2
# Half of a photograph's values lie below this part of white where they are proportional to the light.
LINEAR_MEDIAN = 0.1


def to_rgb(image: "Image.Image", data: bytes) -> "Image.Image":
    """A decoded picture of any mode as RGB; `data` is the file that it was decoded from.

    Transparent parts become white. Data of 10, 12 or 14 bits that lie in 16 are scaled by what is there.
    """
    import numpy as np
    from PIL import Image

    if image.mode.startswith("I;16"):
        image = Image.fromarray(eight_bits(np.asarray(image)))
    elif image.mode == "I":
        # It has no stated range: the picture's own is the only one known.
        values = np.asarray(image, np.float64)
        span = max(np.ptp(values), 1e-9)
        image = Image.fromarray(((values - values.min()) * (255 / span)).astype(np.uint8))
    elif image.mode == "F":
        image = Image.fromarray(tone_mapped(np.asarray(image)))
    elif image.format in CUT_DOWN and is_dark(image):
        image = at_full_depth(data) or image
    if image.has_transparency_data:
        image = image.convert("RGBA")
        image = Image.alpha_composite(Image.new("RGBA", image.size, "white"), image)
    return image if image.mode == "RGB" else image.convert("RGB")  # which copies, even where there is nothing to do


def eight_bits(values: "np.ndarray") -> "np.ndarray":
    """Values of 16 bits, uint16 of any shape, as uint8: scaled by the depth that the largest of them needs."""
    import numpy as np

    largest = int(values.max(initial=0))
    depth = next(depth for depth in DEPTHS if largest < 2**depth * OVERSHOOT)
    top = 2**depth - 1
    # Every value is looked up: the table is small, and no wider copy of the picture is made.
    table = np.minimum(np.arange(largest + 1, dtype=np.uint32), top) * 255 // top
    return table.astype(np.uint8)[values]


def is_dark(image: "Image.Image") -> bool:
    """Whether no colour of an 8-bit picture reaches a quarter of what it could."""
    if image.mode not in ("RGB", "RGBA", "LA"):
        return False
    extremes = image.getextrema()
    return max(high for _, high in extremes[: 1 if image.mode == "LA" else 3]) < CUT_DOWN_LIMIT


def at_full_depth(data: bytes) -> "Image.Image | None":
    """The picture in a file whose colours have 16 bits, scaled; None if they have not."""
    import cv2
    import numpy as np
    from PIL import Image

    with QUIET_OPENCV:
        values = cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_UNCHANGED)
    if values is None or values.dtype != np.uint16 or values.ndim != 3 or values.shape[2] < 3:
        return None
    colours = eight_bits(values[..., 2::-1])
    if values.shape[2] == 4:
        return Image.fromarray(np.dstack([colours, eight_bits(values[..., 3])]))
    return Image.fromarray(colours)


def tone_mapped(values: "np.ndarray") -> "np.ndarray":
    """Numbers without a range, float of any shape, as uint8: black stays, the brightest become white, and where the
    numbers are proportional to the light, they get the curve that pictures have."""
    import numpy as np

    values = np.nan_to_num(values.astype(np.float32), nan=0, posinf=np.inf, neginf=0)
    finite = values[np.isfinite(values)]
    low = min(float(finite.min(initial=0)), 0.0)
    high = float(np.quantile(finite, WHITE)) if finite.size else 0.0
    shares = np.clip((values - low) / max(high - low, 1e-30), 0, 1)
    if np.median(shares) < LINEAR_MEDIAN:
        shares **= 1 / GAMMA
    return np.round(shares * 255).astype(np.uint8)
