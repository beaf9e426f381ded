"""The orientation in EXIF data (CIPA DC-008, a TIFF directory), and nothing else of it.

Pillow's reader copies the data of every entry. A hostile file has thousands of entries that share theirs.
"""

import struct
from typing import Final

_BYTE_ORDERS: Final = {b"II*\0": "<", b"MM\0*": ">"}
_ORIENTATION: Final = 0x0112
_SHORT: Final = 3
_ENTRY: Final = 12
"""Bytes of an entry: tag, type, count, value."""


def orientation_of(data: bytes) -> int:
    """Return 1 to 8; 1 (upright) also for data without a usable entry."""
    data = data.removeprefix(b"Exif\0\0")
    order = _BYTE_ORDERS.get(data[:4])
    if order is None:
        return 1
    try:
        (start,) = struct.unpack_from(f"{order}I", data, 4)
        (entries,) = struct.unpack_from(f"{order}H", data, start)
        for number in range(entries):
            tag, kind, _, value = struct.unpack_from(f"{order}HHIH", data, start + 2 + number * _ENTRY)
            if tag == _ORIENTATION:
                return value if kind == _SHORT and 1 <= value <= 8 else 1  # noqa: PLR2004 - see above
    except struct.error:
        return 1
    return 1
