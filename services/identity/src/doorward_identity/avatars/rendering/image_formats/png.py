"""PNG (W3C Recommendation, third edition)."""

import struct
import zlib
from typing import Final, NamedTuple

from doorward_identity.avatars.rendering.image_formats import colour_profile
from doorward_identity.avatars.rendering.image_formats.errors import ImageErrorCode, ImageRejectedError
from doorward_identity.avatars.rendering.image_formats.exif import orientation_of
from doorward_identity.avatars.rendering.image_formats.image_file import ImageFile, check_size

SIGNATURE: Final = b"\x89PNG\r\n\x1a\n"

_OVERHEAD: Final = 12
"""Bytes of a chunk that are not its data: length, type, CRC."""

_ANIMATION: Final = frozenset({b"acTL", b"fcTL", b"fdAT"})
_KEPT: Final = (b"IHDR", b"PLTE", b"tRNS", b"IDAT", b"IEND")
"""In their order. Text, times and the rest are dropped: compressed ones are bombs at will."""

_PROFILE_NAME: Final = 79
_PALETTE: Final = 3
"""The colour type that needs PLTE."""


class _Chunk(NamedTuple):
    kind: bytes
    data: bytes
    whole: bytes


class _Metadata:
    """The data of chunks that are dropped afterwards."""

    orientation = 1
    profile: colour_profile.ColourProfile | None = None

    def read(self, chunk: _Chunk) -> None:
        if chunk.kind[0:1].isupper():  # critical, so that the image means nothing without it
            raise ImageRejectedError(ImageErrorCode.INVALID)
        if chunk.kind == b"eXIf":
            self.orientation = orientation_of(chunk.data)
        elif chunk.kind == b"iCCP":
            if self.profile is not None:
                raise ImageRejectedError(ImageErrorCode.INVALID)
            self.profile = _profile(chunk.data)


def read(data: bytes) -> ImageFile:
    """Check the chunks of a PNG file, and keep those that its pixels need; raises ImageRejectedError."""
    metadata, last, kept = _Metadata(), 0, [SIGNATURE]
    position = len(SIGNATURE)
    colour_type = -1
    seen: set[bytes] = set()
    while b"IEND" not in seen:
        chunk = _chunk_at(data, position)
        position += len(chunk.whole)
        if chunk.kind in _ANIMATION:
            raise ImageRejectedError(ImageErrorCode.ANIMATED)
        if not seen:
            colour_type = _check_header(chunk)
        if chunk.kind not in _KEPT:
            metadata.read(chunk)
            continue
        order = _KEPT.index(chunk.kind)
        if order < last or (chunk.kind in seen and chunk.kind != b"IDAT"):
            raise ImageRejectedError(ImageErrorCode.INVALID)
        last = order
        seen.add(chunk.kind)
        kept.append(chunk.whole)
    if b"IDAT" not in seen or (colour_type == _PALETTE and b"PLTE" not in seen):
        raise ImageRejectedError(ImageErrorCode.INVALID)
    if position != len(data):
        raise ImageRejectedError(ImageErrorCode.TRAILING_DATA)
    return ImageFile("PNG", b"".join(kept), metadata.orientation, metadata.profile)


def _profile(data: bytes) -> colour_profile.ColourProfile:
    """Read a name of up to 79 bytes, a zero, the method 0 of compression, and the profile."""
    name, _, rest = data.partition(b"\0")
    if not 1 <= len(name) <= _PROFILE_NAME or rest[:1] != b"\0":
        raise ImageRejectedError(ImageErrorCode.INVALID)
    return colour_profile.read_compressed(rest[1:])


def _chunk_at(data: bytes, position: int) -> _Chunk:
    end = position + _OVERHEAD
    if end > len(data):
        raise ImageRejectedError(ImageErrorCode.INVALID)
    length, kind = struct.unpack_from(">I4s", data, position)
    end += length
    if end > len(data) or not kind.isalpha():
        raise ImageRejectedError(ImageErrorCode.INVALID)
    if zlib.crc32(data[position + 4 : end - 4]) != int.from_bytes(data[end - 4 : end], "big"):
        raise ImageRejectedError(ImageErrorCode.INVALID)
    return _Chunk(kind, data[position + 8 : end - 4], data[position:end])


def _check_header(chunk: _Chunk) -> int:
    """Check the first chunk; return the colour type."""
    if chunk.kind != b"IHDR" or len(chunk.data) != struct.calcsize(">IIBBBBB"):
        raise ImageRejectedError(ImageErrorCode.INVALID)
    width, height, _, colour_type, compression, filtering, interlace = struct.unpack(">IIBBBBB", chunk.data)
    check_size(width, height)
    if compression or filtering or interlace > 1:
        raise ImageRejectedError(ImageErrorCode.INVALID)
    return int(colour_type)
