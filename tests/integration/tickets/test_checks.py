"""The reconciliation runs once a day, independent of restarts and of the number of replicas."""

import uuid
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime
from functools import partial
from typing import Any, Final

import pytest
import sqlalchemy as sa

from doorward_identity.tables import deleted_users, users
from doorward_kit.unit_of_work import Database
from doorward_tickets.tables import feed_cursors
from doorward_tickets.tables import user_snapshots as snapshot
from doorward_tickets.users import repository
from doorward_tickets.users.auth_client import AuthClient, AuthUnavailableError
from doorward_tickets.users.deleted_users_sync import RECONCILIATION_SECONDS
from integration.harness.deployment import wait_until
from integration.harness.installation import Installation, reconfigured
from integration.harness.people import People, enrol
from integration.harness.tickets import open_ticket, tickets_execute

LONG_AGO: Final = "2026-01-01T00:00:00+00:00"


@pytest.fixture
def asked(installation: Installation, people: People, monkeypatch: pytest.MonkeyPatch) -> list[object]:
    """The lookups of all replicas at auth, after today's reconciliation of a known user."""
    wait_for_the_first_poll(installation)
    open_ticket(installation, people.user)
    installation.follow_deletions()
    asked: list[object] = []
    get = AuthClient._get

    async def noting(accounts: AuthClient, path: str, parameters: Any) -> Any:
        if path == "users":
            asked.append(parameters)
        return await get(accounts, path, parameters)

    monkeypatch.setattr(AuthClient, "_get", noting)
    return asked


def wait_for_the_first_poll(installation: Installation) -> None:
    """Wait until the startup tasks are complete; the next ones are due in an hour."""
    follower = installation.tickets_app.state.services.deleted_users
    wait_until(lambda: follower._caught_up_at is not None, "polled")


def let_a_day_pass(installation: Installation) -> None:
    ((name, due),) = tickets_execute(installation, sa.select(feed_cursors))
    assert name == "reconciliation"
    assert due > LONG_AGO
    tickets_execute(installation, feed_cursors.update().values(cursor=LONG_AGO))


def seconds_to_next(installation: Installation) -> float:
    with installation.tickets_engine.connect() as connection:
        check = repository._schedule(connection)
    assert check.due_at is not None
    return (datetime.fromisoformat(check.due_at) - check.now).total_seconds()


def test_reconciliation_runs_once_a_day(installation: Installation, asked: list[object]) -> None:
    for days in range(3):
        for _ in range(3):
            installation.follow_deletions()
        assert len(asked) == days
        assert RECONCILIATION_SECONDS * 0.9 < seconds_to_next(installation) <= RECONCILIATION_SECONDS
        let_a_day_pass(installation)


def test_a_restart_neither_repeats_nor_delays_reconciliation(
    installation: Installation, asked: list[object]
) -> None:
    for _ in range(2):
        with reconfigured(installation) as restarted:
            restarted.follow_deletions()
    assert asked == []
    let_a_day_pass(installation)
    with reconfigured(installation) as restarted:
        restarted.follow_deletions()
        wait_until(lambda: len(asked) == 1, "asked about")
    installation.follow_deletions()
    assert len(asked) == 1, "it has been done by another replica"


def test_reconciliation_after_a_restart_finds_deletions_missing_in_the_feed(
    installation: Installation, people: People, asked: list[object]
) -> None:
    del asked
    # Like a release before the feed.
    installation.execute(users.delete().where(users.c.id == uuid.UUID(people.user.id)))
    let_a_day_pass(installation)
    with reconfigured(installation) as restarted:
        restarted.follow_deletions()
        names = sa.select(snapshot.c.name)
        wait_until(lambda: tickets_execute(installation, names) == [(None,)], "pseudonymous")


def test_a_failed_reconciliation_is_retried_soon(
    installation: Installation, asked: list[object], monkeypatch: pytest.MonkeyPatch
) -> None:
    let_a_day_pass(installation)

    get = AuthClient._get

    async def unavailable(accounts: AuthClient, path: str, parameters: Any) -> Any:
        if path == "users":
            raise AuthUnavailableError
        return await get(accounts, path, parameters)

    with monkeypatch.context() as outage:
        outage.setattr(AuthClient, "_get", unavailable)
        with pytest.raises(AuthUnavailableError):
            installation.follow_deletions()
        installation.follow_deletions()  # the feed is read all the same
    assert asked == []
    assert 0 < seconds_to_next(installation) <= 60
    let_a_day_pass(installation)
    installation.follow_deletions()
    assert len(asked) == 1


def test_a_feed_restored_to_empty_causes_one_reconciliation(
    installation: Installation, people: People, asked: list[object]
) -> None:
    """The identity database was restored: its feed is empty and does not contain the cursor of tickets."""
    gone = enrol(installation, people.admin)
    open_ticket(installation, gone)
    installation.call("DELETE", gone.path, people.admin.access)
    installation.follow_deletions()
    assert asked == []
    installation.execute(deleted_users.delete())
    for _ in range(3):
        installation.follow_deletions()
    assert len(asked) == 1
    installation.call("DELETE", people.user.path, people.admin.access)
    installation.follow_deletions()
    assert (None,) in tickets_execute(installation, sa.select(snapshot.c.name)), "and it is followed again"
    assert len(asked) == 1


@pytest.mark.parametrize("is_first", [True, False])
def test_of_parallel_claims_one_replica_reconciles(
    installation: Installation, people: People, *, is_first: bool
) -> None:
    del people
    wait_for_the_first_poll(installation)
    tickets_execute(installation, feed_cursors.delete())
    if not is_first:
        tickets_execute(installation, feed_cursors.insert().values(name="reconciliation", cursor=LONG_AGO))
    take = partial(repository.claim_reconciliation, seconds=60)
    # Without another replica, because that one could reconcile by itself.
    database: Database = installation.tickets_app.state.resources.database
    with ThreadPoolExecutor(8) as threads:
        taken = list(threads.map(lambda _: database.write_now(take), range(8)))
    assert sum(taken) == 1
