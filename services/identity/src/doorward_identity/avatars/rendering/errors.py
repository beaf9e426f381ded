"""Errors of uploaded images: one for each reason to refuse them."""

from collections.abc import Mapping
from typing import Final

from doorward_client.errors import DoorwardError
from doorward_identity.avatars.rendering.image_formats.errors import Refusal


class ImageTypeUnsupportedError(DoorwardError):
    """422 for a file of another type, or of a rare kind of JPEG, whatever it is declared as."""

    status = 422
    code = Refusal.TYPE.value
    detail = "Send a PNG, JPEG or WebP image. SVG, GIF and others are not supported."


class ImageInvalidError(DoorwardError):
    """422 for a damaged or truncated image."""

    status = 422
    code = Refusal.INVALID.value
    detail = "The image is damaged or incomplete."


class ImageTooLargeError(DoorwardError):
    """422 for an image with too many pixels, or that needs too much memory or time."""

    status = 422
    code = Refusal.TOO_LARGE.value
    detail = "The image is too large: at most 4096 pixels a side, as WebP at most 12 megapixels."


class ImageAnimatedError(DoorwardError):
    """422 for an animation, also of one frame."""

    status = 422
    code = Refusal.ANIMATED.value
    detail = "Send a still image; animations are not supported."


class ImageTrailingDataError(DoorwardError):
    """422 for a file that is more than its image, such as a motion photo, or a file of two types."""

    status = 422
    code = Refusal.TRAILING_DATA.value
    detail = "Other data follows the image in the file. Save the image anew, and send that."


IMAGE_ERRORS: Final[Mapping[Refusal, type[DoorwardError]]] = {
    Refusal.TYPE: ImageTypeUnsupportedError,
    Refusal.INVALID: ImageInvalidError,
    Refusal.TOO_LARGE: ImageTooLargeError,
    Refusal.ANIMATED: ImageAnimatedError,
    Refusal.TRAILING_DATA: ImageTrailingDataError,
}
