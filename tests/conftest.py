"""For every test: asynchronous ones run on asyncio, the loop that the services run on."""

import gc
import signal
from typing import Any

import pytest

from support.scheduling import ByServers

# A shell that starts the tests in the background ignores Ctrl-C for them, and processes inherit that: those
# that tests stop with it would go on.
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)


@pytest.fixture(scope="session")
def anyio_backend() -> str:
    return "asyncio"


def pytest_collection_finish() -> None:
    """Leave thousands of tests out of garbage collection, whose pauses would be theirs."""
    gc.collect()
    gc.freeze()


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> ByServers | None:
    """With `--dist loadfile`, keep the tests together that share servers."""
    return ByServers(config, log) if config.getvalue("dist") == "loadfile" else None
