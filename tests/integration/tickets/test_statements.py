"""What a request costs the database: statements, counted."""

from collections.abc import Callable
from typing import Any

import pytest
import sqlalchemy as sa

from integration.harness.installation import TICKETS, Installation
from integration.harness.people import People
from integration.harness.tickets import TICKET, open_ticket, path_of

COSTS: dict[str, tuple[Callable[[str], tuple[str, str, dict[str, Any]]], list[str]]] = {
    "list": (lambda _path: ("GET", TICKETS, {}), ["SELECT"]),
    "read": (lambda path: ("GET", path, {}), ["SELECT", "SELECT"]),
    "thread": (lambda path: ("GET", f"{path}/replies", {}), ["SELECT", "SELECT"]),
    "create": (
        lambda _path: ("POST", TICKETS, {"json": TICKET}),
        ["BEGIN", "SELECT", "INSERT", "INSERT", "SELECT"],
    ),
    "create once": (
        lambda path: ("POST", TICKETS, {"json": TICKET, "headers": {"Idempotency-Key": path}}),
        ["BEGIN", "INSERT", "SELECT", "INSERT", "INSERT", "SELECT", "UPDATE"],
    ),
    "reply": (
        lambda path: ("POST", f"{path}/replies", {"json": {"text": "x"}}),
        # One of them for whoever has answered last: nobody has.
        ["BEGIN", "SELECT", "SELECT", "INSERT", "UPDATE", "SELECT", "SELECT"],
    ),
    "close": (
        lambda path: ("PATCH", f"{path}/close", {}),
        ["BEGIN", "SELECT", "SELECT", "SELECT", "UPDATE", "SELECT"],
    ),
}


@pytest.mark.parametrize("request_name", COSTS)
def test_statements_of_a_request(installation: Installation, people: People, request_name: str) -> None:
    build, expected = COSTS[request_name]
    # The sweeper, every ten seconds, may come in between once, and hardly twice.
    assert expected in [statements_of(installation, people, build) for _ in range(2)]


def statements_of(
    installation: Installation, people: People, build: Callable[[str], tuple[str, str, dict[str, Any]]]
) -> list[str]:
    """Send the request about a ticket with a reply; return the first words of what the database was told."""
    path = path_of(open_ticket(installation, people.user))
    installation.call("POST", f"{path}/replies", people.user.access, json={"text": "Hello?"})
    method, where, options = build(path)
    engine = installation.tickets_app.state.means.database.engine
    seen: list[str] = []

    def note(_connection: object, _cursor: object, statement: str, *_more: object) -> None:
        seen.append(statement.split(maxsplit=1)[0])

    sa.event.listen(engine, "before_cursor_execute", note)
    try:
        response = installation.call(method, where, people.user.access, **options)
    finally:
        sa.event.remove(engine, "before_cursor_execute", note)
    assert response.status_code in {200, 201}, response.text
    return seen
