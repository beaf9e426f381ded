"""ICC profiles (ICC.1:2022): that of Pillow for sRGB, others made of it, and ones from scratch."""

import struct
from collections.abc import Mapping, Sequence
from typing import Final

from PIL import ImageCms

Colour = tuple[float, float, float]

# Of the primaries, adapted to D50.
_DISPLAY_P3: Final = ((0.51512, 0.24120, -0.00105), (0.29198, 0.69225, 0.04189), (0.15710, 0.06657, 0.78407))
_ADOBE_RGB: Final = ((0.60974, 0.31111, 0.01947), (0.20528, 0.62567, 0.06087), (0.14919, 0.06322, 0.74457))
_D50: Final = (0.9642, 1.0, 0.8249)


def srgb() -> bytes:
    return ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()


def display_p3() -> bytes:
    """Return sRGB with other primaries."""
    return _with_tags(srgb(), _primaries(_DISPLAY_P3))


def adobe_rgb() -> bytes:
    """Return sRGB with other primaries and a gamma of 2.2."""
    curves = {name: _gamma(2.2) for name in (b"rTRC", b"gTRC", b"bTRC")}
    return _with_tags(srgb(), _primaries(_ADOBE_RGB) | curves)


def grey(gamma: float) -> bytes:
    return profile(b"mntr", b"GRAY", b"XYZ ", {b"kTRC": _gamma(gamma), b"wtpt": _xyz(_D50)})


def cmyk(cyan: Colour, *, grid: int = 2) -> bytes:
    """Return a printer whose full cyan has this L*a*b* colour, and whose other inks are black."""
    table = b"".join(
        _lab(cyan if inks == 0b1000 else (100, 0, 0) if inks == 0 else (0, 0, 0)) for inks in range(2**4)
    )
    ramp = bytes(range(256))
    identity = struct.pack(">9i", *(65_536 if number % 4 == 0 else 0 for number in range(9)))
    lut = b"mft1" + bytes(4) + bytes([4, 3, grid, 0]) + identity + ramp * 4 + table + ramp * 3
    return profile(b"prtr", b"CMYK", b"Lab ", {b"A2B0": lut, b"wtpt": _xyz(_D50)})


def profile(kind: bytes, space: bytes, connection_space: bytes, tags: Mapping[bytes, bytes]) -> bytes:
    """Return a profile of version 2.4."""
    offset = 128 + 4 + 12 * len(tags)
    entries, data = b"", b""
    for name, content in tags.items():
        entries += struct.pack(">4sII", name, offset + len(data), len(content))
        data += content + bytes(-len(content) % 4)
    start = struct.pack(
        ">I4sI4s4s4s", offset + len(data), bytes(4), 0x02400000, kind, space, connection_space
    )
    header = start + bytes(12) + b"acsp" + bytes(28) + struct.pack(">3i", *map(_fixed, _D50))
    return header.ljust(128, b"\0") + struct.pack(">I", len(tags)) + entries + data


def with_tag(data: bytes, name: bytes, content: bytes) -> bytes:
    """Return a profile with one more tag."""
    return _with_tags(data, {name: content})


def _with_tags(data: bytes, changes: Mapping[bytes, bytes]) -> bytes:
    (count,) = struct.unpack_from(">I", data, 128)
    entries = [struct.unpack_from(">4sII", data, 132 + 12 * number) for number in range(count)]
    tags = {name: data[start : start + size] for name, start, size in entries} | dict(changes)
    changed = profile(data[12:16], data[16:20], data[20:24], tags)
    return changed[:8] + data[8:12] + changed[12:]


def _primaries(primaries: Sequence[Colour]) -> dict[bytes, bytes]:
    return {name: _xyz(one) for name, one in zip((b"rXYZ", b"gXYZ", b"bXYZ"), primaries, strict=True)}


def _xyz(colour: Colour) -> bytes:
    return b"XYZ " + bytes(4) + struct.pack(">3i", *map(_fixed, colour))


def _fixed(value: float) -> int:
    return round(value * 65_536)


def _gamma(gamma: float) -> bytes:
    return b"curv" + bytes(4) + struct.pack(">IHxx", 1, round(gamma * 256))


def _lab(colour: Colour) -> bytes:
    lightness, a, b = colour
    return bytes([round(lightness * 2.55), round(a) + 128, round(b) + 128])
