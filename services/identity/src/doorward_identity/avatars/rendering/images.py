"""From an uploaded file to a picture: a square of its middle, upright, encoded again in two sizes.

This module and all it imports run in a process of their own (decoder_process.py).
"""

import io
from collections.abc import Callable, Mapping
from typing import Final

from PIL import Image, ImageFile, JpegImagePlugin, PngImagePlugin, WebPImagePlugin

from doorward_identity.avatars.avatar import MAX_BYTES, Avatar, AvatarSize
from doorward_identity.avatars.rendering.colours import in_srgb, working_mode
from doorward_identity.avatars.rendering.image_formats import ImageErrorCode, ImageRejectedError, read_image
from doorward_identity.avatars.rendering.image_formats.image_file import Format

SIDES: Final[Mapping[AvatarSize, int]] = {AvatarSize.SMALL: 96, AvatarSize.LARGE: 512}
"""Pixels. A smaller image is not enlarged: that would add bytes and no detail."""

_QUALITIES: Final = (80, 60, 40, 20, 0)
"""The first whose result is small enough. Photos take the first one, and noise the last."""

_WORKING_SIDE: Final = 2 * SIDES[AvatarSize.LARGE]
"""Large images are halved repeatedly to about this side, which is fast, and then resized well."""

_STRIP: Final = 64
"""Rows of the reduced image that are computed at once: a copy of the whole would need its memory twice."""

_ORIENTATIONS: Final = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}
_READERS: Final[Mapping[Format, Callable[[io.BytesIO], ImageFile.ImageFile]]] = {
    "PNG": PngImagePlugin.PngImageFile,
    "JPEG": JpegImagePlugin.JpegImageFile,
    "WEBP": WebPImagePlugin.WebPImageFile,
}


def render(data: bytes) -> Avatar:
    """Return the picture of an uploaded file; raises ImageRejectedError."""
    file = read_image(data)
    try:
        with _READERS[file.format](io.BytesIO(file.data)) as image:
            square = _square(_decoded(image), working_mode(image, file.profile))
        if file.profile is not None:
            square = in_srgb(square, file.profile)
        if file.orientation in _ORIENTATIONS:
            square = square.transpose(_ORIENTATIONS[file.orientation])
        return Avatar(small=_encoded(square, AvatarSize.SMALL), large=_encoded(square, AvatarSize.LARGE))
    except ImageRejectedError:
        raise
    except MemoryError:
        raise ImageRejectedError(ImageErrorCode.TOO_LARGE) from None
    except Exception as error:
        # Decoders raise what they like at a broken file; there is no list.
        raise ImageRejectedError(ImageErrorCode.INVALID) from error


def _decoded(image: ImageFile.ImageFile) -> Image.Image:
    # JPEG alone can decode to a smaller size.
    image.draft(None, (_WORKING_SIDE, _WORKING_SIDE))
    image.load()
    return image


def _square(image: Image.Image, mode: str) -> Image.Image:
    """Return the middle of an image in a mode, with a side below twice _WORKING_SIDE."""
    side = min(image.size)
    left, top = (image.width - side) // 2, (image.height - side) // 2
    factor = max(1, side // _WORKING_SIDE)
    reduced = -(-side // factor)
    square = Image.new(mode, (reduced, reduced))
    for row in range(0, reduced, _STRIP):
        first, end = top + row * factor, top + min(side, (row + _STRIP) * factor)
        strip = _in_8_bits(image.crop((left, first, left + side, end))).convert(mode)
        square.paste(strip.reduce(factor) if factor > 1 else strip, (0, row))
    return square


def _in_8_bits(strip: Image.Image) -> Image.Image:
    """Scale 16-bit grey, of which a conversion would cut off all but the darkest."""
    return strip.point(lambda value: value / 256).convert("L") if strip.mode == "I;16" else strip


def _encoded(square: Image.Image, size: AvatarSize) -> bytes:
    side = min(SIDES[size], square.width)
    resized = square.resize((side, side), Image.Resampling.LANCZOS)
    for quality in _QUALITIES:
        output = io.BytesIO()
        resized.save(output, "WEBP", quality=quality, alpha_quality=quality, method=4)
        if output.tell() <= MAX_BYTES[size]:
            return output.getvalue()
    raise ImageRejectedError(ImageErrorCode.TOO_LARGE)
