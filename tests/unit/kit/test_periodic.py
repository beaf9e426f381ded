"""Work that is repeated: a failure is logged, and the next run comes after the pause of failures."""

from types import SimpleNamespace

import pytest
from structlog.testing import capture_logs

from doorward_kit import periodic


class Ended(BaseException):
    """Ends the loop, which goes on after every exception."""


@pytest.mark.parametrize(("retry", "pauses"), [(None, [60, 60, 60, 60]), (5, [5, 60, 5, 60])])
async def test_a_failure_is_logged_and_followed_by_another_run(
    monkeypatch: pytest.MonkeyPatch, retry: float | None, pauses: list[float]
) -> None:
    outcomes = iter([None, RuntimeError("no database"), None, Ended()])
    slept = []

    async def sleep(seconds: float) -> None:
        slept.append(seconds)

    async def work() -> None:
        outcome = next(outcomes)
        if outcome is not None:
            raise outcome

    # Not in asyncio itself, because background tasks of other tests may sleep, too.
    monkeypatch.setattr(periodic, "asyncio", SimpleNamespace(sleep=sleep))
    with capture_logs() as lines, pytest.raises(Ended):
        await periodic.repeat(work, interval=60, failed="index.failed", retry=retry)
    assert slept == pauses
    assert [(line["event"], line["error"]) for line in lines] == [
        ("index.failed", "RuntimeError('no database')")
    ]
