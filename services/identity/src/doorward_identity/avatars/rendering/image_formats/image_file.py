"""An image file reduced to what decoding needs."""

from dataclasses import dataclass
from typing import Final, Literal

from doorward_identity.avatars.rendering.image_formats.colour_profile import ColourProfile
from doorward_identity.avatars.rendering.image_formats.errors import ImageErrorCode, ImageRejectedError

MAX_SIDE: Final = 4096
"""Pixels."""

Format = Literal["PNG", "JPEG", "WEBP"]


@dataclass(frozen=True, slots=True)
class ImageFile:
    """One still image without metadata. `orientation` is the value of its EXIF tag: 1 is upright, up to 8.

    Without a `profile` its colours are sRGB.
    """

    format: Format
    data: bytes
    orientation: int = 1
    profile: ColourProfile | None = None


def check_size(width: int, height: int, *, max_pixels: int = MAX_SIDE * MAX_SIDE) -> None:
    """Raise ImageRejectedError for a size that the decoder must not see."""
    if width < 1 or height < 1:
        raise ImageRejectedError(ImageErrorCode.INVALID)
    if max(width, height) > MAX_SIDE or width * height > max_pixels:
        raise ImageRejectedError(ImageErrorCode.TOO_LARGE)
