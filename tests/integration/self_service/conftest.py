"""Both services over a separate database, with a mail worker that writes to a folder."""

import functools
from collections.abc import Callable, Iterator
from contextlib import ExitStack

import pytest

from integration.harness.databases import NewDatabase
from integration.harness.installation import Installation
from integration.harness.people import People
from integration.self_service.flows import CHOSEN, Flows, Joined
from integration.self_service.mailbox import Mailbox
from integration.self_service.mailing import Mailing, mailings
from integration.self_service.race_setup import RaceSetup, in_one_process, in_processes
from support.databases import DatabaseServer
from support.reaper import temporary_folder


@pytest.fixture(scope="session")
def mailing_installations(new_database: NewDatabase) -> Iterator[Callable[[str], Mailing]]:
    """Auth and users over databases of their own."""
    with mailings(new_database, "accounts") as mailing_on:
        yield mailing_on


@pytest.fixture
def mailing(mailing_installations: Callable[[str], Mailing], backend: str) -> Mailing:
    return mailing_installations(backend)


@pytest.fixture
def mailbox(mailing: Mailing) -> Mailbox:
    """The mail folder, emptied."""
    return mailing.emptied()


@pytest.fixture
def shared_installation(mailing: Mailing, mailbox: Mailbox) -> Installation:  # noqa: ARG001 - emptied first: its worker writes to the rows that go
    """Both services, with what the test before has left."""
    return mailing.installation


@pytest.fixture
def flows(installation: Installation, mailbox: Mailbox) -> Flows:
    return Flows(installation, mailbox)


@pytest.fixture
def ada(flows: Flows, people: People) -> Joined:  # noqa: ARG001 - they come first: making them empties the directory
    """A user who has joined, in addition to `people`, with an empty mailbox."""
    joined = flows.join("ada@example.com", CHOSEN, "Ada Lovelace")
    flows.mailbox.empty()
    return joined


@pytest.fixture(scope="session")
def race_setups(
    new_database: NewDatabase, start_mariadb: Callable[[], DatabaseServer]
) -> Iterator[Callable[[str], RaceSetup]]:
    """A setup for races, without leftovers: every race uses its own addresses."""
    with ExitStack() as stack:

        @functools.cache
        def race_setup_on(backend: str) -> RaceSetup:
            folder = stack.enter_context(temporary_folder(in_memory=True))
            if backend == "sqlite":
                return stack.enter_context(in_one_process(new_database(backend, "race_setup"), folder))
            database = stack.enter_context(start_mariadb().create_database("race_setup"))
            return stack.enter_context(in_processes(database, folder))

        yield race_setup_on


@pytest.fixture
def race_setup(race_setups: Callable[[str], RaceSetup], backend: str) -> RaceSetup:
    return race_setups(backend)
