"""Files that the documentation shows: code blocks whose first line is a comment with the file's name."""

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Final

_FOLDER: Final = Path(__file__).parents[2] / "docs"
_FILE: Final = re.compile(r"```[a-z]+\n(?://|#|;) (?P<name>[a-z0-9.-]+)\n(?P<content>.*?)```", re.DOTALL)

_BLOCK: Final = re.compile(r"^```[a-z]*\n(.*?)^```$", re.DOTALL | re.MULTILINE)


def at(text: str, addresses: Mapping[str, str]) -> str:
    """Replace the addresses of the documentation, in order."""
    for documented, here in addresses.items():
        text = text.replace(documented, here)
    return text


def documented_file(page: str, name: str) -> str:
    """Return the content of a file on a page of docs/."""
    text = (_FOLDER / page).read_text(encoding="utf-8")
    return {match["name"]: match["content"] for match in _FILE.finditer(text)}[name]


def documented_block(page: str, start: str) -> str:
    """Return the only code block of a page of docs/ that starts like this."""
    text = (_FOLDER / page).read_text(encoding="utf-8")
    (block,) = [block for block in _BLOCK.findall(text) if block.startswith(start)]
    return str(block)


def documented_line(page: str, start: str) -> str:
    """Return the only line of a page of docs/ that starts like this, with the lines that continue it."""
    text = (_FOLDER / page).read_text(encoding="utf-8").replace("\\\n", " ")
    (line,) = [line.strip() for line in text.splitlines() if line.strip().startswith(start)]
    return line
