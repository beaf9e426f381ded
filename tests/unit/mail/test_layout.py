"""The layout of mails: no external resources, and readable in dark mode."""

import re
from importlib.resources import files

import pytest

LAYOUTS = files("doorward_mail.content") / "layouts"


@pytest.mark.parametrize("name", ["layout.html", "parts.html"])
def test_layouts_load_no_external_resources(name: str) -> None:
    text = (LAYOUTS / name).read_text(encoding="utf-8")
    assert not re.search(r"https?:|src=|url\(|@import|<link|<script|<img|<iframe|<form", text, re.IGNORECASE)


def test_the_layout_declares_both_colour_schemes() -> None:
    text = (LAYOUTS / "layout.html").read_text(encoding="utf-8")
    assert '<meta name="color-scheme" content="light dark">' in text
    assert "prefers-color-scheme: dark" in text


def test_every_background_has_a_text_colour_in_both_schemes() -> None:
    text = (LAYOUTS / "layout.html").read_text(encoding="utf-8")
    dark = text.partition("prefers-color-scheme: dark")[2].partition("</style>")[0]
    styled = set(re.findall(r'class="([^"]+)"', text))
    for classes in styled:
        for one in classes.split():
            assert f".{one}" in dark, f"{one} has no colour in the dark"
