"""Three auth processes over one MariaDB, shared by tests with separate accounts and sources."""

from collections.abc import AsyncIterator, Iterator

import pytest

from integration.harness.bulk_users import Member, enrol
from integration.rate_limiting.callers import Auths
from support.databases import DatabaseServer


@pytest.fixture(scope="package")
def shared_auths(mariadb_server: DatabaseServer, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Auths]:
    folder = tmp_path_factory.mktemp("throttling")
    with mariadb_server.create_database("throttling") as database, Auths(database, folder) as auths:
        yield auths


@pytest.fixture
async def auths(shared_auths: Auths) -> AsyncIterator[Auths]:
    yield shared_auths
    await shared_auths.close()


@pytest.fixture
def member(auths: Auths) -> Member:
    """A user without failed logins."""
    return enrol(auths.database.url, 1)[0]
