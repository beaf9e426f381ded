"""Retention: tickets that were closed long ago are deleted in batches, if a setting says so."""

import uuid
from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import pytest
import sqlalchemy as sa

from doorward_tickets.deletions import repository
from doorward_tickets.tables import deleted_tickets, tickets
from integration.harness.installation import TICKETS, Installation, reconfigured
from integration.harness.people import People
from integration.harness.tickets import open_ticket, path_of, store_ticket, tickets_execute

DAYS = 30


def ago(**time: float) -> datetime:
    return datetime.now(UTC) - timedelta(**time)


def closed(installation: Installation, people: People, *, days: float) -> str:
    """Store a ticket that was closed some days ago; return its id."""
    return store_ticket(installation, people.user.id, status="closed", updated_at=ago(days=days))


def expire(installation: Installation, *, count: int = 500) -> int:
    """Delete one batch of expired tickets."""
    with installation.tickets_engine.connect() as connection:
        connection.exec_driver_sql("BEGIN")
        deleted = repository.delete_expired(connection, days=DAYS, count=count)
        connection.commit()
    return deleted


def ids(installation: Installation) -> set[str]:
    return {str(ticket_id) for (ticket_id,) in tickets_execute(installation, sa.select(tickets.c.id))}


def test_only_tickets_closed_for_longer_are_deleted(installation: Installation, people: People) -> None:
    old = {closed(installation, people, days=days) for days in (DAYS + 0.01, 400)}
    kept = {
        closed(installation, people, days=DAYS - 0.01),
        store_ticket(installation, people.user.id, updated_at=ago(days=400)),
    }
    assert ids(installation) == old | kept
    assert expire(installation) == 2
    assert ids(installation) == kept
    waiting = tickets_execute(installation, sa.select(deleted_tickets.c.ticket_id))
    assert {str(ticket_id) for (ticket_id,) in waiting} == old
    assert expire(installation) == 0


def test_a_ticket_closed_now_counts_from_now(installation: Installation, people: People) -> None:
    path = path_of(open_ticket(installation, people.user))
    tickets_execute(installation, tickets.update().values(updated_at=ago(days=400), created_at=ago(days=400)))
    installation.call("PATCH", f"{path}/close", people.user.access)
    assert expire(installation) == 0
    assert installation.call("GET", path, people.user.access).status_code == 200


@pytest.mark.parametrize(("setting", "left"), [({}, 1), ({"ticket_retention_days": DAYS}, 0)])
def test_tickets_are_kept_forever_unless_a_setting_says_otherwise(
    installation: Installation, people: People, setting: dict[str, int], left: int
) -> None:
    closed(installation, people, days=4_000)
    with reconfigured(installation, **setting) as replica:
        assert replica.tickets.portal is not None
        replica.tickets.portal.call(replica.tickets_app.state.services.cleanup.run_once)
    assert len(ids(installation)) == left


def test_a_batch_deletes_the_oldest_first(
    installation: Installation, people: People, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(repository, "TICKET_BATCH_SIZE", 3)
    old = [closed(installation, people, days=DAYS + days) for days in (5, 4, 3, 2, 1)]
    assert expire(installation) == 3
    assert ids(installation) == set(old[3:])
    assert expire(installation, count=1) == 1
    assert ids(installation) == {old[4]}


@pytest.mark.databases("mariadb")
def test_a_ticket_in_use_is_skipped_without_waiting(installation: Installation, people: People) -> None:
    """Also in a table that is small enough for a scan."""
    used, *_ = (closed(installation, people, days=400) for _ in range(10))
    young = store_ticket(installation, people.user.id)
    with installation.tickets_engine.connect() as holder:
        holder.exec_driver_sql("BEGIN")
        locked = tickets.c.id.in_([uuid.UUID(used), uuid.UUID(young)])
        holder.execute(sa.select(tickets).where(locked).with_for_update())
        assert expire(installation) == 9, "a wait would be an error after a second"
        holder.rollback()
    assert ids(installation) == {used, young}


@pytest.mark.databases("mariadb")  # SQLite has one writer
def test_a_ticket_reopened_meanwhile_is_kept(installation: Installation, people: People) -> None:
    ticket = closed(installation, people, days=400)

    def reopen() -> None:
        response = installation.call(
            "POST", f"{TICKETS}/{ticket}/replies", people.user.access, json={"body": "It is back."}
        )
        assert response.status_code == 201

    with installation.tickets_engine.connect() as connection:
        before_locking(connection, reopen)
        connection.exec_driver_sql("BEGIN")
        assert repository.delete_expired(connection, days=DAYS, count=500) == 0
        connection.commit()
    assert ids(installation) == {ticket}


def before_locking(connection: sa.Connection, act: Callable[[], None]) -> None:
    """Call a function before the connection's next statement that locks rows."""
    acted = False

    @sa.event.listens_for(connection, "before_cursor_execute")
    def note(_connection: object, _cursor: object, statement: str, *_more: object) -> None:
        nonlocal acted
        if "FOR UPDATE" in statement and not acted:
            acted = True
            act()
