"""The words of pages: one JSON file a language, from keys to texts.

A text may have placeholders in braces: `"greeting": "Hello {name}"`. It is plain text: templates escape it.
Every language has the same keys with the same placeholders, which is checked when the texts are loaded.
"""

import json
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from importlib.resources.abc import Traversable
from pathlib import Path
from typing import Final

from doorward_client.settings import SettingsError

LANGUAGES: Final = ("en", "de")
"""The shipped languages; the first is the default."""

_PLACEHOLDER: Final = re.compile(r"\{([a-z_]+)\}")
_MAX_FILE_LENGTH: Final = 262_144

Catalogue = Mapping[str, str]


class UnknownTextError(LookupError):
    """No language has a text with this key."""


@dataclass(frozen=True, slots=True)
class Texts:
    """The texts of one language."""

    language: str
    catalogue: Catalogue = field(repr=False)

    def __call__(self, key: str, **values: object) -> str:
        """Return a text with its placeholders filled; raises UnknownTextError, and KeyError for a value."""
        try:
            text = self.catalogue[key]
        except KeyError:
            raise UnknownTextError(key) from None
        return _PLACEHOLDER.sub(lambda match: str(values[match[1]]), text) if "{" in text else text

    def has(self, key: str) -> bool:
        """Tell whether there is a text with this key."""
        return key in self.catalogue


def load_texts(folders: Iterable[Traversable], own: Path | None = None) -> dict[str, Texts]:
    """Read the texts of all languages: from each folder's `<language>.json`, then from a team's own folder.

    A team's file, `texts.<language>.json`, replaces single texts. Raises SettingsError for its mistakes, and
    ValueError for shipped languages that differ in a key or in a placeholder.
    """
    found: dict[str, Texts] = {}
    shipped = list(folders)
    for language in LANGUAGES:
        catalogue: dict[str, str] = {}
        for folder in shipped:
            catalogue |= json.loads((folder / f"{language}.json").read_text(encoding="utf-8"))
        found[language] = Texts(language, catalogue)
    _require_equal(found)
    if own is None:
        return found
    return {language: Texts(language, _with_own(texts, own)) for language, texts in found.items()}


def _require_equal(found: Mapping[str, Texts]) -> None:
    first, *others = found.values()
    for other in others:
        missing = first.catalogue.keys() ^ other.catalogue.keys()
        if missing:
            keys = ", ".join(sorted(missing))
            raise ValueError(f"{first.language} or {other.language} lacks texts: {keys}")
        for key, text in first.catalogue.items():
            if _placeholders(text) != _placeholders(other.catalogue[key]):
                raise ValueError(f"{first.language} and {other.language} differ in the placeholders of {key}")


def _with_own(texts: Texts, folder: Path) -> Catalogue:
    file = folder / f"texts.{texts.language}.json"
    if not file.is_file():
        return texts.catalogue
    try:
        text = file.read_text(encoding="utf-8")
        own = json.loads(text) if len(text) <= _MAX_FILE_LENGTH else None
    except (OSError, ValueError, RecursionError) as error:
        kind = type(error).__name__
        raise SettingsError(f"DOORWARD_THEME_DIR: {file.name} cannot be read: {kind}") from None
    if not isinstance(own, dict) or not all(isinstance(value, str) for value in own.values()):
        raise SettingsError(f"DOORWARD_THEME_DIR: {file.name} is not a JSON object of texts")
    for key, value in own.items():
        if key not in texts.catalogue:
            raise SettingsError(f"DOORWARD_THEME_DIR: {file.name}: there is no text {key}")
        if not _placeholders(value) <= _placeholders(texts.catalogue[key]):
            raise SettingsError(f"DOORWARD_THEME_DIR: {file.name}: {key} has a placeholder without a value")
    return {**texts.catalogue, **own}


def _placeholders(text: str) -> frozenset[str]:
    return frozenset(_PLACEHOLDER.findall(text))
