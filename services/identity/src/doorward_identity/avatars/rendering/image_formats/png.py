"""PNG (W3C Recommendation, third edition)."""

import struct
import zlib
from typing import Final, NamedTuple

from doorward_identity.avatars.rendering.image_formats.errors import ImageRefusedError, Refusal
from doorward_identity.avatars.rendering.image_formats.exif import orientation_of
from doorward_identity.avatars.rendering.image_formats.image_file import ImageFile, check_size

SIGNATURE: Final = b"\x89PNG\r\n\x1a\n"

_OVERHEAD: Final = 12
"""Bytes of a chunk beside its data: length, type, CRC."""

_ANIMATION: Final = frozenset({b"acTL", b"fcTL", b"fdAT"})
_KEPT: Final = (b"IHDR", b"PLTE", b"tRNS", b"IDAT", b"IEND")
"""In their order. Text, profiles, times and the rest are dropped: compressed ones are bombs at will."""

_PALETTE: Final = 3
"""The colour type that needs PLTE."""


class _Chunk(NamedTuple):
    kind: bytes
    data: bytes
    whole: bytes


def read(data: bytes) -> ImageFile:
    """Check the chunks of a PNG file, and keep those that its pixels need; raises ImageRefusedError."""
    orientation, last, kept = 1, 0, [SIGNATURE]
    position = len(SIGNATURE)
    colour_type = -1
    seen: set[bytes] = set()
    while b"IEND" not in seen:
        chunk = _chunk_at(data, position)
        position += len(chunk.whole)
        if chunk.kind in _ANIMATION:
            raise ImageRefusedError(Refusal.ANIMATED)
        if not seen:
            colour_type = _check_header(chunk)
        if chunk.kind == b"eXIf":
            orientation = orientation_of(chunk.data)
        if chunk.kind not in _KEPT:
            if chunk.kind[0:1].isupper():  # critical, so that the image means nothing without it
                raise ImageRefusedError(Refusal.INVALID)
            continue
        order = _KEPT.index(chunk.kind)
        if order < last or (chunk.kind in seen and chunk.kind != b"IDAT"):
            raise ImageRefusedError(Refusal.INVALID)
        last = order
        seen.add(chunk.kind)
        kept.append(chunk.whole)
    if b"IDAT" not in seen or (colour_type == _PALETTE and b"PLTE" not in seen):
        raise ImageRefusedError(Refusal.INVALID)
    if position != len(data):
        raise ImageRefusedError(Refusal.TRAILING_DATA)
    return ImageFile("PNG", b"".join(kept), orientation)


def _chunk_at(data: bytes, position: int) -> _Chunk:
    end = position + _OVERHEAD
    if end > len(data):
        raise ImageRefusedError(Refusal.INVALID)
    length, kind = struct.unpack_from(">I4s", data, position)
    end += length
    if end > len(data) or not kind.isalpha():
        raise ImageRefusedError(Refusal.INVALID)
    if zlib.crc32(data[position + 4 : end - 4]) != int.from_bytes(data[end - 4 : end], "big"):
        raise ImageRefusedError(Refusal.INVALID)
    return _Chunk(kind, data[position + 8 : end - 4], data[position:end])


def _check_header(chunk: _Chunk) -> int:
    """Check the first chunk; return the colour type."""
    if chunk.kind != b"IHDR" or len(chunk.data) != struct.calcsize(">IIBBBBB"):
        raise ImageRefusedError(Refusal.INVALID)
    width, height, _, colour_type, compression, filtering, interlace = struct.unpack(">IIBBBBB", chunk.data)
    check_size(width, height)
    if compression or filtering or interlace > 1:
        raise ImageRefusedError(Refusal.INVALID)
    return int(colour_type)
