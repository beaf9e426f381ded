"""Two auth processes and one users process over one MariaDB."""

from collections.abc import AsyncIterator, Iterator

import pytest

from integration.harness.replicas import Replicas
from integration.harness.rotations import RotationCounter
from support.databases import DatabaseServer


@pytest.fixture(scope="session")
def shared_replicas(
    mariadb_server: DatabaseServer, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Replicas]:
    folder = tmp_path_factory.mktemp("replicas")
    # How soon news arrive is for other tests: here nobody should wait for them.
    often = {"DOORWARD_REVOCATION_POLL_SECONDS": "0.2"}
    with (
        mariadb_server.create_database("replicas") as database,
        Replicas(database, folder, **often) as replicas,
    ):
        yield replicas


@pytest.fixture
async def replicas(shared_replicas: Replicas) -> AsyncIterator[Replicas]:
    yield shared_replicas
    await shared_replicas.close()


@pytest.fixture(scope="session")
def rotations(shared_replicas: Replicas) -> RotationCounter:
    return RotationCounter(shared_replicas.database)
