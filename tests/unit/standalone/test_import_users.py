"""Lines of `doorward import-users`: accepted ones, and errors for others."""

import io
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from doorward.import_users import CheckResult, InvalidLines, check, open_users
from doorward.imported_user import ImportedUser
from doorward.user_file import MAX_LINE_BYTES, UnacceptableImportError, UserLine, read_lines
from doorward_identity.user_export import FileFormat

FIRST = {"email": "ada@example.com", "name": "Ada"}


def lines_of(content: bytes, file_format: FileFormat = FileFormat.JSON_LINES) -> list[UserLine]:
    return list(read_lines(io.BytesIO(content), file_format))


def users_of(content: bytes, file_format: FileFormat = FileFormat.JSON_LINES) -> list[ImportedUser]:
    lines = lines_of(content, file_format)
    assert [line.errors for line in lines if line.errors] == []
    return [line.user for line in lines if line.user is not None]


def complaints_of(content: bytes, file_format: FileFormat = FileFormat.JSON_LINES) -> list[str]:
    lines = lines_of(content, file_format)
    return [f"line {line.number}: {error}" for line in lines for error in line.errors]


def errors_of_lines(*lines: dict[str, Any] | str) -> list[str]:
    """Read lines after a valid one; return their errors."""
    texts = [line if isinstance(line, str) else json.dumps(line) for line in (FIRST, *lines)]
    return complaints_of("\n".join(texts).encode("utf-8", "surrogatepass"))


def checked(path: Path, content: bytes) -> tuple[CheckResult, str]:
    """Check a file; return the outcome and the text of its errors."""
    path.write_bytes(content)
    invalid = InvalidLines(None)
    with open_users(path) as file:
        return check(file, FileFormat.of(path), invalid, progress_to=io.StringIO()), str(invalid)


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
        ({"email_verified": "perhaps"}, "email_verified: "),
        ({"created_at": "2020-01-01T00:00:00"}, "created_at: "),
        ({"created_at": "9999-12-31T23:59:59-12:00"}, "created_at: The time is not between 1970 and now."),
        ({"created_at": "0001-01-01T00:00:00+12:00"}, "created_at: The time is not between 1970 and now."),
    ],
)
def test_errors_name_the_problem_without_quoting_a_hash(members: dict[str, Any], complaint: str) -> None:
    [said] = errors_of_lines({"email": "bob@example.com", "name": "Bob", **members})
    assert said.startswith(f"line 2: {complaint}")
    assert "5f4dcc3b" not in said


@pytest.mark.parametrize(
    "line",
    ["{", "[]", '{"email": "b@example.com", "email": "c@example.com", "name": "B"}', "\ud800", "[" * 10_000],
)
def test_rejects_lines_that_are_not_a_json_object(line: str) -> None:
    [said] = errors_of_lines(line)
    assert said.startswith("line 2: ")


@pytest.mark.parametrize("stored", ["md5$salt$5f4d", "scrypt:8388608:8:1$salt$" + "ab" * 64, "$2b$12$"])
def test_a_rejected_hash_comes_with_what_to_do(stored: str) -> None:
    [said] = errors_of_lines({"email": "bob@example.com", "name": "Bob", "password_hash": stored})
    assert said.endswith("Leave `password_hash` out: the user then sets a password with a password reset")


def test_an_unusable_password_of_django_is_none() -> None:
    [user] = users_of(json.dumps({**FIRST, "password_hash": "!" + "x" * 40}).encode())
    assert user.password_hash is None


@pytest.mark.parametrize("name", ["people.jsonl", "people.csv"])
def test_an_address_comes_once(tmp_path: Path, name: str) -> None:
    first, again = (json.dumps({**FIRST, "email": email}) for email in ("ada@example.com", "ADA@example.com"))
    text = f"{first}\n{again}"
    if name.endswith("csv"):
        text = "email,name\nada@example.com,Ada\nADA@example.com,Ada"
    outcome, said = checked(tmp_path / name, text.encode())
    assert outcome == CheckResult(valid=1, invalid=1)
    line = 3 if name.endswith("csv") else 2
    assert said == f"line {line}: the address of line {line - 1} again"


@pytest.mark.parametrize("file_format", FileFormat)
def test_a_byte_order_mark_of_utf_8_is_skipped(file_format: FileFormat) -> None:
    text = json.dumps(FIRST) if file_format is FileFormat.JSON_LINES else "email,name\nada@example.com,Ada"
    [user] = users_of(text.encode("utf-8-sig"), file_format)
    assert user.email == FIRST["email"]


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (json.dumps(FIRST).encode("utf-16"), "is UTF-16"),
        (json.dumps(FIRST).encode("utf-16-le"), "is UTF-16"),
        (json.dumps(FIRST).encode("utf-16-be"), "is UTF-16"),
        (json.dumps([FIRST], indent=1).encode(), "one JSON array"),
    ],
)
def test_other_kinds_of_files_are_named(content: bytes, reason: str) -> None:
    with pytest.raises(UnacceptableImportError, match=reason):
        lines_of(content)


def test_many_errors_are_counted(tmp_path: Path) -> None:
    outcome, said = checked(tmp_path / "people.jsonl", b"{}\n" * 30)
    assert outcome == CheckResult(valid=0, invalid=30)
    shown = said.splitlines()
    assert (len(shown), shown[-1].strip()) == (21, "and 40 more")


def test_a_line_that_is_too_long_is_one_error() -> None:
    content = b"{" + b" " * (2 * MAX_LINE_BYTES) + b"}\n" + json.dumps(FIRST).encode()
    assert complaints_of(content) == [f"line 1: the line is longer than {MAX_LINE_BYTES} bytes"]
    assert [line.number for line in lines_of(content) if line.user] == [2]


CSV = FileFormat.CSV


@pytest.mark.parametrize("delimiter", [",", ";", "\t"])
def test_a_csv_file_has_columns_in_any_order(delimiter: str) -> None:
    rows: Sequence[Sequence[str]] = [
        ("name", "status", "email", "email_verified", "created_at"),
        ("Ada", "disabled", "ada@example.com", "false", "2020-01-01T00:00:00Z"),
        ('"Bob ""the"" Builder"', "", "bob@example.com", "", ""),
        ("", "", "", "", ""),
    ]
    ada, bob = users_of("\r\n".join(delimiter.join(row) for row in rows).encode(), CSV)
    assert (ada.name, ada.status, ada.email_verified) == ("Ada", "disabled", False)
    assert ada.created_at is not None
    assert ada.created_at.isoformat() == "2020-01-01T00:00:00+00:00"
    assert (bob.name, bob.status, bob.email_verified) == ('Bob "the" Builder', "active", True)
    assert bob.created_at is None


def test_what_spreadsheets_would_run_is_read_as_it_was() -> None:
    [user] = users_of(b"email,name\n'=ada@example.com,''=Ada", CSV)
    assert (user.email, user.name) == ("=ada@example.com", "'=Ada")


@pytest.mark.parametrize(
    ("content", "complaint"),
    [
        (b"email,name\nada@example.com\n", "line 2: 1 cells, but 2 columns"),
        (
            b'email,name\nada@example.com,"Ada\nLovelace"\nx,Bob\n',
            "line 2: name: A name is one line of text.",
        ),
        (b'email,name\n"ada"@example.com,Ada\n', "line 2: the line is not CSV: ',' expected after '\"'"),
        (b"email,name\n\nada@example.com,\xff\n", "line 3: the text is not UTF-8"),
        (b"email,name\nada@example.com,Ada\nx,Ada\n", "line 3: email: This is not an email address."),
    ],
)
def test_a_wrong_record_of_a_csv_file_is_one_error(content: bytes, complaint: str) -> None:
    good = b"bob@example.com,Bob\n"
    assert complaints_of(content + good, CSV)[0] == complaint
    assert lines_of(content + good, CSV)[-1].user is not None


def test_a_quote_that_does_not_end_names_all_lines_that_it_takes(tmp_path: Path) -> None:
    head, line = b'email,name\nada@example.com,"Ada\n', b"bob@example.com,Bob\n"
    content = head + line * (MAX_LINE_BYTES // 10)
    invalid, *valid = lines_of(content, CSV)
    assert (invalid.number, invalid.lines) == (2, valid[0].number - 2)
    assert invalid.lines > MAX_LINE_BYTES // len(line)
    outcome, said = checked(tmp_path / "people.csv", head + line * 2)
    assert outcome == CheckResult(valid=0, invalid=3)
    assert said == "lines 2 to 4: the line is not CSV: unexpected end of data"


@pytest.mark.parametrize("end", [b"\n", b"\r", b"\r\n"])
@pytest.mark.parametrize("lines", [1, 2])
def test_a_csv_line_that_is_too_long_is_one_error(end: bytes, lines: int) -> None:
    start = b'"x' + end if lines == 2 else b""
    long = start + b"," * (3 * MAX_LINE_BYTES)
    content = end.join([b"email,name", long, b"ada@example.com,Ada"])
    invalid, valid = lines_of(content, CSV)
    assert invalid == UserLine(2, None, [f"the line is longer than {MAX_LINE_BYTES} bytes"], lines)
    assert (valid.number, valid.errors) == (2 + lines, ())


def test_a_header_that_is_too_long_is_none() -> None:
    with pytest.raises(UnacceptableImportError, match="the first line of a CSV file"):
        lines_of(b"email,name" + b" " * MAX_LINE_BYTES + b"\nada@example.com,Ada", CSV)


@pytest.mark.parametrize("header", ["email", "name,email,e-mail", "email,name,name", "", "{}"])
def test_the_header_names_known_columns(header: str) -> None:
    with pytest.raises(UnacceptableImportError, match="the first line of a CSV file"):
        lines_of(f"{header}\nada@example.com,Ada".encode(), CSV)
