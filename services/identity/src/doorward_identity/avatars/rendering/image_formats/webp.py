"""WebP (RFC 9649)."""

import struct
from collections.abc import Iterator
from typing import Final

from doorward_identity.avatars.rendering.image_formats import colour_profile
from doorward_identity.avatars.rendering.image_formats.errors import ImageErrorCode, ImageRejectedError
from doorward_identity.avatars.rendering.image_formats.exif import orientation_of
from doorward_identity.avatars.rendering.image_formats.image_file import ImageFile, check_size

MAX_PIXELS: Final = 4096 * 3072
"""Fewer than of the others: the decoder takes 16 bytes a pixel, four times theirs."""

_ANIMATION: Final = frozenset({b"ANIM", b"ANMF"})
_ANIMATION_FLAG: Final = 0x02
_ALPHA_FLAG: Final = 0x10
_HEADER: Final = 12
_PIXELS: Final = frozenset({b"VP8 ", b"VP8L"})


def read(data: bytes) -> ImageFile:
    """Check the chunks of a WebP file, and keep those that its pixels need; raises ImageRejectedError."""
    end = 8 + int.from_bytes(data[4:8], "little")
    if not _HEADER <= end <= len(data):
        raise ImageRejectedError(ImageErrorCode.INVALID)
    if end + (end & 1) < len(data):
        raise ImageRejectedError(ImageErrorCode.TRAILING_DATA)
    orientation = 1
    found: dict[bytes, bytes] = {}
    for kind, body in _chunks(data[:end]):
        if kind in _ANIMATION or (kind == b"VP8X" and body[:1] and body[0] & _ANIMATION_FLAG):
            raise ImageRejectedError(ImageErrorCode.ANIMATED)
        if kind == b"EXIF":
            orientation = orientation_of(body)
        elif kind in _PIXELS or kind in {b"ALPH", b"ICCP"}:
            if kind in found:
                raise ImageRejectedError(ImageErrorCode.INVALID)
            found[kind] = body
    if len(_PIXELS & found.keys()) != 1:
        raise ImageRejectedError(ImageErrorCode.INVALID)
    profile = colour_profile.read(found[b"ICCP"]) if b"ICCP" in found else None
    return ImageFile("WEBP", _rebuild(found), orientation, profile)


def _chunks(data: bytes) -> Iterator[tuple[bytes, bytes]]:
    position = _HEADER
    while position < len(data):
        if position + 8 > len(data):
            raise ImageRejectedError(ImageErrorCode.INVALID)
        kind, length = struct.unpack_from("<4sI", data, position)
        end = position + 8 + length
        if end > len(data):
            raise ImageRejectedError(ImageErrorCode.INVALID)
        yield kind, data[position + 8 : end]
        position = end + (length & 1)


def _rebuild(found: dict[bytes, bytes]) -> bytes:
    if b"VP8L" in found:
        _lossless_size(found[b"VP8L"])
        chunks = _chunk(b"VP8L", found[b"VP8L"])
    else:
        width, height = _lossy_size(found[b"VP8 "])
        chunks = _chunk(b"VP8 ", found[b"VP8 "])
        if b"ALPH" in found:
            canvas = (width - 1).to_bytes(3, "little") + (height - 1).to_bytes(3, "little")
            header = _chunk(b"VP8X", bytes([_ALPHA_FLAG, 0, 0, 0]) + canvas)
            chunks = header + _chunk(b"ALPH", found[b"ALPH"]) + chunks
    return b"RIFF" + struct.pack("<I", 4 + len(chunks)) + b"WEBP" + chunks


def _chunk(kind: bytes, body: bytes) -> bytes:
    return kind + struct.pack("<I", len(body)) + body + bytes(len(body) & 1)


def _lossy_size(body: bytes) -> tuple[int, int]:
    """Read the frame header of RFC 6386 section 9.1."""
    if len(body) < 10 or body[0] & 1 or body[3:6] != b"\x9d\x01\x2a":  # noqa: PLR2004 - its length
        raise ImageRejectedError(ImageErrorCode.INVALID)
    width, height = (side & 0x3FFF for side in struct.unpack_from("<HH", body, 6))
    check_size(width, height, max_pixels=MAX_PIXELS)
    return width, height


def _lossless_size(body: bytes) -> None:
    if len(body) < 5 or body[0] != 0x2F:  # noqa: PLR2004 - signature and size
        raise ImageRejectedError(ImageErrorCode.INVALID)
    bits = int.from_bytes(body[1:5], "little")
    check_size((bits & 0x3FFF) + 1, (bits >> 14 & 0x3FFF) + 1, max_pixels=MAX_PIXELS)
