"""Image files as they arrive: recognized by their first bytes, checked to the last one, without metadata.

Only pixels and their colour profile reach the decoder, and data after the image is an error. So a file that
is also something else (a page, an archive) is rejected, and bombs in text do nothing.
"""

from doorward_identity.avatars.rendering.image_formats import jpeg, png, webp
from doorward_identity.avatars.rendering.image_formats.errors import ImageErrorCode, ImageRejectedError
from doorward_identity.avatars.rendering.image_formats.image_file import ImageFile

__all__ = ["ImageErrorCode", "ImageFile", "ImageRejectedError", "read_image"]


def read_image(data: bytes) -> ImageFile:
    """Return the image of a PNG, JPEG or WebP file; raises ImageRejectedError."""
    if data.startswith(png.SIGNATURE):
        return png.read(data)
    if data.startswith(jpeg.START + b"\xff"):
        return jpeg.read(data)
    if data.startswith(b"RIFF") and data[8:12] == b"WEBP":
        return webp.read(data)
    raise ImageRejectedError(ImageErrorCode.TYPE)
