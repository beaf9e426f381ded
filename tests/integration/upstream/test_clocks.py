"""A process whose clock is five minutes wrong: every time of a grant is the database's."""

import time
from collections.abc import Callable, Iterator
from pathlib import Path

import orjson
import pytest

from doorward_auth.upstream.grants.service import AnswerStatus
from doorward_auth.vault.rotation import with_key
from doorward_kit.key_rotation import write_key_set
from integration.upstream.grant_setup import GrantSetup
from integration.upstream.rotating_upstream import DirectAdapter, RotatingUpstream

BUDGET = 30.0


@pytest.fixture(params=[-300.0, 300.0])
def skewed(
    request: pytest.FixtureRequest,
    grant_setup: GrantSetup,
    keys: Path,
    adapter: DirectAdapter,
    monkeypatch: pytest.MonkeyPatch,
) -> Iterator[GrantSetup]:
    """Another process over the same database, with a wrong clock."""
    right: Callable[[], float] = time.time
    monkeypatch.setattr(time, "time", lambda: right() + request.param)
    skewed = GrantSetup(grant_setup.url, keys, adapter)
    skewed.grants.keys._clock = time.time
    yield skewed
    skewed.close()


def add_key(keys: Path, *, activate_at: int) -> None:
    write_key_set(keys, with_key(orjson.loads(keys.read_bytes()), activate_at=activate_at))


async def test_a_wrong_clock_neither_hastens_nor_delays_a_refresh(
    grant_setup: GrantSetup, skewed: GrantSetup, upstream: RotatingUpstream
) -> None:
    valid = grant_setup.store(upstream.issue(expires_in=400), grant_setup.open_session())
    expired = grant_setup.store(upstream.issue(), grant_setup.open_session())
    grant_setup.expire(expired)
    answer = await skewed.ensure_fresh(valid, budget=BUDGET)
    assert (answer.status, upstream.requests) == (AnswerStatus.FRESH, [])
    assert answer.expires_in is not None
    assert 100 < answer.expires_in <= 400, "five minutes more or less are outside"
    answer = await skewed.ensure_fresh(expired, budget=BUDGET)
    assert (answer.status, len(upstream.requests)) == (AnswerStatus.FRESH, 1)
    again = await grant_setup.ensure_fresh(expired, budget=BUDGET)
    assert (again.access_token, len(upstream.requests)) == (answer.access_token, 1)
    row = grant_setup.row(expired)
    assert row.access_expires_at is not None
    assert row.due_at is not None
    assert 3_300 < (row.access_expires_at - row.now).total_seconds() <= 3_600
    assert row.now < row.due_at < row.access_expires_at


async def test_what_a_wrong_clock_seals_too_early_every_process_can_open(
    grant_setup: GrantSetup, skewed: GrantSetup, upstream: RotatingUpstream, keys: Path
) -> None:
    """A process ahead uses the next key before the others do, and they have it."""
    add_key(keys, activate_at=int(skewed.grants.keys._clock()))
    grant = grant_setup.store(upstream.issue(), grant_setup.open_session())
    grant_setup.expire(grant)
    for process in (skewed, grant_setup):
        process.grants.keys.check()
    answer = await skewed.ensure_fresh(grant, budget=BUDGET)
    assert (await grant_setup.ensure_fresh(grant, budget=BUDGET)).access_token == answer.access_token
