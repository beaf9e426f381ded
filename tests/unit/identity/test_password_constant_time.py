"""Rejections take the same time for every hash format."""

from types import SimpleNamespace

import bcrypt
import pytest

from doorward_identity.passwords import PasswordHashing, constant_time
from doorward_identity.passwords.constant_time import FailureTimingEqualizer
from doorward_identity.settings import Argon2Settings
from doorward_kit.metrics import Metrics
from support.hashing import UNCHARGED


class Waits:
    """Replaces asyncio.sleep and records the requested seconds."""

    def __init__(self) -> None:
        self.seconds: list[float] = []

    async def __call__(self, seconds: float) -> None:
        self.seconds.append(seconds)


@pytest.fixture
def waits(monkeypatch: pytest.MonkeyPatch) -> Waits:
    waits = Waits()
    # In the module alone: other threads of the tests sleep as well.
    monkeypatch.setattr(constant_time, "asyncio", SimpleNamespace(sleep=waits))
    return waits


async def test_every_rejection_takes_as_long_as_the_slowest_foreign_hash(waits: Waits) -> None:
    rejections = FailureTimingEqualizer(clock=lambda: 0.0)
    for spent in (0.0, 0.25, 0.0, 0.125, 0.5, 0.25, 0.0):
        await rejections.wait(spent)
    assert waits.seconds == [0.0, 0.0, 0.25, 0.125, 0.0, 0.25, 0.5]


async def test_a_foreign_hash_is_forgotten_after_an_hour(waits: Waits) -> None:
    now = 0.0
    rejections = FailureTimingEqualizer(clock=lambda: now)
    await rejections.wait(0.25)
    now = 3600.0
    await rejections.wait(0.0)
    now = 3601.0
    await rejections.wait(0.0)
    assert waits.seconds == [0.0, 0.25, 0.0]


async def test_the_delay_is_at_most_two_seconds(waits: Waits) -> None:
    rejections = FailureTimingEqualizer(clock=lambda: 0.0)
    await rejections.wait(60.0)
    await rejections.wait(0.0)
    assert waits.seconds == [0.0, 2.0]


async def test_a_rejection_for_an_unknown_account_takes_as_long_as_a_foreign_hash(waits: Waits) -> None:
    cheap = {"argon2_memory_kib": 8, "argon2_time_cost": 1, "hash_threads": 1}
    hashing = PasswordHashing(Argon2Settings.model_validate(cheap), Metrics())
    ours = await hashing.hash("correct horse", UNCHARGED)
    foreign = bcrypt.hashpw(b"correct horse", bcrypt.gensalt(6)).decode()
    for stored in (None, ours, "damaged"):
        assert not await hashing.verify(stored, "wrong", UNCHARGED)
    assert set(waits.seconds) == {0.0}
    assert not await hashing.verify(foreign, "wrong", UNCHARGED)
    waits.seconds.clear()
    for stored in (None, ours, "damaged"):
        assert not await hashing.verify(stored, "wrong", UNCHARGED)
    assert len(waits.seconds) == 3
    assert waits.seconds[0] > 0
    assert len(set(waits.seconds)) == 1
    waits.seconds.clear()
    assert await hashing.verify(ours, "correct horse", UNCHARGED)
    assert await hashing.verify(foreign, "correct horse", UNCHARGED)
    assert waits.seconds == []
    hashing.shutdown()
