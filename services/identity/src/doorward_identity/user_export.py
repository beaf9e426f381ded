"""Users as lines of JSON or CSV, in pages by id: what `GET /users/export` and the commands write and read."""

import csv
import io
import uuid
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from enum import StrEnum
from pathlib import Path
from typing import Any, Final, NamedTuple, Self

import orjson
import sqlalchemy as sa

from doorward_identity.tables import credentials, users
from doorward_kit import csv_cells
from doorward_kit.json_columns import JsonRows

MEMBERS: Final = ("id", "email", "name", "role", "status", "email_verified", "created_at")
PASSWORD_HASH: Final = "password_hash"  # noqa: S105 - the name of a member

_FIRST_ID: Final = uuid.UUID(int=0)


class FileFormat(StrEnum):
    """How a file of users is written."""

    JSON_LINES = "jsonl"
    CSV = "csv"

    @classmethod
    def of(cls, path: Path) -> Self:
        """Return the format that a file's name stands for."""
        return cls("csv" if path.suffix.lower() == ".csv" else "jsonl")


class ExportPage(NamedTuple):
    """Some users as text, their number, and the id of the last one: None after the last page."""

    text: bytes
    users: int
    last_id: uuid.UUID | None


class _ExportedRow(NamedTuple):
    id: uuid.UUID
    email: str
    name: str
    role: str
    status: str
    email_verified_at: datetime | None
    created_at: datetime


_JSON_ROWS: Final = JsonRows(_ExportedRow._make, [users.c[name] for name in _ExportedRow._fields])
_PAGE: Final = (
    sa.select(_JSON_ROWS.column)
    .where(users.c.id > sa.bindparam("after"))
    .order_by(users.c.id)
    .limit(sa.bindparam("count"))
)
_HASHES: Final = sa.select(credentials.c.user_id, credentials.c.password_hash).where(
    credentials.c.user_id.in_(sa.bindparam("user_ids", expanding=True))
)


def header(file_format: FileFormat, *, with_hashes: bool = False) -> bytes:
    """Return what a file begins with."""
    if file_format is FileFormat.JSON_LINES:
        return b""
    return _csv([(*MEMBERS, PASSWORD_HASH) if with_hashes else MEMBERS])


def read_page(
    connection: sa.Connection,
    file_format: FileFormat,
    after: uuid.UUID | None,
    count: int,
    *,
    with_hashes: bool = False,
) -> ExportPage:
    """Read the next users by id. Only the commands' database account may read hashes."""
    result = connection.execute(_PAGE, {"after": after or _FIRST_ID, "count": count})
    rows = _JSON_ROWS.read(result)
    hashes = _hashes(connection, rows) if with_hashes else None
    members = [_members(row, hashes) for row in rows]
    text = _csv(map(_cells, members)) if file_format is FileFormat.CSV else _json_lines(members)
    return ExportPage(text, len(rows), rows[-1].id if len(rows) == count else None)


def _hashes(connection: sa.Connection, rows: Sequence[_ExportedRow]) -> Mapping[uuid.UUID, str]:
    found = connection.execute(_HASHES, {"user_ids": [row.id for row in rows]})
    return {row.user_id: row.password_hash for row in found}


def _members(row: _ExportedRow, hashes: Mapping[uuid.UUID, str] | None) -> dict[str, Any]:
    members = {
        "id": str(row.id),
        "email": row.email or None,
        "name": row.name,
        "role": row.role,
        "status": row.status,
        "email_verified": row.email_verified_at is not None,
        "created_at": f"{row.created_at:%Y-%m-%dT%H:%M:%S.%fZ}",
    }
    return members if hashes is None else {**members, PASSWORD_HASH: hashes.get(row.id)}


def _json_lines(members: Iterable[Mapping[str, Any]]) -> bytes:
    return b"".join(orjson.dumps(member, option=orjson.OPT_APPEND_NEWLINE) for member in members)


def _cells(members: Mapping[str, Any]) -> list[str]:
    return [csv_cells.escape(_cell(value)) for value in members.values()]


def _cell(value: object) -> str:
    if value is None:
        return ""
    return value if isinstance(value, str) else str(value).lower()


def _csv(rows: Iterable[Sequence[str]]) -> bytes:
    text = io.StringIO()
    csv.writer(text).writerows(rows)  # with the line ends of RFC 4180
    return text.getvalue().encode()
