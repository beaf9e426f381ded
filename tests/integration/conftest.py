"""Every test with the fixture `installation` or `people` runs on SQLite and on a real MariaDB."""

import functools
import pkgutil
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from io import StringIO

import pytest
import structlog

from doorward_identity.schema import PACKAGE
from doorward_kit import logging as doorward_logging
from doorward_tickets.schema import PACKAGE as TICKETS_PACKAGE
from integration.harness import contents
from integration.harness.compiled_templates import CompiledTemplates
from integration.harness.databases import NewDatabase, migrate_all
from integration.harness.installation import Installation
from integration.harness.people import People, populate
from support.databases import DatabaseServer
from support.reaper import temporary_folder
from support.servers import database_server
from support.smtp import SmtpServer

BACKENDS = ("sqlite", "mariadb")


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Run a test on each database, or on those that its mark names."""
    if "backend" in metafunc.fixturenames:
        mark = metafunc.definition.get_closest_marker("databases")
        metafunc.parametrize("backend", mark.args if mark else BACKENDS)


@pytest.fixture(scope="session", autouse=True)
def _cleanup_runs_when_a_test_says_so() -> Iterator[None]:
    """In this process; otherwise it deletes rows, and locks them, while a test counts them."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("doorward_kit.cleanup.INTERVAL_SECONDS", 3600.0)
        patch.setattr("doorward_tickets.numbers.task.INTERVAL_SECONDS", 3600.0)
        patch.setattr("doorward_tickets.search_index.task.INTERVAL_SECONDS", 3600.0)
        patch.setattr("doorward_users.directory.index_task.DELAY_SECONDS", 3600.0)
        yield


@pytest.fixture(scope="session", autouse=True)
def _pictures_wait_for_a_slow_machine() -> Iterator[None]:
    """In this process: another worker's load is no overload."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("doorward_identity.avatars.rendering.renderer.QUEUE_SECONDS", 60.0)
        patch.setattr("doorward_identity.avatars.rendering.renderer.DECODER_SECONDS", 120.0)
        yield


@pytest.fixture(scope="session", autouse=True)
def _event_streams_end_at_once() -> Iterator[None]:
    """In this process: see harness.installation."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("doorward_auth.events.service.CHECK_SECONDS", 0.02)
        yield


@pytest.fixture(scope="session", autouse=True)
def _templates_are_compiled_once() -> Iterator[None]:
    """In this process, not by each of the services that tests start in it: two thirds of such a start."""
    with pytest.MonkeyPatch.context() as patch:
        for environment in (
            "doorward_mail.content.templates.ImmutableSandboxedEnvironment",
            "doorward_ui.pages.Environment",
        ):
            kept = functools.partial(pkgutil.resolve_name(environment), bytecode_cache=CompiledTemplates())
            patch.setattr(environment, kept)
        yield


@pytest.fixture(scope="session")
def start_mariadb() -> Iterator[Callable[[], DatabaseServer]]:
    """A private server without disk writes, or the one of DOORWARD_TEST_DATABASE_URL."""
    with ExitStack() as stack:
        yield functools.cache(lambda: stack.enter_context(database_server(durable=False)))


@pytest.fixture(scope="session")
def mariadb_server(start_mariadb: Callable[[], DatabaseServer]) -> DatabaseServer:
    return start_mariadb()


@pytest.fixture(scope="session")
def new_database(start_mariadb: Callable[[], DatabaseServer]) -> Iterator[NewDatabase]:
    """Create databases that exist until the end of the session."""
    with ExitStack() as stack:

        def create(backend: str, label: str) -> str:
            if backend == "sqlite":
                folder = stack.enter_context(temporary_folder(in_memory=True))
                return f"sqlite:///{folder}/{label}.db"
            return stack.enter_context(start_mariadb().create_database(label)).url

        yield create


@pytest.fixture(scope="session")
def shared_smtp(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SmtpServer]:
    with SmtpServer(tmp_path_factory.mktemp("smtp")) as server:
        yield server


@pytest.fixture
def smtp(shared_smtp: SmtpServer) -> SmtpServer:
    """A mail server that accepts all mail by default."""
    shared_smtp.reset()
    return shared_smtp


@pytest.fixture(scope="session")
def installations(new_database: NewDatabase) -> Iterator[Callable[[str], Installation]]:
    """Every service over migrated databases of a backend, which run until the session's end."""
    with ExitStack() as stack:

        @functools.cache
        def installation_on(backend: str) -> Installation:
            identity, tickets = new_database(backend, "integration"), new_database(backend, "tickets")
            for url, package in ((identity, PACKAGE), (tickets, TICKETS_PACKAGE)):
                migrate_all(url, package)
                contents.watch(url)
            return stack.enter_context(Installation(identity, tickets))

        yield installation_on


@pytest.fixture
def shared_installation(installations: Callable[[str], Installation], backend: str) -> Installation:
    """Every service, with the data of the previous test."""
    return installations(backend)


@pytest.fixture
def installation(request: pytest.FixtureRequest, shared_installation: Installation) -> Installation:
    """Every service with an empty directory, or with `people` if a test uses them."""
    if "people" not in request.fixturenames:
        shared_installation.wipe()
    return shared_installation


@pytest.fixture
def people(installation: Installation) -> People:
    """Exactly two administrators and two users, signed in."""
    return populate(installation)


@pytest.fixture
def is_mariadb(installation: Installation) -> bool:
    return installation.engine.dialect.name in {"mysql", "mariadb"}


@pytest.fixture
def rendered_log() -> Iterator[StringIO]:
    """The log output of the test, rendered as in production."""
    sink = StringIO()
    structlog.configure(
        processors=[doorward_logging._complete, doorward_logging._render_text],
        logger_factory=structlog.PrintLoggerFactory(sink),
        cache_logger_on_first_use=False,
    )
    yield sink
    structlog.reset_defaults()
