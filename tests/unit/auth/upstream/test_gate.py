"""A provider gets as many requests as it can take: breaker, bucket, pause, room."""

from contextlib import ExitStack

from doorward_auth.upstream.grants.gate import MAX_CONCURRENT, ProviderGate, TokenBucket
from doorward_auth.upstream.grants.schedule import RefreshPolicy


class Clock:
    def __init__(self) -> None:
        self.now = 1_000.0

    def __call__(self) -> float:
        return self.now


def test_a_bucket_allows_its_rate_and_one_second_of_it_at_once() -> None:
    clock = Clock()
    bucket = TokenBucket(10, clock=clock)
    assert bucket.available() == 10
    for _ in range(10):
        bucket.take()
    assert bucket.available() == 0
    assert bucket.wait() == 0.1
    clock.now += 0.25
    assert bucket.available() == 2
    clock.now += 3_600
    assert bucket.available() == 10


def test_a_slow_bucket_allows_one_at_a_time() -> None:
    clock = Clock()
    bucket = TokenBucket(0.5, clock=clock)
    bucket.take()
    assert (bucket.available(), bucket.wait()) == (0, 2.0)


def test_a_gate_has_room_for_a_number_of_requests() -> None:
    gate = ProviderGate(1_000)
    assert gate.permits(4) == 4
    with ExitStack() as sent:
        for _ in range(MAX_CONCURRENT - 1):
            sent.enter_context(gate.request())
        assert gate.permits(4) == 1
        sent.enter_context(gate.request())
        assert gate.permits(4) == 0
    assert gate.permits(4) == 4


def test_an_operator_may_allow_fewer_at_once() -> None:
    gate = RefreshPolicy(requests_per_second=1_000, max_concurrent=2).new_gate()
    with gate.request():
        assert gate.permits(4) == 1


def test_reserved_capacity_is_not_given_to_others() -> None:
    gate = ProviderGate(10)
    with gate.expecting(8):
        assert gate.permits(4) == 2
        with gate.request():
            assert gate.permits(4) == 1
    assert gate.permits(4) == 4
    gate.record_failure()
    gate._breaker._resume_at = 0.0  # as a second later
    with gate.expecting():
        assert gate.permits(1) == 0, "one on trial"


def test_after_a_failure_one_request_at_a_time_tries() -> None:
    gate = ProviderGate(1_000)
    assert gate.record_failure() > 0
    assert gate.permits(4) == 0
    assert 0 < gate.remaining_pause() <= 1
    gate._breaker._resume_at = 0.0  # as a second later
    assert gate.permits(4) == 1
    with gate.request():
        assert gate.permits(4) == 0, "the one on trial is under way"
    gate.record_answer()
    assert gate.permits(4) == 4


def test_a_throttled_provider_gets_nothing_for_a_minute_at_most() -> None:
    clock = Clock()
    gate = ProviderGate(1_000, clock=clock)
    gate.pause(5)
    assert (gate.permits(4), gate.remaining_pause()) == (0, 5)
    gate.pause(3_600)
    assert gate.remaining_pause() == 60
    gate.pause(1)
    assert gate.remaining_pause() == 60, "a shorter pause does not end a longer one"
    clock.now += 60
    assert gate.permits(4) == 4


def test_the_bucket_limits_every_sender() -> None:
    clock = Clock()
    gate = ProviderGate(3, clock=clock)
    for _ in range(2):
        with gate.request():
            pass
    assert gate.permits(4) == 1
    with gate.request():
        pass
    assert gate.permits(4) == 0
    assert gate.remaining_pause() > 0
