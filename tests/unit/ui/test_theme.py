"""A team's look: what it may replace, and what is rejected at the start."""

import re
from importlib.resources import files
from pathlib import Path

import pytest

from doorward_client.settings import SettingsError
from doorward_ui import contrast
from doorward_ui.assets import Assets
from doorward_ui.theme import load_theme

_SHEET = (files("doorward_ui") / "static" / "app.css").read_text(encoding="utf-8")
_PAIR = re.compile(r"--([a-z-]+): light-dark\((#[0-9a-f]{6}), (#[0-9a-f]{6})\);")
_COLOURS = {name: (light, dark) for name, light, dark in _PAIR.findall(_SHEET)}


@pytest.mark.parametrize(
    ("text", "background", "least"),
    [
        ("text", "page", 7.0),
        ("text", "surface", 7.0),
        ("text", "hover", 7.0),
        ("muted", "page", 4.5),
        ("muted", "surface", 4.5),
        ("accent", "surface", 4.5),
        ("accent", "page", 4.5),
        ("on-accent", "accent", 4.5),
        ("danger", "danger-surface", 4.5),
        ("danger", "surface", 4.5),
        ("good", "good-surface", 4.5),
        ("good", "surface", 4.5),
        ("control", "surface", 3.0),
    ],
)
def test_our_colours_can_be_read(text: str, background: str, least: float) -> None:
    for colour, behind in zip(_COLOURS[text], _COLOURS[background], strict=True):
        assert contrast.contrast(colour, behind) >= least


def test_the_checked_defaults_are_those_of_the_stylesheet() -> None:
    assert {name: _COLOURS[name] for name in contrast._DEFAULTS} == contrast._DEFAULTS


def test_contrast_is_that_of_wcag() -> None:
    assert contrast.contrast("#000000", "#ffffff") == pytest.approx(21)
    assert contrast.contrast("#777777", "#ffffff") == pytest.approx(4.48, abs=0.01)


@pytest.mark.parametrize(
    ("stylesheet", "message"),
    [
        (":root { --accent: #ffee00; }", "--on-accent on --accent has a contrast of 1"),
        # White on it can be read, and the links cannot.
        (":root { --accent: #2b56c6; --on-accent: #fff9f0; }", r"--accent on --surface .* dark theme"),
        (
            ":root { --accent: light-dark(#93b3ff, #93b3ff); --on-accent: #101a33 }",
            r"--accent on --surface .* light",
        ),
        (":root { --surface: light-dark(#ffffff, #7a7a7a) }", r"--accent on --surface .* dark theme"),
        (":root { --page: light-dark(#9fb0d8, #161513) }", r"--accent on --page .* light theme"),
        (":root { --surface: rgb(255 255 255); }", "write --surface as #rrggbb"),
        (":root { --accent: light-dark(#2b56c6, #101a33); }", "dark theme"),
        (":root { --accent: red; }", "as #rrggbb"),
        ("@import '//evil.example/x.css';", "another host"),
        ('body { background: url( "https://evil.example/x" ) }', "another host"),
    ],
)
def test_a_stylesheet_that_cannot_be_read_is_rejected(tmp_path: Path, stylesheet: str, message: str) -> None:
    (tmp_path / "theme.css").write_text(stylesheet, encoding="utf-8")
    with pytest.raises(SettingsError, match=message):
        load_theme(tmp_path)


def test_a_team_replaces_logo_and_colours(tmp_path: Path) -> None:
    sheet = ":root { --accent: light-dark(#0b6e4f, #6fd6ae); --on-accent: light-dark(#ffffff, #101a33) }"
    (tmp_path / "theme.css").write_text(sheet, encoding="utf-8")
    (tmp_path / "logo.svg").write_text("<svg/>", encoding="utf-8")
    theme = load_theme(tmp_path)
    assert theme.files["theme.css"] == sheet.encode()
    assert theme.files["logo.svg"] == b"<svg/>"
    assert theme.files["app.css"] == _SHEET.encode()


def test_a_look_without_a_dark_theme_is_checked_in_the_light_one(tmp_path: Path) -> None:
    colours = "--accent: #0b6e4f; --on-accent: #ffffff"
    sheet = tmp_path / "theme.css"
    sheet.write_text(f":root {{ color-scheme: light; {colours} }}", encoding="utf-8")
    assert load_theme(tmp_path).folder == tmp_path
    for scheme in ("light dark", "dark"):
        sheet.write_text(f":root {{ color-scheme: {scheme}; {colours} }}", encoding="utf-8")
        with pytest.raises(SettingsError, match="dark theme"):
            load_theme(tmp_path)


def test_a_folder_that_is_not_there_and_a_long_file_are_rejected(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match="names a folder that does not exist: "):
        load_theme(tmp_path / "missing")
    (tmp_path / "logo.svg").write_bytes(b"x" * 65_537)
    with pytest.raises(SettingsError, match="longer"):
        load_theme(tmp_path)


def test_static_files_are_kept_for_good_and_named_by_content() -> None:
    one, other = (Assets({"app.css": content}, prefix="/auth/static") for content in (b"a", b"b"))
    assert one.url("app.css") != other.url("app.css")
    name = one.url("app.css").rpartition("/")[2]
    response = one.response(name)
    assert response is not None
    assert response.headers["cache-control"] == "public, max-age=31536000, immutable"
    assert response.body == b"a"
    assert one.response("app.css") is None
