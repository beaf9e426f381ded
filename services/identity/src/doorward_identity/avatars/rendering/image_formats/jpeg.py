"""JPEG (ITU-T T.81), baseline and progressive; also the first image of a multi-picture file (CIPA DC-007)."""

import re
import struct
from typing import Final

from doorward_identity.avatars.rendering.image_formats import colour_profile
from doorward_identity.avatars.rendering.image_formats.errors import ImageErrorCode, ImageRejectedError
from doorward_identity.avatars.rendering.image_formats.exif import orientation_of
from doorward_identity.avatars.rendering.image_formats.image_file import ImageFile, check_size

START: Final = b"\xff\xd8"

MAX_SCANS: Final = 64
"""Encoders write up to about 13. Each costs a pass over the pixels, and a hostile one has ten bytes."""

_END: Final = 0xD9
_SCAN: Final = 0xDA
_EXIF: Final = 0xE1
_PROFILE: Final = 0xE2
_ADOBE: Final = 0xEE
_PROFILE_START: Final = b"ICC_PROFILE\0"
_FRAMES: Final = frozenset({0xC0, 0xC1, 0xC2})
"""Baseline, extended and progressive frames with Huffman codes: what cameras and programs write."""

_OTHER_FRAMES: Final = frozenset({0xC3, *range(0xC5, 0xD0), 0xDE})
"""Lossless, hierarchical, arithmetically coded."""

_TABLES: Final = frozenset({0xC4, 0xDB, 0xDD})
"""Huffman codes, quantization, restart interval."""

_APPLICATION: Final = frozenset({*range(0xE0, 0xF0), 0xFE})
"""Application segments and comments."""

_AFTER_SCAN: Final = re.compile(rb"\xff[^\x00\xff\xd0-\xd7]")
"""In a scan, 0xFF00 is data, and restart markers belong to it."""


def read(data: bytes) -> ImageFile:
    """Check the segments of a JPEG file, and keep those that its pixels need; raises ImageRejectedError."""
    return _Reader(data).read()


class _Reader:
    """Walks through one file."""

    def __init__(self, data: bytes) -> None:
        self._data = data
        self._position = len(START)
        self._kept = [START]
        self._orientation = 1
        self._profile_parts: dict[int, tuple[int, bytes]] = {}
        self._is_multi_picture = False
        self._frames = 0
        self._scans = 0

    def read(self) -> ImageFile:
        while (marker := self._next_marker()) != _END:
            self._segment(marker, self._segment_data())
        if not self._frames or not self._scans:
            raise ImageRejectedError(ImageErrorCode.INVALID)
        self._check_rest()
        data = b"".join((*self._kept, b"\xff\xd9"))
        return ImageFile("JPEG", data, self._orientation, self._profile())

    def _next_marker(self) -> int:
        start = self._position
        while self._data[self._position : self._position + 1] == b"\xff":  # several: fill bytes
            self._position += 1
        if self._position in {start, len(self._data)}:
            raise ImageRejectedError(ImageErrorCode.INVALID)
        self._position += 1
        return self._data[self._position - 1]

    def _segment_data(self) -> bytes:
        length = int.from_bytes(self._data[self._position : self._position + 2], "big")
        start, end = self._position + 2, self._position + length
        if end < start or end > len(self._data):
            raise ImageRejectedError(ImageErrorCode.INVALID)
        self._position = end
        return self._data[start:end]

    def _segment(self, marker: int, data: bytes) -> None:
        if marker in _OTHER_FRAMES:
            raise ImageRejectedError(ImageErrorCode.TYPE)
        if marker in _APPLICATION:
            self._application(marker, data)
        elif marker in _TABLES:
            self._keep(marker, data)
        elif marker in _FRAMES:
            self._frame(data)
            self._keep(marker, data)
        elif marker == _SCAN:
            self._keep(marker, data)
            self._scan()
        else:
            raise ImageRejectedError(ImageErrorCode.INVALID)

    def _keep(self, marker: int, data: bytes) -> None:
        self._kept.append(struct.pack(">BBH", 0xFF, marker, len(data) + 2) + data)

    def _application(self, marker: int, data: bytes) -> None:
        if marker == _EXIF and data.startswith(b"Exif\0\0"):
            self._orientation = orientation_of(data)
        elif marker == _PROFILE and data.startswith(_PROFILE_START):
            self._profile_part(data.removeprefix(_PROFILE_START))
        elif data.startswith(b"MPF\0"):
            self._is_multi_picture = True
        elif marker == _ADOBE and data.startswith(b"Adobe"):  # tells how the colours are coded
            self._keep(marker, data)

    def _profile_part(self, data: bytes) -> None:
        """Keep a part of the profile: its number from 1 on, the number of parts, and bytes."""
        if len(data) < 2 or data[0] in self._profile_parts:  # noqa: PLR2004 - both numbers
            raise ImageRejectedError(ImageErrorCode.INVALID)
        self._profile_parts[data[0]] = data[1], data[2:]

    def _profile(self) -> colour_profile.ColourProfile | None:
        if not self._profile_parts:
            return None
        numbers = sorted(self._profile_parts)
        counts = {count for count, _ in self._profile_parts.values()}
        if numbers != list(range(1, len(numbers) + 1)) or counts != {len(numbers)}:
            raise ImageRejectedError(ImageErrorCode.INVALID)
        return colour_profile.read(b"".join(self._profile_parts[number][1] for number in numbers))

    def _frame(self, data: bytes) -> None:
        self._frames += 1
        if self._frames > 1 or len(data) < struct.calcsize(">BHHB"):
            raise ImageRejectedError(ImageErrorCode.INVALID)
        precision, height, width, components = struct.unpack_from(">BHHB", data)
        check_size(width, height)
        if precision != 8 or components not in {1, 3, 4}:  # noqa: PLR2004 - bits
            raise ImageRejectedError(ImageErrorCode.TYPE)

    def _scan(self) -> None:
        """Keep what follows the header of a scan."""
        self._scans += 1
        found = _AFTER_SCAN.search(self._data, self._position)
        if not self._frames or self._scans > MAX_SCANS or found is None:
            raise ImageRejectedError(ImageErrorCode.INVALID)
        self._kept.append(self._data[self._position : found.start()])
        self._position = found.start()

    def _check_rest(self) -> None:
        """Accept padding, and the further images that a multi-picture file announces; they are dropped."""
        rest = self._data[self._position :].lstrip(b"\0")
        if rest and not (self._is_multi_picture and rest.startswith(b"\xff\xd8\xff")):
            raise ImageRejectedError(ImageErrorCode.TRAILING_DATA)
