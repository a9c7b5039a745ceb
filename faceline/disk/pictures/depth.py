"""Pictures of any mode and depth as 8 bits of red, green and blue."""

from typing import TYPE_CHECKING

import numpy as np

from faceline.host.quiet import quiet_opencv

if TYPE_CHECKING:
    from PIL import Image

# How many bits cameras and scanners have put into the 16 of a file, and how far lossy compression takes values above.
DEPTHS = (8, 10, 12, 14, 16)
OVERSHOOT = 9 / 8

# Formats in which Pillow cuts colours of 16 bits down to the higher 8, and the 8-bit value that data of at most 14 bits
# stay below then.
CUT_DOWN, CUT_DOWN_LIMIT = {"PNG", "TIFF", "PPM", "JPEG2000"}, 2**6 * OVERSHOOT
PNG_DEPTH = 24  # where a PNG says how many bits a colour has

# The part of an unbounded picture's values that becomes white; the few above are lamps and reflections.
WHITE = 0.995
GAMMA = 2.2
# Half of a photograph's values lie below this part of white where they are proportional to the light.
LINEAR_MEDIAN = 0.1
SAMPLE = 1_000_000  # pixels that this is judged by
ROWS = 256


def to_rgb(image: "Image.Image", data: bytes) -> "Image.Image":
    """A decoded picture of any mode as RGB; `data` is the file that it was decoded from.

    Transparent parts become white. Data of 10, 12 or 14 bits that lie in 16 are scaled by what is there.
    """
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
    elif image.format in CUT_DOWN and is_dark(image, data):
        image = at_full_depth(data) or image
    if image.has_transparency_data:
        image = image.convert("RGBA")
        image = Image.alpha_composite(Image.new("RGBA", image.size, "white"), image)
    return image if image.mode == "RGB" else image.convert("RGB")  # which copies, even where there is nothing to do


def eight_bits(values: np.ndarray) -> np.ndarray:
    """Values of 16 bits, uint16 of any shape, as uint8: scaled by the depth that the largest of them needs."""
    largest = int(values.max(initial=0))
    depth = next(depth for depth in DEPTHS if largest < 2**depth * OVERSHOOT)
    top = 2**depth - 1
    # Every value is looked up: the table is small, and no wider copy of the picture is made.
    table = np.minimum(np.arange(largest + 1, dtype=np.uint32), top) * 255 // top
    return table.astype(np.uint8)[values]


def is_dark(image: "Image.Image", data: bytes) -> bool:
    """Whether colours that may have been cut down to 8 bits do not reach a quarter of what they could."""
    if image.mode not in ("RGB", "RGBA", "LA") or (image.format == "PNG" and data[PNG_DEPTH] != 16):
        return False
    extremes = [band for band in image.getextrema() if isinstance(band, tuple)]  # all, where there are several bands
    return max(high for _, high in extremes[: 1 if image.mode == "LA" else 3]) < CUT_DOWN_LIMIT


def at_full_depth(data: bytes) -> "Image.Image | None":
    """The picture in a file whose colours have 16 bits, scaled; None if they have not."""
    import cv2
    from PIL import Image

    with quiet_opencv():
        values = cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_UNCHANGED)
    if values is None or values.dtype != np.uint16 or values.ndim != 3 or values.shape[2] < 3:
        return None
    colours = eight_bits(values[..., 2::-1])
    if values.shape[2] == 4:
        return Image.fromarray(np.dstack([colours, eight_bits(values[..., 3])]))
    return Image.fromarray(colours)


def tone_mapped(values: np.ndarray) -> np.ndarray:
    """Numbers without a range, float of shape (height, width) or (height, width, channels), as uint8. Black stays, the
    brightest become white, and numbers that are proportional to the light get the curve that pictures have."""
    height, width = values.shape[:2]
    step = max(1, int((height * width / SAMPLE) ** 0.5))
    sample = values[::step, ::step].astype(np.float64)
    sample = sample[np.isfinite(sample)]
    low = min(sample.min(initial=0), 0.0)
    span = max(np.quantile(sample, WHITE) - low if sample.size else 0.0, 1e-30)
    is_linear = sample.size and np.median((sample - low) / span) < LINEAR_MEDIAN
    result = np.empty(values.shape, np.uint8)
    for top in range(0, height, ROWS):  # a few at a time, for want of memory
        rows = np.nan_to_num(values[top : top + ROWS].astype(np.float32), nan=0, posinf=np.inf, neginf=0)
        shares = np.clip((rows - np.float32(low)) / np.float32(span), 0, 1)
        result[top : top + ROWS] = np.round((shares ** (1 / GAMMA) if is_linear else shares) * 255)
    return result
