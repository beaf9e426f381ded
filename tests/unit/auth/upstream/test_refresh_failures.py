"""What a failed refresh means: the column "refresh" of the failure table, as one pure function."""

import pytest

from doorward_auth.upstream.grants.metrics import RefreshOutcome
from doorward_auth.upstream.grants.models import EndReason
from doorward_auth.upstream.grants.refresh_failure import RefreshFailure, evaluate_failure
from doorward_auth.upstream_adapters.base import (
    AlreadyTakenError,
    Arrival,
    FailedError,
    InvalidGrantError,
    MalformedAnswerError,
    MisconfiguredError,
    ThrottledError,
    UnreachableError,
    UpstreamError,
    ValuesRejectedError,
    WrongPasswordError,
)


def evaluated(
    error: UpstreamError, *, attempts: int = 1, was_uncertain: bool = False, can_reuse: bool = False
) -> RefreshFailure:
    return evaluate_failure(error, attempts=attempts, was_uncertain=was_uncertain, can_reuse=can_reuse)


EVERY_ERROR = [
    WrongPasswordError(status=401),
    AlreadyTakenError("email", status=409),
    ValuesRejectedError(status=400),
    InvalidGrantError(status=400),
    MisconfiguredError(status=401),
    ThrottledError(7, status=429),
    ThrottledError(None, status=429),
    UnreachableError(Arrival.NOT_SENT),
    UnreachableError(Arrival.UNKNOWN),
    FailedError(status=500),
    MalformedAnswerError(status=200),
]


@pytest.mark.parametrize("error", EVERY_ERROR, ids=lambda error: f"{type(error).__name__} {error.status}")
@pytest.mark.parametrize("was_uncertain", [False, True])
def test_invalid_grant_alone_ends_a_grant(error: UpstreamError, *, was_uncertain: bool) -> None:
    for attempts in (1, 2, 1_000):
        failure = evaluated(error, attempts=attempts, was_uncertain=was_uncertain)
        assert (failure.ends is not None) == isinstance(error, InvalidGrantError)
        assert failure.ends is not None or failure.retry_in > 0


@pytest.mark.parametrize(
    ("was_uncertain", "can_reuse", "reason"),
    [
        (False, False, EndReason.INVALID_GRANT),
        (True, False, EndReason.LOST),
        (True, True, EndReason.INVALID_GRANT),
    ],
)
def test_after_a_lost_answer_invalid_grant_means_that_the_answer_had_the_next_token(
    *, was_uncertain: bool, can_reuse: bool, reason: EndReason
) -> None:
    failure = evaluated(InvalidGrantError(status=400), was_uncertain=was_uncertain, can_reuse=can_reuse)
    assert failure.ends is reason
    assert failure.provider_works


@pytest.mark.parametrize(
    "error", [UnreachableError(Arrival.UNKNOWN), MalformedAnswerError(status=200)], ids=["late", "garbage"]
)
def test_a_request_that_may_have_acted_makes_a_grant_uncertain_unless_tokens_can_be_reused(
    error: UpstreamError,
) -> None:
    assert evaluated(error).is_uncertain
    assert not evaluated(error, can_reuse=True).is_uncertain


@pytest.mark.parametrize("error", [FailedError(status=500), UnreachableError(Arrival.NOT_SENT)])
def test_a_request_that_did_not_act_leaves_a_grant_as_it_is(error: UpstreamError) -> None:
    assert not evaluated(error).is_uncertain


@pytest.mark.parametrize(
    "error", [MisconfiguredError(status=403), UnreachableError(Arrival.NOT_SENT)], ids=["ours", "away"]
)
def test_a_failure_of_the_provider_is_no_attempt_of_the_grant(error: UpstreamError) -> None:
    failure = evaluated(error, attempts=9)
    assert not failure.counts_attempt
    assert not failure.provider_works
    assert failure.retry_in <= 5


@pytest.mark.parametrize(
    ("retry_after", "expected"), [(0, 1), (7, 7), (3_600, 3_600), (10**9, 3_600), (-5, 1)]
)
def test_a_throttled_grant_waits_for_the_retry_after_up_to_an_hour(retry_after: int, expected: int) -> None:
    failure = evaluated(ThrottledError(retry_after, status=429))
    assert (failure.outcome, failure.retry_in, failure.pause) == (
        RefreshOutcome.THROTTLED,
        expected,
        expected,
    )
    assert failure.provider_works


def test_a_throttled_grant_backs_off_without_a_retry_after() -> None:
    assert 320 <= evaluated(ThrottledError(None, status=429), attempts=8).retry_in <= 640
