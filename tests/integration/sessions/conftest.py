"""Two auth processes and one users process over one MariaDB."""

from collections.abc import AsyncIterator, Iterator
from typing import Final

import pytest

from integration.harness.replicas import Replicas, replicas_on
from integration.harness.rotations import RotationCounter
from support.databases import DatabaseServer

# Other tests check the delay of revocations; short polls keep these tests fast.
OFTEN: Final = {"DOORWARD_REVOCATION_POLL_SECONDS": "0.2"}


@pytest.fixture(scope="package")
def shared_replicas(
    mariadb_server: DatabaseServer, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Replicas]:
    with replicas_on(mariadb_server, "replicas", tmp_path_factory.mktemp("replicas"), **OFTEN) as replicas:
        yield replicas


@pytest.fixture
async def replicas(shared_replicas: Replicas) -> AsyncIterator[Replicas]:
    yield shared_replicas
    await shared_replicas.close()


@pytest.fixture(scope="package")
def rotations(shared_replicas: Replicas) -> RotationCounter:
    return RotationCounter(shared_replicas.database)
