"""JPEG (ITU-T T.81), baseline and progressive; also the first image of a multi-picture file (CIPA DC-007)."""

import re
import struct
from typing import Final

from doorward_identity.avatars.rendering.image_formats.errors import ImageRefusedError, Refusal
from doorward_identity.avatars.rendering.image_formats.exif import orientation_of
from doorward_identity.avatars.rendering.image_formats.image_file import ImageFile, check_size

START: Final = b"\xff\xd8"

MAX_SCANS: Final = 64
"""Encoders write up to about 13. Each costs a pass over the pixels, and a hostile one has ten bytes."""

_END: Final = 0xD9
_SCAN: Final = 0xDA
_EXIF: Final = 0xE1
_ADOBE: Final = 0xEE
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
    """Check the segments of a JPEG file, and keep those that its pixels need; raises ImageRefusedError."""
    return _Reader(data).read()


class _Reader:
    """Walks through one file."""

    def __init__(self, data: bytes) -> None:
        self._data = data
        self._position = len(START)
        self._kept = [START]
        self._orientation = 1
        self._is_multi_picture = False
        self._frames = 0
        self._scans = 0

    def read(self) -> ImageFile:
        while (marker := self._next_marker()) != _END:
            self._segment(marker, self._segment_data())
        if not self._frames or not self._scans:
            raise ImageRefusedError(Refusal.INVALID)
        self._check_rest()
        return ImageFile("JPEG", b"".join((*self._kept, b"\xff\xd9")), self._orientation)

    def _next_marker(self) -> int:
        start = self._position
        while self._data[self._position : self._position + 1] == b"\xff":  # several: fill bytes
            self._position += 1
        if self._position in {start, len(self._data)}:
            raise ImageRefusedError(Refusal.INVALID)
        self._position += 1
        return self._data[self._position - 1]

    def _segment_data(self) -> bytes:
        length = int.from_bytes(self._data[self._position : self._position + 2], "big")
        start, end = self._position + 2, self._position + length
        if end < start or end > len(self._data):
            raise ImageRefusedError(Refusal.INVALID)
        self._position = end
        return self._data[start:end]

    def _segment(self, marker: int, data: bytes) -> None:
        if marker in _OTHER_FRAMES:
            raise ImageRefusedError(Refusal.TYPE)
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
            raise ImageRefusedError(Refusal.INVALID)

    def _keep(self, marker: int, data: bytes) -> None:
        self._kept.append(struct.pack(">BBH", 0xFF, marker, len(data) + 2) + data)

    def _application(self, marker: int, data: bytes) -> None:
        if marker == _EXIF and data.startswith(b"Exif\0\0"):
            self._orientation = orientation_of(data)
        elif data.startswith(b"MPF\0"):
            self._is_multi_picture = True
        elif marker == _ADOBE and data.startswith(b"Adobe"):  # tells how the colours are coded
            self._keep(marker, data)

    def _frame(self, data: bytes) -> None:
        self._frames += 1
        if self._frames > 1 or len(data) < struct.calcsize(">BHHB"):
            raise ImageRefusedError(Refusal.INVALID)
        precision, height, width, components = struct.unpack_from(">BHHB", data)
        check_size(width, height)
        if precision != 8 or components not in {1, 3, 4}:  # noqa: PLR2004 - bits
            raise ImageRefusedError(Refusal.TYPE)

    def _scan(self) -> None:
        """Keep what follows the header of a scan."""
        self._scans += 1
        found = _AFTER_SCAN.search(self._data, self._position)
        if not self._frames or self._scans > MAX_SCANS or found is None:
            raise ImageRefusedError(Refusal.INVALID)
        self._kept.append(self._data[self._position : found.start()])
        self._position = found.start()

    def _check_rest(self) -> None:
        """Accept padding, and the further images that a multi-picture file announces; they are dropped."""
        rest = self._data[self._position :].lstrip(b"\0")
        if rest and not (self._is_multi_picture and rest.startswith(b"\xff\xd8\xff")):
            raise ImageRefusedError(Refusal.TRAILING_DATA)
