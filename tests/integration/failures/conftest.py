"""A database server that tests kill, freeze and overload, with both services running over it."""

from collections.abc import Iterator

import pytest

from integration.harness.deployment import FragileDeployment
from integration.harness.people import People
from support.private_server import PrivateServer
from support.servers import private_server


@pytest.fixture(scope="package")
def fragile_server() -> Iterator[PrivateServer]:
    with private_server() as server:
        yield server


@pytest.fixture(scope="package")
def shared_deployment(
    fragile_server: PrivateServer, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[FragileDeployment]:
    with fragile_server.create_database("failures") as database:
        folder = tmp_path_factory.mktemp("failures")
        with FragileDeployment(fragile_server, database, folder) as deployment:
            yield deployment


@pytest.fixture
def deployment(shared_deployment: FragileDeployment) -> Iterator[FragileDeployment]:
    """Both services ready over a working database; restored after the test."""
    shared_deployment.restore()
    yield shared_deployment
    shared_deployment.restore()


@pytest.fixture
def people(deployment: FragileDeployment) -> People:
    return deployment.people()
