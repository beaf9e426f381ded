"""The number of database statements of each request."""

import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import pytest
import sqlalchemy as sa

from doorward_identity.deleted_users_feed import PAGE_SIZE
from doorward_tickets.tables import user_snapshots as snapshot
from doorward_tickets.users import repository
from integration.harness.installation import TICKETS, Installation
from integration.harness.people import People
from integration.harness.tickets import TICKET, open_ticket, path_of, tickets_execute

COUNTED = ["SELECT", "SELECT", "INSERT"]
"""For the quota: lock the counter, read it, write it."""

COSTS: dict[str, tuple[Callable[[str], tuple[str, str, dict[str, Any]]], list[str]]] = {
    "list": (lambda _path: ("GET", TICKETS, {}), ["SELECT"]),
    "read": (lambda path: ("GET", path, {}), ["SELECT", "SELECT"]),
    "thread": (lambda path: ("GET", f"{path}/replies", {}), ["SELECT", "SELECT"]),
    "create": (
        lambda _path: ("POST", TICKETS, {"json": TICKET}),
        ["BEGIN", "SELECT", *COUNTED, "SELECT", "INSERT", "INSERT", "SELECT"],
    ),
    "create once": (
        lambda path: ("POST", TICKETS, {"json": TICKET, "headers": {"Idempotency-Key": path}}),
        ["BEGIN", "INSERT", "SELECT", *COUNTED, "SELECT", "INSERT", "INSERT", "SELECT", "UPDATE"],
    ),
    "reply": (
        lambda path: ("POST", f"{path}/replies", {"json": {"body": "x"}}),
        # One of them reads the latest responder; there is none.
        ["BEGIN", "SELECT", "SELECT", *COUNTED, "INSERT", "UPDATE", "SELECT", "SELECT"],
    ),
    "close": (
        lambda path: ("PATCH", f"{path}/close", {}),
        ["BEGIN", "SELECT", "SELECT", "SELECT", "UPDATE", "SELECT"],
    ),
}


@pytest.mark.parametrize("request_name", COSTS)
def test_each_request_runs_the_expected_statements(
    installation: Installation, people: People, request_name: str
) -> None:
    build, expected = COSTS[request_name]
    assert statements_of(installation, people, build) == expected


def statements_of(
    installation: Installation, people: People, build: Callable[[str], tuple[str, str, dict[str, Any]]]
) -> list[str]:
    """Send the request about a ticket with a reply; return the first words of the statements."""
    path = path_of(open_ticket(installation, people.user))
    installation.call("POST", f"{path}/replies", people.user.access, json={"body": "Hello?"})
    method, where, options = build(path)
    with noted(installation.tickets_app.state.resources.database.engine) as seen:
        response = installation.call(method, where, people.user.access, **options)
    assert response.status_code in {200, 201}, response.text
    return seen


@contextmanager
def noted(engine: sa.Engine) -> Iterator[list[str]]:
    """Record the first words of statements."""
    seen: list[str] = []

    def note(_connection: object, _cursor: object, statement: str, *_more: object) -> None:
        seen.append(statement.split(maxsplit=1)[0])

    sa.event.listen(engine, "before_cursor_execute", note)
    try:
        yield seen
    finally:
        sa.event.remove(engine, "before_cursor_execute", note)


def test_a_page_of_deletions_is_applied_in_two_statements(installation: Installation, people: People) -> None:
    """A statement for each deletion would exceed the timeout of a unit of work, and be retried forever."""
    open_ticket(installation, people.user)
    strangers = [uuid.uuid4() for _ in range(PAGE_SIZE - 1)]
    gone = [uuid.UUID(people.user.id), *strangers]
    with installation.tickets_engine.connect() as connection, noted(installation.tickets_engine) as seen:
        connection.exec_driver_sql("BEGIN")
        repository.mark_deleted(connection, gone)
        connection.commit()
    assert seen == ["BEGIN", "INSERT", "DELETE"]
    kept = tickets_execute(installation, sa.select(snapshot.c.name, snapshot.c.deleted_at))
    assert len(kept) == PAGE_SIZE
    assert all(name is None and deleted_at is not None for name, deleted_at in kept)
