"""Both services over a database of these tests' own, with the worker that writes mails to a folder."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from doorward_identity.schema import PACKAGE
from doorward_kit.database import create_engine
from doorward_kit.migrations import migrate
from integration.accounts.arena import Arena, in_one_process, in_processes
from integration.accounts.flows import CHOSEN, Flows, Joined
from integration.accounts.letters import Letters
from integration.harness.installation import Installation
from integration.harness.people import People
from support.databases import DatabaseServer


@pytest.fixture(scope="session", params=["sqlite", "mariadb"])
def accounts_url(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A database whose outbox nobody else looks at."""
    if request.param == "sqlite":
        yield f"sqlite:///{tmp_path_factory.mktemp('accounts')}/doorward.db"
        return
    server: DatabaseServer = request.getfixturevalue("mariadb_server")
    with server.create_database("accounts") as database:
        yield database.url


@pytest.fixture(scope="session")
def mailbox_dir(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("mailbox")


@pytest.fixture(scope="session")
def shared_installation(accounts_url: str, mailbox_dir: Path) -> Iterator[Installation]:
    """Both services over the migrated database, and mail that arrives."""
    engine = create_engine(accounts_url, pool_size=1, timeout=30)
    migrate(engine, PACKAGE)
    engine.dispose()
    with Installation(
        accounts_url, mailbox_dir=mailbox_dir, mailbox_size=10_000, mail_poll_seconds=0.05
    ) as installation:
        yield installation


@pytest.fixture
def letters(shared_installation: Installation, mailbox_dir: Path) -> Letters:
    """The folder of mails, empty at first."""
    letters = Letters(shared_installation.execute, mailbox_dir)
    letters.empty()
    return letters


@pytest.fixture
def installation(shared_installation: Installation, letters: Letters) -> Installation:  # noqa: ARG001 - emptied first: its worker writes to the rows that go
    """Both services with nobody in the directory."""
    shared_installation.wipe()
    return shared_installation


@pytest.fixture
def flows(installation: Installation, letters: Letters) -> Flows:
    return Flows(installation, letters)


@pytest.fixture
def ada(flows: Flows, people: People) -> Joined:  # noqa: ARG001 - they come first: making them empties the directory
    """Somebody who has joined, beside the people that there are, with no mail left over."""
    joined = flows.join("ada@example.com", CHOSEN, "Ada Lovelace")
    flows.letters.empty()
    return joined


@pytest.fixture(scope="session", params=["sqlite", "mariadb"])
def arena(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Arena]:
    """Where people race: nobody's leftovers are in another's way, every one has addresses of their own."""
    folder = tmp_path_factory.mktemp("arena")
    if request.param == "sqlite":
        with in_one_process(folder) as arena:
            yield arena
        return
    server: DatabaseServer = request.getfixturevalue("mariadb_server")
    with server.create_database("arena") as database, in_processes(database, folder) as arena:
        yield arena
