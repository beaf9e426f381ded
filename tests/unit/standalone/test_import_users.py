"""Lines of `doorward import-users`: accepted ones, and errors for others."""

import json
from pathlib import Path
from typing import Any

import pytest

from doorward.import_users import UnacceptableImportError, parse_users, read_users

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
        ({"password_hash": {"secretData": 1}}, "password_hash: this password hash is incomplete"),
        ({"password_hash": "$2b$12$"}, "password_hash: this password hash is incomplete"),
        (
            {"password_hash": "scrypt:8388608:8:1$salt$" + "ab" * 64},
            "password_hash: verifying this password hash would take more time or memory",
        ),
        ({"status": "gone"}, "status: "),
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


@pytest.mark.parametrize("stored", ["md5$salt$5f4d", "scrypt:8388608:8:1$salt$" + "ab" * 64, "$2b$12$"])
def test_a_refused_hash_comes_with_what_to_do(stored: str) -> None:
    [said] = complaints({"email": "bob@example.com", "name": "Bob", "password_hash": stored})
    assert said.endswith("Leave `password_hash` out: the user then sets a password with a password reset")


def test_an_unusable_password_of_django_is_none() -> None:
    [user] = parse_users([json.dumps({**FIRST, "password_hash": "!" + "x" * 40}).encode()])
    assert user.password_hash is None


def test_a_byte_order_mark_of_utf_8_is_skipped(tmp_path: Path) -> None:
    file = tmp_path / "people.jsonl"
    file.write_text(json.dumps(FIRST), encoding="utf-8-sig")
    assert [user.email for user in read_users(file)] == [FIRST["email"]]


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (json.dumps(FIRST).encode("utf-16"), "is UTF-16"),
        (json.dumps(FIRST).encode("utf-16-le"), "is UTF-16"),
        (json.dumps(FIRST).encode("utf-16-be"), "is UTF-16"),
        (json.dumps([FIRST], indent=1).encode(), "one JSON array"),
    ],
)
def test_other_kinds_of_files_are_named(tmp_path: Path, content: bytes, reason: str) -> None:
    file = tmp_path / "people.jsonl"
    file.write_bytes(content)
    with pytest.raises(UnacceptableImportError, match=reason):
        read_users(file)


def test_many_errors_are_counted() -> None:
    said = complaints(*["{}"] * 30)
    assert (len(said), said[-1]) == (21, "and 40 more")
