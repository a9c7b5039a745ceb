"""The colour profile of a picture, for copies of its pixels as `images` decodes them."""

import contextlib
import io

import numpy as np

from faceline.disk.pictures.openers import damage, open_image
from faceline.errors import UnreadableError
from faceline.host.quiet import quiet

# A JPEG has room for 255 blocks of 64 KB less their heads.
MAX_BYTES = 255 * 65_519
# Grey pixels are RGB pixels, too.
RGB_MODES = {"RGB", "RGBA", "RGBX", "P", "PA", "L", "LA", "1"}


def rgb_profile(data: bytes) -> bytes | None:
    """The ICC profile that says what the RGB pixels of an encoded picture mean; None if it has none.

    Pixels with a profile for grey, CMYK or Lab are decoded without it, and it does not fit an RGB copy of them.
    """
    with quiet(), contextlib.suppress(UnreadableError), damage():
        image = open_image(io.BytesIO(data))
        profile = image.info.get("icc_profile")
        if profile and image.mode in RGB_MODES and is_rgb(profile):
            return profile
    return None


def is_rgb(profile: bytes) -> bool:
    """Whether a profile is whole and made for RGB pixels; raises what ImageCms does if it is damaged."""
    from PIL import ImageCms

    return len(profile) <= MAX_BYTES and ImageCms.ImageCmsProfile(io.BytesIO(profile)).profile.xcolor_space == "RGB "


def in_srgb(pixels: np.ndarray, profile: bytes | None) -> np.ndarray:
    """Pixels, (height, width, 3) RGB uint8, whose meaning a profile of `rgb_profile` says, as sRGB: what they look like
    without it."""
    if profile is None:
        return pixels
    from PIL import Image, ImageCms

    with contextlib.suppress(ImageCms.PyCMSError, OSError):
        found = ImageCms.profileToProfile(
            Image.fromarray(pixels), ImageCms.ImageCmsProfile(io.BytesIO(profile)), ImageCms.createProfile("sRGB")
        )
        if found is not None:
            return np.asarray(found)
    return pixels
