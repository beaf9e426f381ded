"""Why an image is rejected."""

from enum import StrEnum


class ImageErrorCode(StrEnum):
    """The stable codes of rendering/errors.py, for the decoder's process, which imports no web framework."""

    TYPE = "image_type_unsupported"
    INVALID = "image_invalid"
    TOO_LARGE = "image_too_large"
    ANIMATED = "image_animated"
    TRAILING_DATA = "image_trailing_data"


class ImageRejectedError(Exception):
    """An image that does not become a picture."""

    def __init__(self, error_code: ImageErrorCode) -> None:
        super().__init__(error_code.value)
        self.error_code = error_code
