"""What becomes of an image: a square of its middle, upright, in two sizes, without what else the file had."""

import io
from collections.abc import Callable

import pytest
from PIL import Image

from doorward_identity.avatars.avatar import MAX_BYTES, Avatar, AvatarSize
from doorward_identity.avatars.rendering.images import render
from support import bombs, images
from support.images import chunk, exif, jpeg_with, riff_chunk, segment, small_png, webp_chunks, webp_of

SECRET = b"52.5200 N 13.4050 E"
RED, GREEN, BLUE, WHITE = (255, 0, 0), (0, 255, 0), (0, 0, 255), (255, 255, 255)


def opened(data: bytes) -> Image.Image:
    image = Image.open(io.BytesIO(data), formats=("WEBP",))
    image.load()
    return image


def quarter_colours(avatar: Avatar) -> list[tuple[int, int, int]]:
    """Return the colours of the quarters, rounded: upper left, upper right, lower left, lower right."""
    image = opened(avatar.large).convert("RGB")
    near, far = image.width // 4, image.width * 3 // 4
    colours = []
    for place in ((near, near), (far, near), (near, far), (far, far)):
        pixel = image.getpixel(place)
        assert isinstance(pixel, tuple)
        colours.append(
            (round(pixel[0] / 255) * 255, round(pixel[1] / 255) * 255, round(pixel[2] / 255) * 255)
        )
    return colours


# Made by the tests: every process that collects them would make them.
KINDS: dict[str, Callable[[], bytes]] = {
    "PNG": lambda: images.png(600, 600),
    "palette": lambda: images.encoded(images.picture(600, 600, "P"), "PNG"),
    "PNG with transparency": lambda: images.encoded(images.picture(600, 600, "RGBA"), "PNG"),
    "JPEG": lambda: images.jpeg(600, 600),
    "progressive JPEG": lambda: images.jpeg(600, 600, progressive=True),
    "CMYK": lambda: images.encoded(images.picture(600, 600, "CMYK"), "JPEG"),
    "WebP": lambda: images.webp(600, 600),
    "lossless WebP": lambda: images.webp(600, 600, lossless=True),
    "WebP with transparency": lambda: images.encoded(images.picture(600, 600, "RGBA"), "WEBP"),
    "large PNG": lambda: images.png(2048, 2048),
    "largest JPEG": lambda: images.jpeg(4096, 4096),
}


@pytest.mark.parametrize("kind", KINDS)
def test_an_image_is_stored_in_two_sizes(kind: str) -> None:
    avatar = render(KINDS[kind]())
    assert opened(avatar.large).size == (512, 512)
    assert opened(avatar.small).size == (96, 96)
    assert quarter_colours(avatar) == [RED, GREEN, BLUE, WHITE]


def test_the_middle_of_an_image_is_kept() -> None:
    wide = Image.new("RGB", (300, 100), "black")
    wide.paste(images.picture(100, 100), (100, 0))
    high = Image.new("RGB", (100, 301), "black")
    high.paste(images.picture(100, 100), (0, 100))
    for image in (wide, high):
        assert quarter_colours(render(images.encoded(image, "PNG"))) == [RED, GREEN, BLUE, WHITE]


@pytest.mark.parametrize(("side", "large", "small"), [(1, 1, 1), (95, 95, 95), (97, 97, 96), (513, 512, 96)])
def test_an_image_is_not_enlarged(side: int, large: int, small: int) -> None:
    avatar = render(images.png(side, side))
    assert (opened(avatar.large).size, opened(avatar.small).size) == ((large, large), (small, small))


@pytest.mark.parametrize(
    ("orientation", "expected"),
    [
        (1, [RED, GREEN, BLUE, WHITE]),
        (2, [GREEN, RED, WHITE, BLUE]),
        (3, [WHITE, BLUE, GREEN, RED]),
        (4, [BLUE, WHITE, RED, GREEN]),
        (5, [RED, BLUE, GREEN, WHITE]),
        (6, [BLUE, RED, WHITE, GREEN]),
        (7, [WHITE, GREEN, BLUE, RED]),
        (8, [GREEN, WHITE, RED, BLUE]),
        (9, [RED, GREEN, BLUE, WHITE]),
    ],
)
def test_an_image_is_turned_upright(orientation: int, expected: list[tuple[int, int, int]]) -> None:
    pixels = webp_chunks(images.webp())[b"VP8 "]
    for order in "<>":
        data = exif(orientation, order=order)
        assert quarter_colours(render(jpeg_with(segment(0xE1, b"Exif\0\0" + data)))) == expected
        whole = images.png()
        assert quarter_colours(render(whole[:33] + chunk(b"eXIf", data) + whole[33:])) == expected
        assert (
            quarter_colours(render(webp_of(riff_chunk(b"VP8 ", pixels), riff_chunk(b"EXIF", data))))
            == expected
        )


@pytest.mark.parametrize("data", [b"", b"MM", b"MM\0*", b"MM\0*\xff\xff\xff\xff", b"MM\0*\0\0\0\x08\xff\xff"])
def test_broken_exif_data_turns_nothing(data: bytes) -> None:
    turned = render(jpeg_with(segment(0xE1, b"Exif\0\0" + data)))
    assert quarter_colours(turned) == [RED, GREEN, BLUE, WHITE]


def test_nothing_but_pixels_is_stored() -> None:
    texts = [chunk(kind, b"Comment\0" + SECRET) for kind in (b"tEXt", b"eXIf", b"prVt")]
    files = [
        small_png(*texts),
        jpeg_with(*[segment(marker, b"Exif\0\0" + SECRET) for marker in (*range(0xE0, 0xF0), 0xFE)]),
        webp_of(
            *[riff_chunk(kind, data) for kind, data in webp_chunks(images.webp()).items()],
            *[riff_chunk(kind, SECRET) for kind in (b"EXIF", b"XMP ", b"abcd")],
        ),
    ]
    for file in files:
        assert SECRET in file
        avatar = render(file)
        for data in (avatar.small, avatar.large):
            assert SECRET not in data
            assert set(webp_chunks(data)) <= {b"VP8 ", b"VP8L", b"VP8X", b"ALPH"}


def test_transparency_is_kept() -> None:
    image = images.picture(64, 64, "RGBA")
    image.putalpha(Image.new("L", (64, 64), 128))
    alpha = opened(render(images.encoded(image, "PNG")).large).getchannel("A")
    assert alpha.getextrema() == (128, 128)


def test_grey_of_16_bits_is_scaled() -> None:
    image = Image.new("I;16", (16, 16), 0x8000)
    low, high = opened(render(images.encoded(image, "PNG")).large).convert("L").getextrema()
    assert 120 < float(str(low)) <= float(str(high)) < 136


@pytest.mark.parametrize("mode", ["RGB", "RGBA"])
def test_the_stored_size_is_bounded(mode: str) -> None:
    avatar = render(images.encoded(images.noise(512, mode), "PNG"))
    assert len(avatar.large) <= MAX_BYTES[AvatarSize.LARGE]
    assert len(avatar.small) <= MAX_BYTES[AvatarSize.SMALL]


def test_padding_and_announced_pictures_may_follow_a_jpeg() -> None:
    whole = images.jpeg()
    announced = jpeg_with(segment(0xE2, b"MPF\0II*\0"))
    assert render(whole + bytes(100)) == render(announced + bytes(2) + images.jpeg(8, 8)) == render(whole)


@pytest.mark.parametrize("make", [bombs.png_texts, bombs.png_international_text, bombs.png_pixels])
def test_compressed_data_other_than_pixels_is_not_unpacked(make: Callable[[], bytes]) -> None:
    data = make()
    assert len(data) < 1_000_000
    assert render(data).large.startswith(b"RIFF")


def test_the_same_image_is_the_same_picture() -> None:
    assert render(images.jpeg()) == render(images.jpeg())
