"""Every row of docs/coming-from.md is sent, and answered with the status that it names."""

import json
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import pytest

from integration.harness.installation import Installation
from integration.harness.people import PASSWORD, People

pytestmark = pytest.mark.databases("sqlite")

PAGE: Final = Path(__file__).parents[3] / "docs" / "coming-from.md"
HERE: Final = re.compile(
    r"`(?P<caller>anyone|bare|user|admin) (?P<method>[A-Z]+) (?P<path>/\S+?)(?: (?P<body>[^`]+))?`"
    r" (?P<status>\d{3})"
)


@dataclass(frozen=True)
class Row:
    """One row: the caller, the request and the status of its answer."""

    caller: str
    method: str
    path: str
    body: str
    status: int


def rows_by_heading() -> dict[str, list[Row]]:
    """Return the rows below each heading; a row that is no request fails."""
    found: dict[str, list[Row]] = {}
    for chapter in PAGE.read_text(encoding="utf-8").split("\n## ")[1:]:
        title, _, text = chapter.partition("\n")
        rows = [line.strip("|").split(" | ") for line in text.splitlines() if line.startswith("|")]
        found[title] = [row_of(cells) for cells in rows if cells[0].strip("- |") not in {"", "there"}]
    return found


def row_of(cells: list[str]) -> Row:
    assert len(cells) == 3, cells
    assert cells[2].strip(), f"no reason: {cells}"
    match = HERE.fullmatch(cells[1].strip())
    assert match is not None, cells[1]
    return Row(match["caller"], match["method"], match["path"], match["body"] or "", int(match["status"]))


CHAPTERS: Final = rows_by_heading()


def test_the_page_has_the_five_systems() -> None:
    assert len(CHAPTERS) == 5
    assert all(len(rows) >= 4 for rows in CHAPTERS.values())


@pytest.mark.parametrize("title", CHAPTERS)
def test_every_row_is_answered_as_the_page_says(
    title: str, installation: Installation, people: People
) -> None:
    values = {
        "PASSWORD": PASSWORD,
        "REFRESH": people.user.refresh,
        "USER": people.user.id,
        "OTHER": people.other.id,
    }
    for row in CHAPTERS[title]:
        path, body = (
            re.sub(r"\$([A-Z]+)", lambda name: values[name[1]], text) for text in (row.path, row.body)
        )
        answer = installation.call(row.method, path, **_credentials(row.caller, people), **_content(body))
        assert answer.status_code == row.status, (row, answer.text)
        assert answer.headers["X-Request-ID"]
        if row.method == "POST" and path == "/api/v1/tickets":
            values["TICKET"] = answer.json()["id"]


def _credentials(caller: str, people: People) -> dict[str, Any]:
    if caller == "bare":
        return {"headers": {"Authorization": people.user.access}}
    return {"token": {"user": people.user.access, "admin": people.admin.access}.get(caller)}


def _content(body: str) -> dict[str, Any]:
    if not body:
        return {}
    if body.startswith("{"):
        return {"json": json.loads(body)}
    return {"data": dict(pair.split("=", 1) for pair in body.split("&"))}
