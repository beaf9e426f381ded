"""Texts of pages: languages agree, and a team's own texts replace ours one by one."""

import json
from importlib.resources import files
from pathlib import Path

import pytest

from doorward_client.settings import SettingsError
from doorward_ui.texts import LANGUAGES, UnknownTextError, load_texts


def _shipped(folder: Path, **catalogues: dict[str, str]) -> Path:
    for language, catalogue in catalogues.items():
        (folder / f"{language}.json").write_text(json.dumps(catalogue), encoding="utf-8")
    return folder


def test_shipped_languages_agree() -> None:
    found = load_texts([files("doorward_ui") / "texts"])
    assert tuple(found) == LANGUAGES
    assert found["de"]("title.error") == "Fehler:"


def test_a_language_without_a_text_is_rejected(tmp_path: Path) -> None:
    folder = _shipped(tmp_path, en={"a": "A", "b": "B"}, de={"a": "A"})
    with pytest.raises(ValueError, match="lacks texts: b"):
        load_texts([folder])


def test_languages_with_other_placeholders_are_rejected(tmp_path: Path) -> None:
    folder = _shipped(tmp_path, en={"a": "{name}"}, de={"a": "{nome}"})
    with pytest.raises(ValueError, match="placeholders of a"):
        load_texts([folder])


def test_placeholders_are_filled_once_and_an_unknown_key_is_an_error(tmp_path: Path) -> None:
    folder = _shipped(tmp_path, en={"a": "Hello {name}"}, de={"a": "Hallo {name}"})
    texts = load_texts([folder])["de"]
    assert texts("a", name="{name} <b>") == "Hallo {name} <b>"
    with pytest.raises(UnknownTextError):
        texts("b")
    with pytest.raises(KeyError):
        texts("a")


def test_a_teams_text_replaces_ours(tmp_path: Path) -> None:
    (own := tmp_path / "own").mkdir()
    folder = _shipped(tmp_path, en={"a": "A", "b": "B"}, de={"a": "A", "b": "B"})
    (own / "texts.de.json").write_text('{"a": "Unser A"}', encoding="utf-8")
    found = load_texts([folder], own)
    assert (found["de"]("a"), found["de"]("b"), found["en"]("a")) == ("Unser A", "B", "A")


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("{", "cannot be read"),
        ("[]", "not a JSON object"),
        ('{"a": 1}', "not a JSON object"),
        ('{"c": "C"}', "there is no text c"),
        ('{"a": "{other}"}', "placeholder"),
        ("[" * 100_000, "cannot be read"),
    ],
)
def test_mistakes_in_a_teams_texts_are_named(tmp_path: Path, content: str, message: str) -> None:
    (own := tmp_path / "own").mkdir()
    folder = _shipped(tmp_path, en={"a": "A"}, de={"a": "A"})
    (own / "texts.en.json").write_text(content, encoding="utf-8")
    with pytest.raises(SettingsError, match=message):
        load_texts([folder], own)
