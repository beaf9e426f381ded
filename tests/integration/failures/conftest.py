"""A MariaDB that tests kill, freeze and overload, with both services running over it."""

from collections.abc import Iterator

import pytest

from integration.harness.deployment import FragileDeployment
from integration.harness.people import People
from support.mariadb import MariaDB, private_mariadb


@pytest.fixture(scope="session")
def fragile_server() -> Iterator[MariaDB]:
    with private_mariadb() as server:
        yield server


@pytest.fixture(scope="session")
def shared_deployment(
    fragile_server: MariaDB, tmp_path_factory: pytest.TempPathFactory
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
