"""An image file reduced to what decoding needs."""

from dataclasses import dataclass
from typing import Final, Literal

from doorward_identity.avatars.rendering.image_formats.errors import ImageRefusedError, Refusal

MAX_SIDE: Final = 4096
"""Pixels."""

Format = Literal["PNG", "JPEG", "WEBP"]


@dataclass(frozen=True, slots=True)
class ImageFile:
    """One still image without metadata. `orientation` is the value of its EXIF tag: 1 is upright, up to 8."""

    format: Format
    data: bytes
    orientation: int = 1


def check_size(width: int, height: int, *, max_pixels: int = MAX_SIDE * MAX_SIDE) -> None:
    """Raise ImageRefusedError for a size that the decoder must not see."""
    if width < 1 or height < 1:
        raise ImageRefusedError(Refusal.INVALID)
    if max(width, height) > MAX_SIDE or width * height > max_pixels:
        raise ImageRefusedError(Refusal.TOO_LARGE)
