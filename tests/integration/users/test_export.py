"""The export of the directory: its formats, who gets it, and what an import makes of it."""

import csv
import io
import json
import math
import uuid
from types import SimpleNamespace
from typing import Any

import httpx2
import pytest
import sqlalchemy as sa

from doorward.import_users import InvalidLines, check, import_users
from doorward_identity.accounts import NewAccount
from doorward_identity.audit.repository import AuditAction
from doorward_identity.bulk_accounts import BulkAccount, create_missing
from doorward_identity.tables import users
from doorward_identity.user_export import MEMBERS, FileFormat
from doorward_users.export import service
from integration.harness.bulk_users import enrol
from integration.harness.installation import USERS, Installation
from integration.harness.people import People
from integration.harness.problems import assert_problem

EXPORT = f"{USERS}/export"


@pytest.fixture(autouse=True)
def _small_pages(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(service, "PAGE_SIZE", 5)


def export(installation: Installation, access: str, query: str = "", **headers: str) -> httpx2.Response:
    response = installation.call("GET", f"{EXPORT}{query}", access, headers=headers)
    assert response.status_code == 200, response.text
    return response


def lines_of(response: httpx2.Response) -> list[dict[str, Any]]:
    if response.headers["content-type"].startswith("text/csv"):
        return [dict(row) for row in csv.DictReader(io.StringIO(response.text, newline=""), strict=True)]
    return [json.loads(line) for line in response.text.splitlines()]


@pytest.mark.parametrize("count", [1, 6, 13])  # with the four people: whole pages, and others
def test_every_user_is_in_it_once_in_the_order_of_ids(
    installation: Installation, people: People, count: int
) -> None:
    enrol(installation.database_url, count)
    expected = installation.execute(sa.select(users.c.id, users.c.email).order_by(users.c.id))
    for query in ("", "?format=csv"):
        found = lines_of(export(installation, people.admin.access, query))
        assert [(user["id"], user["email"]) for user in found] == [(str(row[0]), row[1]) for row in expected]


@pytest.mark.databases("sqlite")
@pytest.mark.parametrize(
    ("query", "accept", "media_type"),
    [
        ("", "*/*", "application/jsonl"),
        ("", "text/csv, */*;q=0.1", "text/csv; charset=utf-8; header=present"),
        ("?format=jsonl", "text/csv", "application/jsonl"),
        ("?format=csv", "application/json", "text/csv; charset=utf-8; header=present"),
        ("", "application/json, text/plain, */*", "application/jsonl"),
        ("", "text/csv;q=0.5, application/x-ndjson", "application/x-ndjson"),
        ("", "application/x-ndjson;q=0.5, text/csv", "text/csv; charset=utf-8; header=present"),
        ("", "text/csv;q=0, */*", "application/jsonl"),
        ("", "text/*", "text/csv; charset=utf-8; header=present"),
    ],
)
def test_the_format_is_asked_for(
    installation: Installation, people: People, query: str, accept: str, media_type: str
) -> None:
    response = export(installation, people.admin.access, query, accept=accept)
    assert response.headers["content-type"] == media_type
    kind = "csv" if "csv" in media_type else "jsonl"
    assert response.headers["content-disposition"] == f'attachment; filename="users.{kind}"'
    assert response.headers["cache-control"] == "no-store"
    assert "accept" in response.headers["vary"].lower()
    assert tuple(lines_of(response)[0]) == MEMBERS  # no password, no hash


@pytest.mark.databases("sqlite")
@pytest.mark.parametrize(
    "accept", ["application/json", "text/csv;q=0", "text/csv; charset=latin1", "*/*;q=0"]
)
def test_a_media_type_that_an_export_has_not_is_rejected(
    installation: Installation, people: People, accept: str
) -> None:
    headers = {"accept": accept}
    answer = installation.call("GET", EXPORT, people.admin.access, headers=headers)
    assert_problem(answer, 406, "not_acceptable")
    assert export(installation, people.admin.access, "?format=csv", **headers).status_code == 200


@pytest.mark.databases("sqlite")
def test_accept_in_several_fields_is_one_list(installation: Installation, people: People) -> None:
    fields = [
        ("authorization", f"Bearer {people.admin.access}"),
        ("accept", "application/jsonl;q=0.1"),
        ("accept", "text/csv;q=0.2"),
    ]
    response = installation.users.get(EXPORT, headers=fields)
    assert response.headers["content-type"].startswith("text/csv")


@pytest.mark.databases("sqlite")
def test_an_unknown_format_is_rejected(installation: Installation, people: People) -> None:
    assert_problem(installation.call("GET", f"{EXPORT}?format=xml", people.admin.access), 422)


@pytest.mark.databases("sqlite")
def test_a_process_has_one_export_a_person_and_few_at_all(
    installation: Installation, people: People, monkeypatch: pytest.MonkeyPatch
) -> None:
    exports = installation.users_app.state.services.exports
    monkeypatch.setattr(service, "MAX_EXPORTS", 1)
    running = uuid.UUID(people.admin.id)
    exports._running = {running: SimpleNamespace(ends_at=math.inf)}
    rejected = installation.call("GET", EXPORT, people.admin.access)
    assert_problem(rejected, 429, "export_running")
    assert rejected.headers["retry-after"] == "30"
    assert_problem(installation.call("GET", EXPORT, people.deputy.access), 503, "exports_unavailable")
    exports._running = {running: SimpleNamespace(ends_at=0.0)}  # it should have ended long ago
    export(installation, people.admin.access)
    export(installation, people.admin.access)


@pytest.mark.databases("sqlite")
def test_an_old_export_that_ends_leaves_a_newer_one_of_its_caller(
    installation: Installation, people: People, monkeypatch: pytest.MonkeyPatch
) -> None:
    exports = installation.users_app.state.services.exports
    newer = SimpleNamespace(ends_at=math.inf)
    monkeypatch.setattr(exports, "_running", {uuid.UUID(people.admin.id): newer})
    exports.remove(SimpleNamespace(user_id=uuid.UUID(people.admin.id)))
    assert list(exports._running.values()) == [newer]


@pytest.mark.databases("sqlite")
def test_no_export_keeps_a_process_from_stopping(
    installation: Installation, people: People, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(service.ExportService, "is_stopping", True)
    assert_problem(installation.call("GET", EXPORT, people.admin.access), 503, "exports_unavailable")


@pytest.mark.parametrize("file_format", FileFormat)
def test_an_import_takes_what_an_export_gives(
    installation: Installation, people: People, tmp_path: Any, file_format: FileFormat
) -> None:
    names = ["=1+1", "'=1", 'a,"b";c', "Zoë 🐘", "-", "'tis", "@x", "+1 \\ '"]
    accounts = [
        NewAccount(id=uuid.uuid4(), email=f"=p{n}@example.com", name=name, is_verified=n % 2 == 0)
        for n, name in enumerate(names)
    ]
    with installation.transaction() as connection:
        bulk = [BulkAccount(account, account.email) for account in accounts]
        create_missing(connection, bulk, AuditAction.ACCOUNT_IMPORTED)
    first = export(installation, people.admin.access, f"?format={file_format}")
    path = tmp_path / "people"
    path.write_bytes(first.content)
    installation.execute(users.delete().where(users.c.email != people.admin.email))
    with path.open("rb") as file:
        invalid = InvalidLines(None)
        checked = check(file, file_format, invalid)
        assert str(invalid) == ""
        database = installation.users_app.state.resources.database
        done = import_users(database, file, file_format, checked)
    assert done == (len(names) + 3, 1)
    again = export(installation, people.admin.access, f"?format={file_format}")
    assert without_ids(again) == without_ids(first)
    if file_format is FileFormat.CSV:
        cells = [cell for row in csv.reader(io.StringIO(first.text, newline="")) for cell in row]
        assert not [cell for cell in cells if cell[:1] in set("=+-@\t\r")]


def without_ids(response: httpx2.Response) -> list[list[Any]]:
    return sorted([value for name, value in line.items() if name != "id"] for line in lines_of(response))
