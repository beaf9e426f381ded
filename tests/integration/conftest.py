"""Every test that asks for `installation` or `people` runs on SQLite and on a real MariaDB."""

from collections.abc import Iterator
from io import StringIO
from pathlib import Path

import pytest
import structlog

from doorward_identity.schema import PACKAGE
from doorward_kit import logging as doorward_logging
from doorward_kit.database import create_engine
from doorward_kit.migrations import migrate
from doorward_tickets.schema import PACKAGE as TICKETS_PACKAGE
from integration.harness.installation import Installation
from integration.harness.people import People, populate
from support.databases import DatabaseServer
from support.mariadb import database_server
from support.smtp import SmtpServer

BACKENDS = ("sqlite", "mariadb")


@pytest.fixture(scope="session")
def mariadb_server() -> Iterator[DatabaseServer]:
    """A private MariaDB, or the one of DOORWARD_TEST_DATABASE_URL."""
    with database_server() as server:
        yield server


@pytest.fixture
def smtp(tmp_path: Path) -> Iterator[SmtpServer]:
    """A mail server that takes everything, unless told otherwise."""
    with SmtpServer(tmp_path) as server:
        yield server


@pytest.fixture(scope="session", params=BACKENDS)
def empty_database_url(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[str]:
    """One database a backend for the whole session."""
    if request.param == "sqlite":
        yield f"sqlite:///{tmp_path_factory.mktemp('sqlite')}/doorward.db"
        return
    server: DatabaseServer = request.getfixturevalue("mariadb_server")
    with server.create_database("integration") as database:
        yield database.url


@pytest.fixture(scope="session")
def tickets_database_url(request: pytest.FixtureRequest, empty_database_url: str) -> Iterator[str]:
    """Another database of the same kind, migrated for tickets."""
    if empty_database_url.startswith("sqlite"):
        url = empty_database_url.replace("doorward.db", "tickets.db")
        migrate_all(url, TICKETS_PACKAGE)
        yield url
        return
    server: DatabaseServer = request.getfixturevalue("mariadb_server")
    with server.create_database("tickets") as database:
        migrate_all(database.url, TICKETS_PACKAGE)
        yield database.url


def migrate_all(url: str, package: str) -> None:
    engine = create_engine(url, pool_size=1, timeout=30)
    migrate(engine, package)
    engine.dispose()


@pytest.fixture(scope="session")
def shared_installation(empty_database_url: str, tickets_database_url: str) -> Iterator[Installation]:
    """Every service over its migrated database."""
    migrate_all(empty_database_url, PACKAGE)
    with Installation(empty_database_url, tickets_database_url) as installation:
        yield installation


@pytest.fixture
def installation(shared_installation: Installation) -> Installation:
    """Every service with nobody in the directory."""
    shared_installation.wipe()
    return shared_installation


@pytest.fixture
def people(installation: Installation) -> People:
    """Two administrators and two users, signed in, and nobody else."""
    return populate(installation)


@pytest.fixture
def is_mariadb(installation: Installation) -> bool:
    return installation.engine.dialect.name in {"mysql", "mariadb"}


@pytest.fixture
def rendered_log() -> Iterator[StringIO]:
    """Everything that is logged during the test, through the pipeline that production renders with."""
    sink = StringIO()
    structlog.configure(
        processors=[
            *doorward_logging._SHARED,
            structlog.processors.JSONRenderer(serializer=doorward_logging._render),
        ],
        logger_factory=structlog.PrintLoggerFactory(sink),
        cache_logger_on_first_use=False,
    )
    yield sink
    structlog.reset_defaults()
