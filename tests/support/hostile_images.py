"""Files that are rejected, each with the code of its rejection."""

import io
import struct
import zipfile
import zlib
from collections.abc import Mapping
from typing import Final

from support import bombs
from support.images import (
    PNG_SIGNATURE,
    chunk,
    encoded,
    header,
    jpeg,
    jpeg_with,
    picture,
    png,
    png_of,
    riff_chunk,
    rows,
    segment,
    small_png,
    webp,
    webp_chunks,
    webp_of,
)

PAGE: Final = b"<html><script>alert(1)</script></html>"


def _zip() -> bytes:
    output = io.BytesIO()
    with zipfile.ZipFile(output, "w") as archive:
        archive.writestr("page.html", PAGE)
    return output.getvalue()


def _changed(data: bytes, position: int, new: bytes) -> bytes:
    return data[:position] + new + data[position + len(new) :]


def _frame_changed(offset: int, new: bytes) -> bytes:
    """Change the frame header of a JPEG: 0 is its marker, 4 the precision, 5 the height, 9 the components."""
    whole = jpeg()
    return _changed(whole, whole.index(b"\xff\xc0") + 1 + offset - 1, new)


_FRAMES: Final = [picture(), picture(mode="L").convert("RGB")]
_LOSSY: Final = webp_chunks(webp())[b"VP8 "]
_LOSSLESS: Final = webp_chunks(webp(lossless=True))[b"VP8L"]
_MP4: Final = struct.pack(">I", 24) + b"ftypmp42" + bytes(12)

WRONG_TYPES: Final[Mapping[str, bytes]] = {
    "nothing": b"",
    "text": b"hello",
    "SVG": b'<svg xmlns="http://www.w3.org/2000/svg"><script>alert(1)</script></svg>',
    "SVG with a declaration": b'<?xml version="1.0"?><!DOCTYPE svg><svg xmlns="http://www.w3.org/2000/svg"/>',
    "HTML": PAGE,
    "GIF": encoded(picture(), "GIF"),
    "animated GIF": encoded(_FRAMES[0], "GIF", save_all=True, append_images=_FRAMES[1:]),
    "GIF that is HTML": b"GIF89a/*" + PAGE,
    "BMP": encoded(picture(), "BMP"),
    "TIFF": encoded(picture(), "TIFF"),
    "ICO": encoded(picture(), "ICO"),
    "PDF": encoded(picture(), "PDF"),
    "JPEG 2000": b"\0\0\0\x0cjP  \r\n\x87\n" + bytes(100),
    "HEIC": struct.pack(">I", 24) + b"ftypheic" + bytes(100),
    "AVIF": struct.pack(">I", 24) + b"ftypavif" + bytes(100),
    "PSD": b"8BPS\0\1" + bytes(100),
    "EPS": b"%!PS-Adobe-3.0 EPSF-3.0\n",
    "ZIP": _zip(),
    "WAV": b"RIFF" + struct.pack("<I", 36) + b"WAVEfmt " + bytes(28),
    "PNG with a byte before it": b"\n" + png(),
    "JPEG of 12 bits": _frame_changed(4, b"\x0c"),
    "JPEG of two components": _frame_changed(9, b"\x02"),
    "JPEG without loss": _frame_changed(1, b"\xc3"),
    "JPEG with arithmetic coding": _frame_changed(1, b"\xc9"),
}

BROKEN: Final[Mapping[str, bytes]] = {
    "PNG: its first bytes alone": PNG_SIGNATURE,
    "PNG: half": png()[: len(png()) // 2],
    "PNG: without an end": png()[:-12],
    "PNG: without pixels": png_of(header(8, 8)),
    "PNG: without a header": png_of(rows(8, 8)),
    "PNG: two headers": png_of(header(8, 8), header(9, 9), rows(8, 8)),
    "PNG: a wrong checksum": _changed(small_png(), 33, bytes(4)),
    "PNG: no width": png_of(header(0, 8), rows(0, 8)),
    "PNG: an unknown depth": png_of(header(8, 8, depth=5), rows(8, 8)),
    "PNG: an unknown interlace method": png_of(header(8, 8, interlace=2), rows(8, 8)),
    "PNG: a palette image without a palette": png_of(header(8, 8, colour=3), rows(8, 8, 1)),
    "PNG: the palette after the pixels": png_of(header(8, 8), rows(8, 8), chunk(b"PLTE", bytes(3))),
    "PNG: pixels in two places": png_of(header(8, 8), rows(8, 8), chunk(b"tEXt", b"a\0b"), chunk(b"PLTE")),
    "PNG: pixels that are no stream": png_of(header(8, 8), chunk(b"IDAT", b"not compressed")),
    "PNG: half of the pixels": png_of(header(8, 8), chunk(b"IDAT", zlib.compress(bytes(range(200)))[:99])),
    "PNG: an unknown critical chunk": small_png(chunk(b"CgBI", bytes(4))),
    "PNG: a chunk longer than the file": small_png(struct.pack(">I", 2**31 - 1) + b"tEXt"),
    "PNG: a chunk without a name": small_png(chunk(b"\0\0\0\0")),
    "JPEG: its first bytes alone": b"\xff\xd8\xff",
    "JPEG: half": jpeg()[: len(jpeg()) // 2],
    "JPEG: without an end": jpeg()[:-2],
    "JPEG: nothing between start and end": b"\xff\xd8\xff\xd9",
    "JPEG: without a frame": b"\xff\xd8" + segment(0xDA, bytes(10)) + b"\xff\xd9",
    "JPEG: two frames": jpeg_with(segment(0xC0, bytes.fromhex("08000800080101110001"))),
    "JPEG: no height": _frame_changed(5, bytes(2)),
    "JPEG: its height after the pixels": jpeg_with(segment(0xDC, bytes(2))),
    "JPEG: a segment longer than the file": b"\xff\xd8\xff\xe0\xff\xff" + bytes(100),
    "JPEG: a segment shorter than its length": b"\xff\xd8\xff\xe0\0\0" + jpeg()[2:],
    "JPEG: a start within": jpeg_with(b"\xff\xd8"),
    "JPEG: without tables": jpeg().replace(b"\xff\xdb", b"\xff\xfe"),
    "JPEG: fill bytes without an end": b"\xff\xd8" + b"\xff" * 1000,
    "JPEG: 65 scans": bombs.jpeg_scans(65),
    "WebP: half": webp()[: len(webp()) // 2],
    "WebP: its first bytes alone": b"RIFF\x04\0\0\0WEBP",
    "WebP: no size": b"RIFF\0\0\0\0WEBP",
    "WebP: longer than the file": _changed(webp(), 4, b"\xff\xff\xff\x7f"),
    "WebP: without pixels": webp_of(riff_chunk(b"VP8X", bytes(10))),
    "WebP: lossy and lossless": webp_of(riff_chunk(b"VP8 ", _LOSSY), riff_chunk(b"VP8L", _LOSSLESS)),
    "WebP: twice the pixels": webp_of(riff_chunk(b"VP8 ", _LOSSY), riff_chunk(b"VP8 ", _LOSSY)),
    "WebP: no key frame": webp_of(riff_chunk(b"VP8 ", b"\1" + _LOSSY[1:])),
    "WebP: pixels that are none": webp_of(riff_chunk(b"VP8 ", _LOSSY[:10])),
    "WebP: lossless pixels that are none": webp_of(riff_chunk(b"VP8L", _LOSSLESS[:5] + b"\xff" * 100)),
    "WebP: lossless without its signature": webp_of(riff_chunk(b"VP8L", b"\0" + _LOSSLESS[1:])),
    "WebP: a chunk longer than the file": webp_of(b"VP8 \xff\xff\xff\x7f" + _LOSSY),
    "WebP: a broken alpha channel": webp_of(riff_chunk(b"ALPH", b"\1\xff\xff"), riff_chunk(b"VP8 ", _LOSSY)),
}

TOO_LARGE: Final[Mapping[str, bytes]] = {
    "PNG: 4097 wide": png_of(header(4097, 1), rows(4097, 1)),
    "PNG: 4097 high": png_of(header(1, 4097), rows(1, 4097)),
    "PNG: 900 million pixels": bombs.png_size(),
    "PNG: the largest size": png_of(header(2**31 - 1, 2**31 - 1), rows(8, 8)),
    "JPEG: 65,535 a side": _frame_changed(5, b"\xff\xff\xff\xff"),
    "WebP: 16,383 a side": webp_of(riff_chunk(b"VP8 ", _LOSSY[:6] + b"\xff\x3f\xff\x3f" + _LOSSY[10:])),
    "WebP: 16,384 a side, lossless": webp_of(riff_chunk(b"VP8L", b"\x2f\xff\xff\xff\x0f" + _LOSSLESS[5:])),
    "WebP: 13 megapixels": webp_of(riff_chunk(b"VP8 ", _LOSSY[:6] + struct.pack("<HH", 4096, 3073))),
}

ANIMATED: Final[Mapping[str, bytes]] = {
    "PNG": encoded(_FRAMES[0], "PNG", save_all=True, append_images=_FRAMES[1:]),
    "PNG: of one frame": small_png(chunk(b"acTL", struct.pack(">II", 1, 0))),
    "PNG: of 4 billion frames": small_png(chunk(b"acTL", b"\xff" * 8)),
    "WebP": encoded(_FRAMES[0], "WEBP", save_all=True, append_images=_FRAMES[1:]),
    "WebP: the flag alone": webp_of(riff_chunk(b"VP8X", b"\2" + bytes(9)), riff_chunk(b"VP8 ", _LOSSY)),
    "WebP: a frame alone": webp_of(riff_chunk(b"VP8 ", _LOSSY), riff_chunk(b"ANMF", bytes(24))),
}

WITH_MORE: Final[Mapping[str, bytes]] = {
    "PNG and one byte": png() + b"\0",
    "PNG and HTML": png() + PAGE,
    "PNG and ZIP": png() + _zip(),
    "PNG and PNG": png() + png(),
    "JPEG and HTML": jpeg() + PAGE,
    "JPEG and ZIP": jpeg() + _zip(),
    "JPEG and JPEG, not announced": jpeg() + jpeg(),
    "JPEG and a video, as motion photos": jpeg() + _MP4,
    "JPEG and HTML, announced as pictures": jpeg_with(segment(0xE2, b"MPF\0")) + PAGE,
    "WebP and HTML": webp() + PAGE,
    "WebP and ZIP": webp() + _zip(),
}

HOSTILE: Final[Mapping[str, tuple[str, bytes]]] = {
    f"{code}: {name}": (code, data)
    for code, files in {
        "image_type_unsupported": WRONG_TYPES,
        "image_invalid": BROKEN,
        "image_too_large": TOO_LARGE,
        "image_animated": ANIMATED,
        "image_trailing_data": WITH_MORE,
    }.items()
    for name, data in files.items()
}
