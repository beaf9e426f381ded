"""Creates tickets for tests, and reads the database directly."""

import uuid
from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager
from typing import Any, Final

import pytest
import sqlalchemy as sa
from prometheus_client import CollectorRegistry

from doorward_kit.upsert import upsert
from doorward_kit.word_index import indexed_words, line_of
from doorward_tickets.tables import replies, ticket_search_terms, tickets
from doorward_tickets.users import repository
from integration.harness.databases import transaction
from integration.harness.installation import TICKETS, Installation, reconfigured
from integration.harness.people import Person
from support.smtp import SmtpServer

TICKET: Final = {"subject": "The printer is on fire", "body": "Since this morning.\nThird floor."}


def mailing_through(
    installation: Installation, smtp: SmtpServer, **settings: Any
) -> AbstractContextManager[Installation]:
    """Run a replica that sends mail; the shared one has no mail server."""
    return reconfigured(installation, **smtp.settings, **settings)


def come_in_between(monkeypatch: pytest.MonkeyPatch, act: Callable[[], object]) -> None:
    """Call a function between the next read of user snapshots and the write that follows.

    Not on SQLite, which has one writer.
    """

    def overtaken(connection: sa.Connection, *arguments: Any, **options: Any) -> None:
        monkeypatch.setattr(repository, "upsert", upsert)
        act()
        upsert(connection, *arguments, **options)

    monkeypatch.setattr(repository, "upsert", overtaken)


def open_ticket(installation: Installation, person: Person, **changes: Any) -> dict[str, Any]:
    """Create a ticket by the API; fails the test if it is rejected."""
    response = installation.call("POST", TICKETS, person.access, json={**TICKET, **changes})
    assert response.status_code == 201, response.text
    created: dict[str, Any] = response.json()
    return created


def store_ticket(installation: Installation, author_id: str, **changes: Any) -> str:
    """Insert a ticket into the database; return its id."""
    moment = sa.func.current_timestamp()
    values = {
        "id": uuid.uuid4(),
        "author_id": uuid.UUID(author_id),
        **TICKET,
        "status": "open",
        "priority": 1,
        "reply_count": 0,
        "version": 1,
        "created_at": moment,
        "updated_at": moment,
        **changes,
    }
    store_tickets(installation, [values])
    return str(values["id"])


def store_tickets(installation: Installation, rows: Sequence[Mapping[str, Any]]) -> None:
    """Insert tickets into the database, with their search index."""
    found = [indexed_words((row["subject"], row["body"])) for row in rows]
    stored = [{**row, "search_text": line_of(words)} for row, words in zip(rows, found, strict=True)]
    entries = [
        {"word": word, "ticket_id": row["id"]}
        for row, words in zip(rows, found, strict=True)
        for word in words
    ]
    with transaction(installation.tickets_engine) as connection:
        if len(stored) == 1:  # whose values may be SQL
            connection.execute(tickets.insert().values(stored[0]))
        else:
            connection.execute(tickets.insert(), stored)
        connection.execute(ticket_search_terms.insert(), entries)


def tickets_execute(installation: Installation, statement: sa.Executable) -> list[tuple[Any, ...]]:
    """Run one statement in the tickets database; return its rows, if it has any."""
    with installation.tickets_engine.connect() as connection:
        result = connection.execute(statement)
        return [tuple(row) for row in result] if result.returns_rows else []


def stored(installation: Installation) -> list[tuple[Any, ...]]:
    """All stored data of tickets that a request could change."""
    return [
        *tickets_execute(installation, sa.select(tickets).order_by(tickets.c.id)),
        *tickets_execute(installation, sa.select(replies).order_by(replies.c.ticket_id, replies.c.number)),
    ]


def path_of(ticket: dict[str, Any]) -> str:
    """The path of a ticket."""
    return f"{TICKETS}/{ticket['id']}"


def limit_rejections(installation: Installation, limit: str) -> float | None:
    """Return how often a limit of tickets was reached; None if that is not measured."""
    registry: CollectorRegistry = installation.tickets_app.state.resources.metrics.registry
    return registry.get_sample_value("doorward_ticket_limit_rejections_total", {"limit": limit})
