"""A team's look: files of `DOORWARD_THEME_DIR`, each of which is optional.

| file | what it is |
|---|---|
| `theme.css` | custom properties that replace those of `app.css` (docs/pages.md) |
| `logo.svg` | shown above each page |
| `texts.en.json`, `texts.de.json` | texts that replace ours, and links to terms, privacy and support |

Templates cannot be replaced: the next release would break them, and they hold what protects the pages.
"""

import re
from dataclasses import dataclass
from importlib.resources import files
from pathlib import Path
from typing import Final

from doorward_client.settings import SettingsError
from doorward_ui.contrast import require_readable

MAX_FILE_BYTES: Final = 65_536

_STYLESHEET: Final = "theme.css"
_LOGO: Final = "logo.svg"
_REMOTE: Final = re.compile(rb"@import|url\s*\(\s*['\"]?\s*(?:https?:)?//", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Theme:
    """The static files of the pages, and the folder of a team's texts."""

    files: dict[str, bytes]
    folder: Path | None


def load_theme(folder: Path | None) -> Theme:
    """Read our files and a team's; raises SettingsError."""
    static = files("doorward_ui") / "static"
    found = {name: (static / name).read_bytes() for name in ("app.css", _LOGO, "favicon.svg")}
    if folder is None:
        return Theme(found, None)
    if not folder.is_dir():
        raise SettingsError(f"DOORWARD_THEME_DIR names a folder that does not exist: {folder}")
    for name in (_STYLESHEET, _LOGO):
        content = _read(folder / name)
        if content is not None:
            found[name] = content
    if _STYLESHEET in found:
        _check_stylesheet(found[_STYLESHEET])
    return Theme(found, folder)


def _read(path: Path) -> bytes | None:
    if not path.is_file():
        return None
    try:
        content = path.read_bytes()
    except OSError as error:
        raise SettingsError(f"DOORWARD_THEME_DIR: {path.name}: {type(error).__name__}") from None
    if len(content) > MAX_FILE_BYTES:
        raise SettingsError(f"DOORWARD_THEME_DIR: {path.name} is longer than {MAX_FILE_BYTES} bytes")
    return content


def _check_stylesheet(content: bytes) -> None:
    if _REMOTE.search(content):
        raise SettingsError("DOORWARD_THEME_DIR: theme.css loads from another host, which pages reject")
    require_readable(content.decode("utf-8", "replace"))
