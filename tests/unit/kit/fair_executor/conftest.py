"""A clock that tests set, and an occupied executor."""

from types import SimpleNamespace

import pytest

from doorward_kit import fair_executor
from unit.kit.fair_executor.busy import Busy


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> SimpleNamespace:
    clock = SimpleNamespace(now=1_000.0)
    monkeypatch.setattr(fair_executor, "time", SimpleNamespace(monotonic=lambda: clock.now))
    return clock


@pytest.fixture
async def busy(clock: SimpleNamespace) -> Busy:
    busy = Busy(clock)
    await busy.occupy()
    return busy
