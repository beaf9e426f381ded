"""Database privileges: those granted by the chart's grants.sql, and those used by statements."""

import re
from collections import defaultdict
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, Final

import sqlalchemy as sa

from support.chain import GRANTS

Privileges = dict[tuple[str, str], frozenset[str] | None]
"""By privilege and table: the columns to which it is limited, None for the whole table."""

_GRANT: Final = re.compile(r"GRANT (.+?) ON (\w+) TO doorward_(\w+)", re.DOTALL)
_PRIVILEGE: Final = re.compile(r"(SELECT|INSERT|UPDATE|DELETE)(?: \(([^)]*)\))?")
_READ: Final = re.compile(r"\b(?:FROM|JOIN)\s+(\w+)")
_WRITTEN: Final = re.compile(r"^(INSERT INTO|UPDATE|DELETE FROM)\s+(\w+)")
_READINESS: Final = re.compile(r"WHERE (?:false|0 = 1)$")
"""Readiness names all that a service may read, so it would hide what no other statement reads."""
_UPSERT: Final = re.compile(r"ON (?:DUPLICATE KEY|CONFLICT .*? DO) UPDATE", re.DOTALL)


def granted(service: str) -> Privileges:
    """Read the privileges of a service."""
    text = re.sub(r"--.*", "", GRANTS["auth"].read_text(encoding="utf-8"))
    result: Privileges = {}
    for privileges, table, account in _GRANT.findall(text):
        if account == service:
            for privilege, columns in _PRIVILEGE.findall(privileges):
                names = frozenset(re.findall(r"\w+", columns))
                result[privilege, table] = names or None
    return result


class Used:
    """The privileges that statements need."""

    def __init__(self) -> None:
        self._statements: dict[tuple[str, str], set[str]] = defaultdict(set)

    @property
    def privileges(self) -> set[tuple[str, str]]:
        """Every needed privilege, with its table."""
        return set(self._statements)

    def names(self, privilege: str, table: str, column: str) -> bool:
        """Whether a statement that needs the privilege names a column."""
        return any(re.search(rf"\b{column}\b", statement) for statement in self._statements[privilege, table])

    def add(self, statement: str) -> None:
        """Record the privileges that a statement needs."""
        needed = {("SELECT", table) for table in _READ.findall(statement)}
        written = _WRITTEN.match(statement)
        if written is not None:
            verb, table = written[1].split()[0], written[2]
            needed = needed - ({("SELECT", table)} if verb == "DELETE" else set()) | {(verb, table)}
            if " WHERE " in statement.replace("\n", " ") and verb != "INSERT":
                needed.add(("SELECT", table))
            if _UPSERT.search(statement):
                needed.add(("UPDATE", table))
        for privilege, table in needed:
            self._statements[privilege, table].add(
                _read_part(statement) if privilege == "SELECT" else statement
            )


def _read_part(statement: str) -> str:
    """Omit the names that an UPDATE assigns to, which need no SELECT privilege."""
    if not statement.startswith("UPDATE"):
        return statement
    assigned, where, conditions = statement.partition(" WHERE ")
    return re.sub(r"\b\w+=", "", assigned) + where + conditions


@contextmanager
def watched(*engines: sa.Engine) -> Iterator[Used]:
    """Record the statements of engines during the block."""
    used = Used()

    def note(_connection: Any, _cursor: Any, statement: str, *_rest: Any) -> None:
        if not _READINESS.search(statement):
            used.add(statement)

    for engine in engines:
        sa.event.listen(engine, "before_cursor_execute", note)
    yield used
    for engine in engines:
        sa.event.remove(engine, "before_cursor_execute", note)
