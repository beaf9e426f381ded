"""The language of a page: chosen, asked for, preferred, in this order."""

import pytest

from doorward_ui.languages import choose


@pytest.mark.parametrize(
    ("chosen", "asked", "header", "language"),
    [
        ("", "", "", "en"),
        ("", "", "de-AT,de;q=0.9,en;q=0.8", "de"),
        ("", "", "fr,de;q=0.5", "de"),
        ("", "", "en;q=0.1, de;q=0.2", "de"),
        ("", "", "de;q=0, en", "en"),
        ("", "", "de;q=x, en", "en"),
        ("", "", "fr", "en"),
        ("", "de", "en", "de"),
        ("de", "en", "en", "de"),
        ("<en> de", "en", "en", "de"),
        ("fr de", "en", "en", "de"),
        ("de-CH", "en", "en", "de"),
        ("<de>", "", "\x00,;;;=,", "en"),
    ],
)
def test_language(chosen: str, asked: str, header: str, language: str) -> None:
    assert choose(chosen, asked, header) == language


def test_a_long_header_is_read_in_part() -> None:
    assert choose("", "", "fr," * 10_000 + "de") == "en"
