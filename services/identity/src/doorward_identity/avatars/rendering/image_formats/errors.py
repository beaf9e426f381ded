"""Why an image is refused."""

from enum import StrEnum


class Refusal(StrEnum):
    """The stable codes of rendering/errors.py, for the decoder's process, which imports no web framework."""

    TYPE = "image_type_unsupported"
    INVALID = "image_invalid"
    TOO_LARGE = "image_too_large"
    ANIMATED = "image_animated"
    TRAILING_DATA = "image_trailing_data"


class ImageRefusedError(Exception):
    """An image that does not become a picture."""

    def __init__(self, refusal: Refusal) -> None:
        super().__init__(refusal.value)
        self.refusal = refusal
