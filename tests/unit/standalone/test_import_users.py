"""Lines of `doorward import-users`: accepted ones, and errors for others."""

import json
from typing import Any

import pytest

from doorward.import_users import UnacceptableImportError, parse_users

FIRST = {"email": "ada@example.com", "name": "Ada"}


def complaints(*lines: dict[str, Any] | str) -> list[str]:
    """Parse lines after a valid one; return their errors."""
    texts = [line if isinstance(line, str) else json.dumps(line) for line in (FIRST, *lines)]
    with pytest.raises(UnacceptableImportError) as refused:
        parse_users(text.encode("utf-8", "surrogatepass") for text in texts)
    first, *others = str(refused.value).splitlines()
    assert first == "nothing was imported"
    return [line.strip() for line in others]


@pytest.mark.parametrize(
    ("members", "complaint"),
    [
        ({"password": "plain"}, "password: Extra inputs are not permitted"),
        (
            {"password_hash": "5f4dcc3b5aa765d61d8327deb882cf99"},
            "password_hash: not a supported password hash",
        ),
        ({"password_hash": {"secretData": 1}}, "password_hash: not a supported password hash"),
        ({"password_hash": "$2b$31$" + "a" * 53}, "password_hash: not a supported password hash"),
        ({"role": "root"}, "role: "),
        ({"email": "nobody"}, "email: "),
        ({"name": "a\nb"}, "name: "),
        ({"email": "ADA@example.com"}, "the address of line 1 again"),
    ],
)
def test_errors_name_the_problem_without_quoting_a_hash(members: dict[str, Any], complaint: str) -> None:
    [said] = complaints({"email": "bob@example.com", "name": "Bob", **members})
    assert said.startswith(f"line 2: {complaint}")
    assert "5f4dcc3b" not in said


@pytest.mark.parametrize(
    "line",
    ["{", "[]", '{"email": "b@example.com", "email": "c@example.com", "name": "B"}', "\ud800", "[" * 10_000],
)
def test_refuses_lines_that_are_not_a_json_object(line: str) -> None:
    [said] = complaints(line)
    assert said.startswith("line 2: ")


def test_many_errors_are_counted() -> None:
    said = complaints(*["{}"] * 30)
    assert (len(said), said[-1]) == (21, "and 40 more")
