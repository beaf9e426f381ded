"""Colours of an image with a profile become those of sRGB; a file whose profile is none is rejected."""

import io
import struct
import time
import zlib

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image, ImageCms

from doorward_identity.avatars.rendering.image_formats import ImageErrorCode, ImageRejectedError, read_image
from doorward_identity.avatars.rendering.image_formats.colour_profile import MAX_BYTES
from doorward_identity.avatars.rendering.images import render
from support import bombs, colour_profiles, images
from support.images import chunk, jpeg_with, riff_chunk, segment, small_png, webp_chunks, webp_of

RED, GREEN = (255, 0, 0), (0, 255, 0)
P3_OF_RED, ADOBE_OF_GREEN = (234, 51, 35), (144, 255, 60)
CYAN_INK = (60, -30, -40)  # L*a*b*
PART = 65_000


def flat(colour: tuple[int, ...], mode: str = "RGB") -> Image.Image:
    return Image.new(mode, (64, 64), colour)


def colour_of(data: bytes) -> tuple[int, ...]:
    """Return the colour of a picture."""
    pixel = Image.open(io.BytesIO(render(data).large)).convert("RGBA").getpixel((32, 32))
    assert isinstance(pixel, tuple)
    return pixel


def is_near(found: tuple[int, ...], expected: tuple[int, ...]) -> bool:
    """Tell whether a colour is as expected, but for what the encoder of pictures changes."""
    return all(abs(one - other) <= 6 for one, other in zip(found, expected, strict=False))


@pytest.mark.parametrize("kind", ["PNG", "JPEG", "WEBP"])
@pytest.mark.parametrize(
    ("profile", "colour", "expected"),
    [
        (colour_profiles.display_p3(), P3_OF_RED, RED),
        (colour_profiles.adobe_rgb(), ADOBE_OF_GREEN, GREEN),
        (colour_profiles.srgb(), (120, 60, 200), (120, 60, 200)),
    ],
    ids=["Display P3", "Adobe RGB", "sRGB"],
)
def test_colours_become_those_of_srgb(
    kind: str, profile: bytes, colour: tuple[int, ...], expected: tuple[int, ...]
) -> None:
    options = {} if kind == "PNG" else {"quality": 100}
    assert is_near(colour_of(images.encoded(flat(colour), kind, icc_profile=profile, **options)), expected)
    plain = images.encoded(flat(colour), kind, **options)
    assert is_near(colour_of(plain), colour), "without a profile it is sRGB already"


def test_inks_become_colours() -> None:
    """Without the profile this cyan would be (0, 255, 255)."""
    lab = ImageCms.createProfile("LAB")
    to_srgb = ImageCms.buildTransform(lab, ImageCms.createProfile("sRGB"), "LAB", "RGB")
    lightness, a, b = CYAN_INK
    values = round(lightness * 2.55), a + 128, b + 128
    ink = Image.merge("LAB", [Image.new("L", (1, 1), value) for value in values])
    converted = ImageCms.applyTransform(ink, to_srgb)
    assert converted is not None
    expected = converted.getpixel((0, 0))
    assert isinstance(expected, tuple)
    profile = colour_profiles.cmyk(CYAN_INK)
    data = images.encoded(flat((255, 0, 0, 0), "CMYK"), "JPEG", icc_profile=profile, quality=100)
    assert is_near(colour_of(data), expected)
    white = images.encoded(flat((0, 0, 0, 0), "CMYK"), "JPEG", icc_profile=profile, quality=100)
    assert is_near(colour_of(white), (255, 255, 255))


def test_grey_with_a_profile_of_grey_or_of_colours() -> None:
    image = Image.new("L", (64, 64), 64)
    dark = images.encoded(image, "PNG", icc_profile=colour_profiles.grey(1.0))
    assert is_near(colour_of(dark), (137, 137, 137)), "a quarter of the light"
    same = images.encoded(image, "PNG", icc_profile=colour_profiles.srgb())
    assert is_near(colour_of(same), (64, 64, 64))


def test_transparency_and_palettes_are_kept() -> None:
    image = Image.new("RGBA", (64, 64), (*P3_OF_RED, 128))
    profile = colour_profiles.display_p3()
    found = colour_of(images.encoded(image, "PNG", icc_profile=profile))
    assert is_near(found[:3], RED)
    assert found[3] == 128
    palette = flat(P3_OF_RED).convert("P", palette=Image.Palette.ADAPTIVE)
    assert is_near(colour_of(images.encoded(palette, "PNG", icc_profile=profile)), RED)


def test_a_profile_of_several_parts_is_put_together() -> None:
    profile = colour_profiles.with_tag(colour_profiles.display_p3(), b"prvt", b"text" + bytes(150_000))
    data = images.encoded(flat(P3_OF_RED), "JPEG", icc_profile=profile, quality=100)
    assert data.count(b"ICC_PROFILE\0") == 3
    assert is_near(colour_of(data), RED)


def test_nothing_of_a_profile_is_stored() -> None:
    profile = colour_profiles.with_tag(colour_profiles.srgb(), b"prvt", b"text0000camera 4711")
    avatar = render(images.encoded(flat(RED), "JPEG", icc_profile=profile))
    assert b"camera 4711" not in avatar.large + avatar.small
    assert b"ICCP" not in webp_chunks(avatar.large)


def jpeg_parts(*parts: tuple[int, int, bytes]) -> bytes:
    """Return a JPEG with parts of a profile: number, count, bytes."""
    data = [b"ICC_PROFILE\0" + bytes([number, count]) + part for number, count, part in parts]
    return jpeg_with(*[segment(0xE2, part) for part in data])


def png_with(profile: bytes, name: bytes = b"name") -> bytes:
    return small_png(chunk(b"iCCP", name + b"\0\0" + zlib.compress(profile)))


def webp_with(*profiles: bytes) -> bytes:
    pixels = webp_chunks(images.webp())[b"VP8 "]
    return webp_of(*[riff_chunk(b"ICCP", profile) for profile in profiles], riff_chunk(b"VP8 ", pixels))


SRGB = colour_profiles.srgb()
CMYK = colour_profiles.cmyk(CYAN_INK)
HOSTILE = {
    "empty": webp_with(b""),
    "no profile": webp_with(b"x" * 500),
    "cut off": webp_with(SRGB[:-40]),
    "longer than it is": webp_with(struct.pack(">I", 2**32 - 1) + SRGB[4:]),
    "header alone": webp_with(struct.pack(">I", 128) + SRGB[4:128]),
    "no tags": webp_with(colour_profiles.profile(b"mntr", b"RGB ", b"XYZ ", {})),
    "too many tags": webp_with(SRGB[:128] + b"\xff" * 4 + SRGB[132:]),
    "tags elsewhere": webp_with(SRGB[:136] + b"\xff" * 200 + SRGB[336:]),
    "another class": webp_with(SRGB[:12] + b"link" + SRGB[16:]),
    "another space": webp_with(SRGB[:16] + b"Lab " + SRGB[20:]),
    "inks for colours": webp_with(CMYK),
    "grey for colours": webp_with(colour_profiles.grey(2.2)),
    "colours for inks": images.encoded(flat((1, 2, 3, 4), "CMYK"), "JPEG", icc_profile=SRGB),
    "a table that is not there": images.encoded(
        flat((1, 2, 3, 4), "CMYK"), "JPEG", icc_profile=colour_profiles.cmyk(CYAN_INK, grid=255)
    ),
    "two, WebP": webp_with(SRGB, SRGB),
    "two, PNG": small_png(*[chunk(b"iCCP", b"n\0\0" + zlib.compress(SRGB))] * 2),
    "PNG without a name": png_with(SRGB, b""),
    "PNG with a long name": png_with(SRGB, b"n" * 80),
    "PNG, not compressed": small_png(chunk(b"iCCP", b"n\0\0" + SRGB)),
    "PNG, cut off": small_png(chunk(b"iCCP", b"n\0\0" + zlib.compress(SRGB)[:-9])),
    "PNG, one byte too long": png_with(
        struct.pack(">I", MAX_BYTES + 1) + SRGB[4:].ljust(MAX_BYTES - 3, b"\0")
    ),
    "JPEG, a part is missing": jpeg_parts((1, 2, SRGB)),
    "JPEG, no first part": jpeg_parts((2, 2, SRGB)),
    "JPEG, a part twice": jpeg_parts((1, 2, SRGB[:99]), (1, 2, SRGB[99:])),
    "JPEG, counts differ": jpeg_parts((1, 2, SRGB[:99]), (2, 3, SRGB[99:])),
    "JPEG, no numbers": jpeg_with(segment(0xE2, b"ICC_PROFILE\0")),
}


@pytest.mark.parametrize("name", HOSTILE)
def test_what_is_no_profile_of_the_image_is_rejected(name: str) -> None:
    with pytest.raises(ImageRejectedError) as rejected:
        render(HOSTILE[name])
    assert rejected.value.error_code is ImageErrorCode.INVALID


def test_a_compressed_profile_is_unpacked_to_its_bound_alone() -> None:
    with pytest.raises(ImageRejectedError) as rejected:
        render(bombs.png_profile())
    assert rejected.value.error_code is ImageErrorCode.INVALID


VALID = [
    images.encoded(flat(RED), "WEBP", icc_profile=colour_profiles.adobe_rgb()),
    images.encoded(flat((255, 0, 0, 0), "CMYK"), "JPEG", icc_profile=CMYK),
    images.encoded(flat(RED), "JPEG", icc_profile=colour_profiles.with_tag(SRGB, b"x", bytes(PART))),
]


@given(st.sampled_from(VALID), st.data())
@settings(max_examples=100, deadline=None)
def test_a_damaged_profile_is_rejected_or_used(valid: bytes, data: st.DataObject) -> None:
    """Whatever bytes of the file's beginning change, the result is a picture or a rejection."""
    damaged = bytearray(valid)
    for _ in range(data.draw(st.integers(1, 4))):
        damaged[data.draw(st.integers(20, min(900, len(damaged) - 1)))] = data.draw(st.integers(0, 255))
    try:
        rendered = render(bytes(damaged))
    except ImageRejectedError:
        return
    assert rendered.large.startswith(b"RIFF")


def many_steps(count: int) -> bytes:
    """Return a conversion of many steps, all at one matrix (ICC.1:2022 section 10.16)."""
    matrix = b"matf" + bytes(4) + struct.pack(">HH12f", 3, 3, *(float(n % 4 == 0) for n in range(9)), 0, 0, 0)
    start = 16 + 8 * count
    table = struct.pack(">II", start, len(matrix)) * count
    return b"mpet" + bytes(4) + struct.pack(">HHI", 3, 3, count) + table + matrix


@pytest.mark.parametrize("name", [b"D2B0", b"D2B1", b"B2D0", b"B2D3"])
def test_a_conversion_of_many_steps_is_dropped(name: bytes) -> None:
    """A kilobyte in the file, and ten seconds of a core for LittleCMS."""
    version_4 = colour_profiles.with_tag(colour_profiles.display_p3(), name, many_steps(40_000))
    started = time.process_time()
    data = images.encoded(flat(P3_OF_RED), "PNG", icc_profile=version_4)
    assert is_near(colour_of(data), RED)
    assert time.process_time() - started < 2
    profile = read_image(data).profile
    assert profile is not None
    assert name not in profile.data[:500]


def test_a_table_of_tags_beyond_the_profile_is_invalid() -> None:
    profile = bytearray(colour_profiles.srgb())
    for count in (101, 2**32 - 1):
        struct.pack_into(">I", profile, 128, count)
        with pytest.raises(ImageRejectedError) as raised:
            render(png_with(bytes(profile)))
        assert raised.value.error_code is ImageErrorCode.INVALID
