"""The colour profile of an image (ICC.1:2022), reduced to one that describes colours of pixels.

Only the header and the table of tags are read here. The process that converts the colours reads the rest,
within its limits.
"""

import struct
import zlib
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from doorward_identity.avatars.rendering.image_formats.errors import ImageErrorCode, ImageRejectedError

MAX_BYTES: Final = 1024 * 1024
"""As an upload has by default. Profiles of displays have 500 bytes, those of printers up to 800 KB."""

_HEADER: Final = 128
_SIGNATURE: Final = b"acsp"
_MAX_TAGS: Final = 100
"""As LittleCMS; profiles have up to 40."""

_PIPELINES: Final = frozenset(name + b"%d" % number for name in (b"D2B", b"B2D") for number in range(4))
"""Tags of conversions in any number of steps: a compressed kilobyte of them computes for ten seconds."""

_CLASSES: Final = frozenset({b"scnr", b"mntr", b"prtr", b"spac"})
"""Input, display, output and colour space; links between devices and named colours describe no pixels."""


class ColourSpace(StrEnum):
    """The meaning of a pixel's values, from the header."""

    RGB = "RGB "
    GREY = "GRAY"
    CMYK = "CMYK"


@dataclass(frozen=True, slots=True)
class ColourProfile:
    """A profile of up to MAX_BYTES."""

    space: ColourSpace
    data: bytes


def read(data: bytes) -> ColourProfile:
    """Check the header of a profile; raises ImageRejectedError."""
    size = int.from_bytes(data[:4], "big")
    if not _HEADER < size <= min(len(data), MAX_BYTES) or data[36:40] != _SIGNATURE:
        raise ImageRejectedError(ImageErrorCode.INVALID)
    try:
        space = ColourSpace(data[16:20].decode("ascii"))
    except ValueError:
        raise ImageRejectedError(ImageErrorCode.INVALID) from None
    if data[12:16] not in _CLASSES:
        raise ImageRejectedError(ImageErrorCode.INVALID)
    return ColourProfile(space, _without_pipelines(data[:size]))


def _without_pipelines(data: bytes) -> bytes:
    """Drop the tags of a profile other than the usual ones (ICC.1:2022 section 9.1)."""
    start = _HEADER + 4
    count = int.from_bytes(data[_HEADER:start], "big")
    end = start + 12 * count
    if count > _MAX_TAGS or end > len(data):
        raise ImageRejectedError(ImageErrorCode.INVALID)
    entries = [data[at : at + 12] for at in range(start, end, 12)]
    kept = [entry for entry in entries if entry[:4] not in _PIPELINES]
    table = struct.pack(">I", len(kept)) + b"".join(kept)
    return data[:_HEADER] + table.ljust(end - _HEADER, b"\0") + data[end:]


def read_compressed(data: bytes) -> ColourProfile:
    """Read a profile as PNG stores it; raises ImageRejectedError, also for one that unpacks to too much."""
    unpacking = zlib.decompressobj()
    try:
        unpacked = unpacking.decompress(data, MAX_BYTES)
    except zlib.error:
        raise ImageRejectedError(ImageErrorCode.INVALID) from None
    if not unpacking.eof:
        raise ImageRejectedError(ImageErrorCode.INVALID)
    return read(unpacked)
