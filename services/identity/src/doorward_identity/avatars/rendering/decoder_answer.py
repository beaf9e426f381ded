"""The answers of the decoder's process, for both ends."""

import struct
from typing import Final

from doorward_identity.avatars.avatar import Avatar
from doorward_identity.avatars.rendering.image_formats.errors import ImageErrorCode, ImageRejectedError

_SIZES: Final = struct.Struct(">II")


class InvalidAnswerError(Exception):
    """The process has written something else, or ended before it had written all."""


def encode_avatar(avatar: Avatar) -> bytes:
    """Return `+`, the lengths of both sizes, and both sizes."""
    return b"+" + _SIZES.pack(len(avatar.small), len(avatar.large)) + avatar.small + avatar.large


def encode_error(error_code: ImageErrorCode) -> bytes:
    """Return `-` and the code."""
    return b"-" + error_code.value.encode("ascii")


def decode_answer(answer: bytes) -> Avatar:
    """Read either of them; raises ImageRejectedError, InvalidAnswerError."""
    if answer.startswith(b"-"):
        try:
            error_code = ImageErrorCode(answer[1:].decode("ascii"))
        except ValueError:
            raise InvalidAnswerError from None
        raise ImageRejectedError(error_code)
    start = 1 + _SIZES.size
    if not answer.startswith(b"+") or len(answer) < start:
        raise InvalidAnswerError
    small, large = _SIZES.unpack_from(answer, 1)
    if len(answer) != start + small + large:
        raise InvalidAnswerError
    return Avatar(small=answer[start : start + small], large=answer[start + small :])
