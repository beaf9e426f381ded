"""One of several tickets processes reconciles the users each day, though all may claim it at once."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Final

import pytest

from integration.harness.deployment import wait_until
from integration.harness.installation import AUTH, TICKETS
from integration.harness.tickets import TICKET
from integration.harness.tickets_chain import Chain, new_chain
from support.databases import DatabaseServer

DAYS: Final = 10
LONG_AGO: Final = "2026-01-01T00:00:00+00:00"


@pytest.fixture(scope="module")
def chain(mariadb_server: DatabaseServer, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Chain]:
    folder = tmp_path_factory.mktemp("checks")
    with new_chain(mariadb_server, folder, more=2, DOORWARD_DELETED_USERS_POLL_SECONDS="0.05") as chain:
        with chain.tickets:
            chain.ticket("POST", TICKETS, chain.log_in("user@example.com"), json=dict(TICKET))
            wait_until(lambda: is_done(chain), "asked about")
        yield chain


def questions(chain: Chain) -> int:
    """Count the user lookups at auth: one for each reconciliation, because there are few users."""
    return sum(event.get("route") == f"{AUTH}/users" for event in chain.auth.log_events())


def is_done(chain: Chain) -> bool:
    """Whether the reconciliation is complete; a running one is scheduled again in a minute."""
    found = chain.own.execute("SELECT `cursor` FROM feed_cursors WHERE name = 'reconciliation'")
    return any(due > (datetime.now(UTC) + timedelta(hours=1)).isoformat() for (due,) in found)


def let_a_day_pass(chain: Chain) -> None:
    chain.own.execute("UPDATE feed_cursors SET `cursor` = %s WHERE name = 'reconciliation'", LONG_AGO)


def test_of_three_replicas_one_reconciles(chain: Chain) -> None:
    with chain.tickets, chain.more[0], chain.more[1]:
        before = questions(chain)
        for _ in range(DAYS):
            let_a_day_pass(chain)
            wait_until(lambda: is_done(chain), "asked about")
        wait_until(lambda: questions(chain) >= before + DAYS, "in auth's log")
        assert questions(chain) == before + DAYS


def test_a_new_replica_finds_missed_deletions(chain: Chain) -> None:
    ((person,),) = chain.own.execute("SELECT id FROM user_snapshots")
    # Like a release before the feed of deletions.
    chain.identity.execute("DELETE FROM users WHERE id = %s", person)
    assert chain.own.execute("SELECT name FROM user_snapshots") == (("User",),)
    let_a_day_pass(chain)
    with chain.tickets:
        wait_until(lambda: chain.own.execute("SELECT name FROM user_snapshots") == ((None,),), "pseudonymous")
