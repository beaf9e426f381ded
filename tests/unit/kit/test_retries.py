"""During an outage of the mail server all mail waits; after a pause one trial is sent."""

import time

import pytest

from doorward_kit.retries import LONGEST_PAUSE_SECONDS, CircuitBreaker


class Clock:
    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.now = 1000.0
        monkeypatch.setattr(time, "monotonic", lambda: self.now)


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    return Clock(monkeypatch)


def test_a_new_circuit_breaker_is_closed(clock: Clock) -> None:
    assert clock.now
    assert (CircuitBreaker().permits(4), CircuitBreaker().remaining_pause()) == (4, 0.0)


def test_after_a_failure_and_a_pause_one_trial_is_permitted(clock: Clock) -> None:
    breaker = CircuitBreaker()
    pause = breaker.record_failure()
    assert 0.5 <= pause <= 1.0
    assert (breaker.permits(4), breaker.remaining_pause()) == (0, pause)
    clock.now += pause + 0.01
    assert breaker.permits(4) == 1
    breaker.record_success()
    assert breaker.permits(4) == 4


def test_parallel_failures_count_as_one(clock: Clock) -> None:
    breaker = CircuitBreaker()
    first = breaker.record_failure()
    clock.now += 0.1
    assert breaker.record_failure() == pytest.approx(first - 0.1)


def test_each_pause_is_longer_up_to_a_bound(clock: Clock) -> None:
    breaker = CircuitBreaker()
    for failure in range(40):
        pause = breaker.record_failure()
        longest = min(LONGEST_PAUSE_SECONDS, 2.0**failure)
        assert longest / 2 <= pause <= longest
        clock.now += pause + 0.01
