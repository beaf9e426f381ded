"""For every test: asynchronous ones run on Python's asyncio; those of names on the loop of the services."""

import gc
import signal
from collections.abc import Generator, Iterator
from typing import Any

import pytest
import structlog

from support.requirements import external_database_url, is_ci
from support.scheduling import ByServers

# A shell that starts the tests in the background ignores Ctrl-C for them, and processes inherit that: those
# that tests stop with it would go on.
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)


@pytest.fixture(scope="session")
def anyio_backend() -> str:
    return "asyncio"


@pytest.fixture(autouse=True)
def _loggers_stay_unconfigured() -> Iterator[None]:
    """Fail a test that configures logging as a process does: loggers keep that for all tests after it."""
    before = structlog.get_config()["cache_logger_on_first_use"]
    yield
    assert structlog.get_config()["cache_logger_on_first_use"] == before


def pytest_collection_finish() -> None:
    """Leave thousands of tests out of garbage collection, whose pauses would be theirs.

    And collect as seldom as a server does (doorward_kit.server): with Python's own thresholds a tenth of the
    time of all tests went into collections.
    """
    gc.collect()
    gc.freeze()
    gc.set_threshold(20_000, 20, 50)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Under CI a skip is a failure, but for what a platform or the given database server cannot do."""
    report = yield
    is_allowed = item.get_closest_marker("skipif") or external_database_url() or hasattr(report, "wasxfail")
    if report.skipped and is_ci() and not is_allowed and not item.nodeid.startswith("tests/cluster/"):
        report.outcome = "failed"
        report.longrepr = f"a skip under CI: {report.longrepr}"
    return report


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> ByServers | None:
    """With `--dist loadfile`, keep the tests together that share servers."""
    return ByServers(config, log) if config.getvalue("dist") == "loadfile" else None
