"""CMYK as RGB, where the file says by which profile."""

from __future__ import annotations

import io

import numpy as np
from PIL import Image, ImageCms

from heldout.images.decoded import Decoded
from heldout.images.decoders._pillow import EXPECTED, upright_pixels
from heldout.images.errors import ImageError
from heldout.images.opened import ImageFile


def to_rgb(file: ImageFile, image: Image.Image) -> Decoded:
    """A CMYK picture in sRGB, by the profile that it carries.

    Raises:
        ImageError: It carries none: inks have no colour by themselves.
    """
    profile = image.info.get("icc_profile")
    if not profile:
        raise ImageError(
            file.where,
            "the colour space CMYK without a colour profile",
            EXPECTED,
            "Convert it to RGB with the profile of the press or program it comes from, and save that.",
        )
    image.load()
    with io.BytesIO(profile) as buffer:
        source = ImageCms.ImageCmsProfile(buffer)
    converted = ImageCms.profileToProfile(image, source, ImageCms.createProfile("sRGB"), outputMode="RGB")
    if converted is None:
        raise ValueError("the colour profile cannot be applied")
    pixels = np.asarray(upright_pixels(converted, file.where))
    return Decoded(pixels, 8, "rgb", notes=("Converted from CMYK to sRGB by the colour profile in the file.",))
