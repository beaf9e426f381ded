"""One cluster for all tests, and a database in it for each."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from doorward_identity.schema import PACKAGE
from doorward_tickets.schema import PACKAGE as TICKETS_PACKAGE
from galera.cluster import Cluster, running_cluster
from galera.spread import Spread
from integration.harness.databases import migrate_all
from support.databases import Database
from support.smtp import SmtpServer


@pytest.fixture(scope="session")
def shared_cluster() -> Iterator[Cluster]:
    with running_cluster() as cluster:
        yield cluster


@pytest.fixture
def cluster(shared_cluster: Cluster) -> Cluster:
    """The three nodes, all of them synchronized."""
    shared_cluster.wait_until_whole()
    return shared_cluster


@pytest.fixture(scope="session")
def database(shared_cluster: Cluster) -> Iterator[Database]:
    with shared_cluster[1].create_database("galera") as database:
        migrate_all(database.url, PACKAGE)
        yield database


@pytest.fixture(scope="session")
def tickets_database(shared_cluster: Cluster) -> Iterator[Database]:
    with shared_cluster[1].create_database("tickets") as database:
        migrate_all(database.url, TICKETS_PACKAGE)
        yield database


@pytest.fixture(scope="session")
def spread(
    shared_cluster: Cluster,
    database: Database,
    tickets_database: Database,
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[Spread]:
    """The services with each process on another node: what a Service over all nodes does."""
    folder: Path = tmp_path_factory.mktemp("spread")
    with (
        SmtpServer(folder) as smtp,
        Spread(shared_cluster, database, tickets_database, smtp, folder) as spread,
    ):
        yield spread
