"""Both services over a database of these tests' own, with the worker that writes mails to a folder."""

import functools
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

import pytest

from doorward_identity.schema import PACKAGE
from integration.accounts.arena import Arena, in_one_process, in_processes
from integration.accounts.flows import CHOSEN, Flows, Joined
from integration.accounts.letters import Letters
from integration.harness import contents
from integration.harness.databases import NewDatabase, migrate_all
from integration.harness.installation import Installation
from integration.harness.people import People
from support.databases import DatabaseServer
from support.reaper import temporary_folder


@dataclass(frozen=True)
class Mailing:
    """An installation whose mail arrives in a folder."""

    installation: Installation
    mailbox_dir: Path


@pytest.fixture(scope="session")
def mailing_installations(new_database: NewDatabase) -> Iterator[Callable[[str], Mailing]]:
    """Auth and users over databases whose outbox nobody else looks at."""
    with ExitStack() as stack:

        @functools.cache
        def mailing_on(backend: str) -> Mailing:
            url = new_database(backend, "accounts")
            mailbox = stack.enter_context(temporary_folder(in_memory=True))
            migrate_all(url, PACKAGE)
            contents.watch(url)
            settings = {"mailbox_dir": mailbox, "mailbox_size": 10_000, "mail_poll_seconds": 0.05}
            return Mailing(stack.enter_context(Installation(url, **settings)), mailbox)

        yield mailing_on


@pytest.fixture
def mailing(mailing_installations: Callable[[str], Mailing], backend: str) -> Mailing:
    return mailing_installations(backend)


@pytest.fixture
def letters(mailing: Mailing) -> Letters:
    """The folder of mails, empty at first."""
    letters = Letters(mailing.installation.execute, mailing.mailbox_dir)
    letters.empty()
    return letters


@pytest.fixture
def shared_installation(mailing: Mailing, letters: Letters) -> Installation:  # noqa: ARG001 - emptied first: its worker writes to the rows that go
    """Both services, with what the test before has left."""
    return mailing.installation


@pytest.fixture
def flows(installation: Installation, letters: Letters) -> Flows:
    return Flows(installation, letters)


@pytest.fixture
def ada(flows: Flows, people: People) -> Joined:  # noqa: ARG001 - they come first: making them empties the directory
    """Somebody who has joined, beside the people that there are, with no mail left over."""
    joined = flows.join("ada@example.com", CHOSEN, "Ada Lovelace")
    flows.letters.empty()
    return joined


@pytest.fixture(scope="session")
def arenas(
    new_database: NewDatabase, start_mariadb: Callable[[], DatabaseServer]
) -> Iterator[Callable[[str], Arena]]:
    """Where people race: nobody's leftovers are in another's way, every one has addresses of their own."""
    with ExitStack() as stack:

        @functools.cache
        def arena_on(backend: str) -> Arena:
            folder = stack.enter_context(temporary_folder(in_memory=True))
            if backend == "sqlite":
                return stack.enter_context(in_one_process(new_database(backend, "arena"), folder))
            database = stack.enter_context(start_mariadb().create_database("arena"))
            return stack.enter_context(in_processes(database, folder))

        yield arena_on


@pytest.fixture
def arena(arenas: Callable[[str], Arena], backend: str) -> Arena:
    return arenas(backend)
