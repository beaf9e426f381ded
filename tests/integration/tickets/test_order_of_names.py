"""The newest profile of a user is stored, independent of the order of the writes."""

import asyncio
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import Any

import pytest
import sqlalchemy as sa

from doorward_identity.tables import users
from doorward_tickets.tables import user_snapshots as snapshot
from doorward_tickets.users import repository
from integration.harness.installation import TICKETS, Installation
from integration.harness.people import People, Person
from integration.harness.tickets import TICKET, come_in_between, open_ticket, tickets_execute
from integration.tickets.test_people import rename


@contextmanager
def delayed(installation: Installation, meanwhile: Callable[[], object]) -> Iterator[None]:
    """Call a function between the next request's directory lookup and its write."""
    known = installation.tickets_app.state.services.users
    get_profiles = known.require_current_profile

    async def late(caller: Any) -> Any:
        profiles = await get_profiles(caller)
        del known.require_current_profile
        await asyncio.to_thread(meanwhile)
        return profiles

    known.require_current_profile = late
    yield


def names_of(installation: Installation, person: Person) -> list[tuple[Any, ...]]:
    found = sa.select(snapshot.c.name).where(snapshot.c.id == uuid.UUID(person.id))
    return tickets_execute(installation, found)


def test_a_delayed_request_does_not_restore_an_older_name(installation: Installation, people: People) -> None:
    def act_under_another_name() -> None:
        rename(installation, people.user, "Newer")
        open_ticket(installation, people.user)

    with delayed(installation, act_under_another_name):
        late = open_ticket(installation, people.user)
    assert late["author"]["name"] == "Newer"
    rename(installation, people.user, "Newest")
    assert open_ticket(installation, people.user)["author"]["name"] == "Newest"


def test_a_delayed_request_does_not_restore_an_intermediate_name(
    installation: Installation, people: People
) -> None:
    """The newest name equals the first one, so only the stored time distinguishes them."""
    open_ticket(installation, people.user)
    rename(installation, people.user, "In between")

    def act_under_the_first_name() -> None:
        rename(installation, people.user, "User")
        open_ticket(installation, people.user)

    with delayed(installation, act_under_the_first_name):
        open_ticket(installation, people.user)
    assert names_of(installation, people.user) == [("User",)]


@pytest.mark.databases("mariadb")  # SQLite has one writer
def test_a_request_that_read_before_a_newer_name_does_not_overwrite_it(
    installation: Installation, people: People, monkeypatch: pytest.MonkeyPatch
) -> None:
    def act_under_a_newer_name() -> None:
        rename(installation, people.user, "Newer")
        open_ticket(installation, people.user)

    come_in_between(monkeypatch, act_under_a_newer_name)
    assert open_ticket(installation, people.user)["author"]["name"] == "Newer"


def test_a_delayed_request_updates_the_language(installation: Installation, people: People) -> None:
    """The language comes from the request and not from the directory, so a delayed request updates it."""

    def act_under_another_name() -> None:
        rename(installation, people.user, "Newer")
        open_ticket(installation, people.user)

    with delayed(installation, act_under_another_name):
        headers = {"Accept-Language": "de"}
        installation.call("POST", TICKETS, people.user.access, headers=headers, json=dict(TICKET))
    row = tickets_execute(installation, sa.select(snapshot.c.name, snapshot.c.locale))
    assert row == [("Newer", "de")]


def test_an_equally_old_profile_replaces_a_different_snapshot(
    installation: Installation, people: People
) -> None:
    """A replica of the previous release stores names without the time of the profile."""
    open_ticket(installation, people.user)
    for stale in ({"name": "Of before"}, {"name": "Of before", "profile_updated_at": None}):
        tickets_execute(installation, snapshot.update().values(**stale))
        open_ticket(installation, people.user)
        assert names_of(installation, people.user) == [("User",)]


def test_a_restored_user_accepts_an_older_profile(installation: Installation, people: People) -> None:
    """A backup of the directory was restored: a user exists again with an older profile."""
    open_ticket(installation, people.user)
    them = uuid.UUID(people.user.id)
    with installation.tickets_engine.connect() as connection:
        connection.exec_driver_sql("BEGIN")
        repository.mark_deleted(connection, [them])
        (gone,) = repository.list_known_users(connection, after=uuid.UUID(int=0), count=1)
        repository.restore(connection, [gone])
        connection.commit()
    long_ago = users.update().where(users.c.id == them).values(updated_at=datetime(2020, 1, 1, tzinfo=UTC))
    installation.execute(long_ago)
    assert open_ticket(installation, people.user)["author"]["name"] == "User"
