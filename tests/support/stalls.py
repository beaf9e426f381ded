"""The machine's own stalls: a test that failed while nothing here could run has no verdict yet.

Many tests hold promises in seconds against real servers. A virtual machine that is paused for a second
breaks all of them at once, and says nothing about any. So a thread that only sleeps watches the clock:
where a test failed and this thread was woken far too late meanwhile, everything is torn down and the test
is run once more, whose verdict counts. A defect fails both times. The summary names every such test.
"""

import threading
from collections.abc import Iterator
from time import monotonic, sleep  # by name: tests turn the clock of the module
from typing import Final

import pytest
from _pytest.runner import runtestprotocol

_SLEEP_SECONDS: Final = 0.02
_LATE_SECONDS: Final = 0.1
"""To be woken later than this is a stall; a busy machine makes it some hundredths."""

_VOID_SECONDS: Final = 0.25
"""So much stall in one test, and its failure does not count."""


class Witness:
    """Sleeps, and adds up by how much it is woken too late."""

    def __init__(self) -> None:
        self.count = 0
        self.seconds = 0.0
        self.longest = 0.0
        self._asleep_since = monotonic()

    def start(self) -> None:
        """Watch until the process ends."""
        threading.Thread(target=self._watch, name="stalls", daemon=True).start()

    def lost(self) -> float:
        """Return the seconds of all stalls so far, with one that this thread has not woken up from."""
        return self.seconds + _lateness(monotonic() - self._asleep_since)

    def _watch(self) -> None:
        while True:
            self._asleep_since = monotonic()
            sleep(_SLEEP_SECONDS)
            if late := _lateness(monotonic() - self._asleep_since):
                self.count += 1
                self.seconds += late
                self.longest = max(self.longest, late)


def _lateness(asleep: float) -> float:
    late = asleep - _SLEEP_SECONDS
    return late if late > _LATE_SECONDS else 0.0


_witness: Final = Witness()
_run_again: Final[list[str]] = []


def pytest_configure() -> None:
    """Begin to watch."""
    _witness.start()


@pytest.hookimpl(tryfirst=True)
def pytest_runtest_protocol(item: pytest.Item, nextitem: pytest.Item | None) -> bool | None:
    """Run a test, and once more where a stall voids its failure."""
    if item.nodeid.startswith("tests/cluster"):
        return None  # a cluster is disturbed in order, and its disturbances are measured
    item.ihook.pytest_runtest_logstart(nodeid=item.nodeid, location=item.location)
    before = _witness.lost()
    reports = runtestprotocol(item, nextitem=nextitem, log=False)
    lost = _witness.lost() - before
    if lost > _VOID_SECONDS and any(report.failed for report in reports):
        _run_again.append(f"{item.nodeid}: {lost:.1f} s of stall\n{_what_failed(reports)}")
        item.session._setupstate.teardown_exact(None)
        item._initrequest()  # type: ignore[attr-defined]  # as pytest does for each function that it collects
        reports = runtestprotocol(item, nextitem=nextitem, log=False)
    for report in reports:
        item.ihook.pytest_runtest_logreport(report=report)
    item.ihook.pytest_runtest_logfinish(nodeid=item.nodeid, location=item.location)
    return True


def _what_failed(reports: list[pytest.TestReport]) -> str:
    return "\n".join(report.longreprtext for report in reports if report.failed)


@pytest.hookimpl(wrapper=True)
def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> Iterator[None]:
    """Say what was seen, and which tests were run again."""
    yield
    if _witness.count:
        terminalreporter.write_line(
            f"This machine stood still {_witness.count} times, {_witness.seconds:.1f} s in all"
            f" and {_witness.longest:.1f} s at the longest."
        )
    for one in _run_again:
        terminalreporter.write_line(f"RUN AGAIN, for its first failure fell into a stall: {one}", yellow=True)
