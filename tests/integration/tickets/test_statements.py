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
        lambda _path: ("POST", TICKETS, {"json": TICKET, "headers": {"Idempotency-Key": "k"}}),
        ["BEGIN", "INSERT", "SELECT", "INSERT", "INSERT", "SELECT", "UPDATE"],
    ),
    "reply": (
        lambda path: ("POST", f"{path}/replies", {"json": {"text": "x"}}),
        ["BEGIN", "SELECT", "SELECT", "INSERT", "UPDATE", "SELECT"],
    ),
    "close": (
        lambda path: ("PATCH", f"{path}/close", {}),
        ["BEGIN", "SELECT", "SELECT", "UPDATE", "SELECT"],
    ),
}


@pytest.mark.parametrize("request_name", COSTS)
def test_statements_of_a_request(installation: Installation, people: People, request_name: str) -> None:
    path = path_of(open_ticket(installation, people.user))
    installation.call("POST", f"{path}/replies", people.user.access, json={"text": "Hello?"})
    build, expected = COSTS[request_name]
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
    assert seen == expected
