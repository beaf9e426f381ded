"""Links, headings and folders that READMEs and docs name exist."""

import re
import unicodedata
from collections.abc import Iterator
from pathlib import Path

import pytest

from doorward import cli

ROOT = Path(__file__).parents[3]
_SKIPPED = {"node_modules", "reports", "var"}
_FENCE = re.compile(r"^(```|~~~).*?^\1", re.DOTALL | re.MULTILINE)
_LINK = re.compile(r"(?<!!)\[[^\]]*\]\(([^)\s]+)\)")
_HEADING = re.compile(r"^#{1,6} +(.+?) *$", re.MULTILINE)


def _documents() -> list[Path]:
    return sorted(
        path
        for path in ROOT.rglob("*.md")
        if not any(part in _SKIPPED or part.startswith(".") for part in path.relative_to(ROOT).parts)
    )


def _prose(path: Path) -> str:
    return _FENCE.sub("", path.read_text(encoding="utf-8"))


def _anchors(path: Path) -> set[str]:
    """Return the anchors that a forge creates for the headings of a file."""
    anchors: set[str] = set()
    for heading in _HEADING.findall(_prose(path)):
        text = re.sub(r"\[([^\]]*)\]\([^)]*\)", r"\1", heading).lower()
        kept = "".join(c for c in text if c in " -_" or unicodedata.category(c)[0] in "LN")
        slug = kept.replace(" ", "-")
        number = 0
        while (slug if not number else f"{slug}-{number}") in anchors:
            number += 1
        anchors.add(slug if not number else f"{slug}-{number}")
    return anchors


def _problems(document: Path) -> Iterator[str]:
    for target in _LINK.findall(_prose(document)):
        if re.match(r"[a-z]+:", target):
            continue
        name, _, anchor = target.partition("#")
        path = (document.parent / name).resolve() if name else document
        if not path.exists():
            yield f"{target}: there is no such file"
        elif anchor and anchor not in _anchors(path):
            yield f"{target}: there is no such heading"


@pytest.mark.parametrize("document", _documents(), ids=lambda path: str(path.relative_to(ROOT)))
def test_every_relative_link_names_a_file_and_a_heading(document: Path) -> None:
    assert list(_problems(document)) == []


def test_a_broken_link_is_found(tmp_path: Path) -> None:
    document = tmp_path / "a.md"
    document.write_text(
        "# One `b` two\n\n[a](b.md) [b](#one-b-two) [c](#three) [d](a.md#one-b-two)\n", encoding="utf-8"
    )
    assert list(_problems(document)) == ["b.md: there is no such file", "#three: there is no such heading"]


@pytest.mark.parametrize("service", ["auth", "users", "tickets"])
def test_a_readme_lists_every_folder_of_its_service(service: str) -> None:
    source = ROOT / "services" / service / "src" / f"doorward_{service}"
    folders = {path.parent.name for path in source.glob("*/__init__.py")} - {"migrations"}
    listed = re.findall(
        r"^\| `(\w+)/`", (source.parents[1] / "README.md").read_text(encoding="utf-8"), re.MULTILINE
    )
    assert sorted(listed) == sorted(folders)


def test_every_room_that_contributing_names_exists() -> None:
    text = (ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8")
    rooms = re.findall(r"`([a-z]+)/([a-z_/]+(?:\.py)?)`", text)
    assert len(rooms) > 20
    sources = [(ROOT / "services" / package / "src" / f"doorward_{package}", path) for package, path in rooms]
    missing = [source / path for source, path in sources if source.exists() and not (source / path).exists()]
    assert missing == []


def test_every_decision_is_in_the_index() -> None:
    folder = ROOT / "docs" / "adr"
    index = (folder / "README.md").read_text(encoding="utf-8")
    files = sorted(path.name for path in folder.glob("0*.md"))
    assert [name for name in files if f"]({name})" not in index] == []
    assert [path.read_text(encoding="utf-8").split(".")[0] for path in map(folder.joinpath, files)] == [
        f"# {int(name[:4])}" for name in files
    ]


def test_every_command_is_in_the_readme_of_the_commands() -> None:
    subparsers = next(action for action in cli._parser()._actions if isinstance(action.choices, dict))
    readme = (ROOT / "services/standalone/README.md").read_text(encoding="utf-8")
    assert re.findall(r"^\| `doorward ([a-z-]+)`", readme, re.MULTILINE) == list(subparsers.choices or ())
