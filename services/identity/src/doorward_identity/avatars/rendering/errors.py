"""Errors of uploaded images: one for each reason to reject them."""

from collections.abc import Mapping
from typing import Final

from doorward_client.errors import DoorwardError
from doorward_identity.avatars.rendering.image_formats.errors import ImageErrorCode


class ImageTypeUnsupportedError(DoorwardError):
    """422 for a file of another type, or of a rare kind of JPEG, whatever it is declared as."""

    status = 422
    code = ImageErrorCode.TYPE.value
    detail = "Send a PNG, JPEG or WebP image. SVG, GIF and others are not supported."


class ImageInvalidError(DoorwardError):
    """422 for a damaged or truncated image, or a colour profile that is not one of the image."""

    status = 422
    code = ImageErrorCode.INVALID.value
    detail = "The image or its colour profile is damaged or incomplete."


class ImageTooLargeError(DoorwardError):
    """422 for an image with too many pixels, or that needs too much memory or time."""

    status = 422
    code = ImageErrorCode.TOO_LARGE.value
    detail = "The image is too large: at most 4096 pixels a side, as WebP at most 12 megapixels."


class ImageAnimatedError(DoorwardError):
    """422 for an animation, also of one frame."""

    status = 422
    code = ImageErrorCode.ANIMATED.value
    detail = "Send a still image; animations are not supported."


class ImageTrailingDataError(DoorwardError):
    """422 for a file that is more than its image, such as a motion photo, or a file of two types."""

    status = 422
    code = ImageErrorCode.TRAILING_DATA.value
    detail = "Other data follows the image in the file. Save the image anew, and send that."


IMAGE_ERRORS: Final[Mapping[ImageErrorCode, type[DoorwardError]]] = {
    ImageErrorCode.TYPE: ImageTypeUnsupportedError,
    ImageErrorCode.INVALID: ImageInvalidError,
    ImageErrorCode.TOO_LARGE: ImageTooLargeError,
    ImageErrorCode.ANIMATED: ImageAnimatedError,
    ImageErrorCode.TRAILING_DATA: ImageTrailingDataError,
}
