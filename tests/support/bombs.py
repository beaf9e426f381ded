"""Image files of few bytes that cost a decoder without limits much memory or time."""

import struct
import zlib
from typing import Final

from support.images import chunk, header, jpeg, png_of, riff_chunk, rows, small_png, webp_of

_CODE_LENGTH_ORDER: Final = (17, 18, 0, 1, 2, 3, 4, 5, 16, 6, 7, 8)


class _Bits:
    """Bits in the order of WebP's lossless format: the lowest first."""

    def __init__(self) -> None:
        self._bits = 0
        self._count = 0
        self._bytes = bytearray()

    def put(self, value: int, count: int) -> None:
        self._bits |= value << self._count
        self._count += count
        while self._count >= 8:
            self._bytes.append(self._bits & 255)
            self._bits >>= 8
            self._count -= 8

    def put_single_symbol_code(self) -> None:
        self.put(0b0001, 4)

    def put_bytes_code(self, *, has_more_symbols: bool) -> None:
        """Write a prefix code with eight bits for each of the first 256 symbols."""
        self.put(0, 1)
        self.put(len(_CODE_LENGTH_ORDER) - 4, 4)
        for symbol in _CODE_LENGTH_ORDER:
            self.put(int(symbol in {0, 8}), 3)
        if has_more_symbols:
            self.put(0b1, 1)
            self.put(3, 3)
            self.put(254, 8)
        else:
            self.put(0, 1)
        for _ in range(256):
            self.put(1, 1)

    def put_byte(self, value: int) -> None:
        self.put(int(f"{value:08b}"[::-1], 2), 8)

    def whole(self) -> bytes:
        return bytes(self._bytes) + bytes([self._bits & 255])


def webp_prefix_codes(side: int = 256) -> bytes:
    """Return a lossless WebP with `side`² groups of prefix codes, each of which costs libwebp 5 KB.

    256 is the most that the format allows: 300 KB that make it take 370 MB, for a million pixels.
    """
    bits = _Bits()
    bits.put(0x2F, 8)
    bits.put(side * 4 - 1, 14)
    bits.put(side * 4 - 1, 14)
    bits.put(0, 1 + 3)  # no alpha, version
    bits.put(0, 1)  # no transform
    bits.put(0, 1)  # no colour cache
    bits.put(1, 1)  # several groups of codes, one for each square of 4 pixels
    bits.put(0, 3)
    bits.put(0, 1)  # the image that says which: no colour cache
    bits.put_bytes_code(has_more_symbols=True)
    bits.put_bytes_code(has_more_symbols=False)
    for _ in range(3):
        bits.put_single_symbol_code()
    for number in range(side * side):
        bits.put_byte(number & 255)
        bits.put_byte(number >> 8)
    for _ in range(side * side * 5):
        bits.put_single_symbol_code()
    return webp_of(riff_chunk(b"VP8L", bits.whole()))


def _zeros(megabytes: int) -> bytes:
    """Return that much compressed to a thousandth."""
    deflate, zeros = zlib.compressobj(9), bytes(1_000_000)
    return b"".join(deflate.compress(zeros) for _ in range(megabytes)) + deflate.flush()


def png_texts() -> bytes:
    """Return a PNG with ten compressed texts of 60 MB each."""
    return small_png(*[chunk(b"zTXt", b"bomb%d\0\0" % number + _zeros(60)) for number in range(10)])


def png_profile() -> bytes:
    """Return a PNG with a compressed colour profile of 500 MB."""
    return small_png(chunk(b"iCCP", b"bomb\0\0" + _zeros(500)))


def png_international_text() -> bytes:
    """Return a PNG with a compressed international text of 500 MB."""
    return small_png(chunk(b"iTXt", b"bomb\0\1\0\0\0" + _zeros(500)))


def png_pixels() -> bytes:
    """Return a PNG of 64 pixels with 500 MB of pixel data."""
    return png_of(header(8, 8), chunk(b"IDAT", _zeros(500)))


def png_size() -> bytes:
    """Return a PNG of 900 million pixels."""
    return png_of(header(30_000, 30_000), rows(8, 8))


def jpeg_scans(count: int) -> bytes:
    """Return a progressive JPEG of 4096 by 4096 pixels that repeats its last scan."""
    whole = jpeg(4096, 4096, progressive=True, quality=5, subsampling=0)
    last = whole.rindex(b"\xff\xda")
    return whole[:last] + whole[last:-2] * count + whole[-2:]


def exif_shared_data() -> bytes:
    """Return EXIF data with 5,000 entries that all refer to the same 60 KB, for a JPEG or PNG."""
    entries = 5_000
    shared = b"".join(struct.pack(">HHII", 0x9000 + number, 7, 60_000, 8) for number in range(entries))
    return b"MM\0*" + struct.pack(">IH", 8, entries) + shared
