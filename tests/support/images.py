"""Image files made of code: whole ones by Pillow, and pieces to take apart and put together."""

import io
import random
import struct
import zlib
from typing import Any, Final

from PIL import Image

PNG_SIGNATURE: Final = b"\x89PNG\r\n\x1a\n"


def encoded(image: Image.Image, kind: str, **options: Any) -> bytes:
    """Return a file of an image."""
    output = io.BytesIO()
    image.save(output, kind, **options)
    return output.getvalue()


def picture(width: int = 64, height: int = 64, mode: str = "RGB") -> Image.Image:
    """Return an image whose quarters differ: red, green, blue, white."""
    image = Image.new("RGB", (width, height), "white")
    image.paste("red", (0, 0, width // 2, height // 2))
    image.paste("lime", (width // 2, 0, width, height // 2))
    image.paste("blue", (0, height // 2, width // 2, height))
    return image.convert(mode)


def noise(side: int, mode: str = "RGB", seed: int = 1) -> Image.Image:
    """Return an image that no format compresses."""
    data = random.Random(seed).randbytes(side * side * len(mode))
    return Image.frombytes(mode, (side, side), data)


def png(width: int = 64, height: int = 64, **options: Any) -> bytes:
    return encoded(picture(width, height), "PNG", **options)


def jpeg(width: int = 64, height: int = 64, **options: Any) -> bytes:
    return encoded(picture(width, height), "JPEG", **options)


def webp(width: int = 64, height: int = 64, **options: Any) -> bytes:
    return encoded(picture(width, height), "WEBP", **options)


def chunk(kind: bytes, data: bytes = b"") -> bytes:
    """Return a chunk of a PNG file."""
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))


def header(width: int, height: int, depth: int = 8, colour: int = 2, interlace: int = 0) -> bytes:
    """Return the first chunk of a PNG file."""
    return chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, depth, colour, 0, 0, interlace))


def png_of(*chunks: bytes) -> bytes:
    """Return a PNG file of these chunks and an end."""
    return b"".join((PNG_SIGNATURE, *chunks, chunk(b"IEND")))


def rows(width: int, height: int, bytes_per_pixel: int = 3) -> bytes:
    """Return the chunk with the pixels of a black image."""
    return chunk(b"IDAT", zlib.compress(bytes((width * bytes_per_pixel + 1) * height)))


def small_png(*extra: bytes) -> bytes:
    """Return a PNG file with chunks between the header and the pixels."""
    return png_of(header(8, 8), *extra, rows(8, 8))


def segment(marker: int, data: bytes = b"") -> bytes:
    """Return a segment of a JPEG file."""
    return struct.pack(">BBH", 0xFF, marker, len(data) + 2) + data


def jpeg_with(*segments: bytes, base: bytes | None = None) -> bytes:
    """Return a JPEG file with these segments after its start."""
    whole = base or jpeg()
    return whole[:2] + b"".join(segments) + whole[2:]


def riff_chunk(kind: bytes, data: bytes) -> bytes:
    return kind + struct.pack("<I", len(data)) + data + bytes(len(data) & 1)


def webp_of(*chunks: bytes) -> bytes:
    """Return a WebP file of these chunks."""
    body = b"WEBP" + b"".join(chunks)
    return b"RIFF" + struct.pack("<I", len(body)) + body


def webp_chunks(data: bytes) -> dict[bytes, bytes]:
    """Take a WebP file apart."""
    found, position = {}, 12
    while position < len(data):
        kind, length = struct.unpack_from("<4sI", data, position)
        found[kind] = data[position + 8 : position + 8 + length]
        position += 8 + length + (length & 1)
    return found


def exif(orientation: int, *, order: str = ">") -> bytes:
    """Return EXIF data, without its `Exif` prefix."""
    entry = struct.pack(f"{order}HHIHH", 0x0112, 3, 1, orientation, 0)
    start = {">": b"MM\0*", "<": b"II*\0"}[order]
    return start + struct.pack(f"{order}IH", 8, 1) + entry + bytes(4)
