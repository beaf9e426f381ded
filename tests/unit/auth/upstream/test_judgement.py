"""What a failed refresh means: the column "refresh" of the failure table, as one pure function."""

import pytest

from doorward_auth.upstream.grants.judgement import Judgement, judge
from doorward_auth.upstream.grants.metrics import Outcome
from doorward_auth.upstream.grants.models import EndReason
from doorward_auth.upstream_adapters.base import (
    AlreadyTakenError,
    Arrival,
    FailedError,
    InvalidGrantError,
    MalformedAnswerError,
    MisconfiguredError,
    RefusedError,
    ThrottledError,
    UnreachableError,
    UpstreamError,
    WrongPasswordError,
)


def judged(
    error: UpstreamError, *, attempts: int = 1, was_uncertain: bool = False, can_reuse: bool = False
) -> Judgement:
    return judge(error, attempts=attempts, was_uncertain=was_uncertain, can_reuse=can_reuse)


EVERY_ERROR = [
    WrongPasswordError(status=401),
    AlreadyTakenError("email", status=409),
    RefusedError(status=400),
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
        judgement = judged(error, attempts=attempts, was_uncertain=was_uncertain)
        assert (judgement.ends is not None) == isinstance(error, InvalidGrantError)
        assert judgement.ends is not None or judgement.retry_in > 0


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
    judgement = judged(InvalidGrantError(status=400), was_uncertain=was_uncertain, can_reuse=can_reuse)
    assert judgement.ends is reason
    assert judgement.provider_works


@pytest.mark.parametrize(
    "error", [UnreachableError(Arrival.UNKNOWN), MalformedAnswerError(status=200)], ids=["late", "garbage"]
)
def test_a_request_that_may_have_acted_makes_a_grant_uncertain_unless_tokens_can_be_reused(
    error: UpstreamError,
) -> None:
    assert judged(error).is_uncertain
    assert not judged(error, can_reuse=True).is_uncertain


@pytest.mark.parametrize("error", [FailedError(status=500), UnreachableError(Arrival.NOT_SENT)])
def test_a_request_that_did_not_act_leaves_a_grant_as_it_is(error: UpstreamError) -> None:
    assert not judged(error).is_uncertain


@pytest.mark.parametrize(
    "error", [MisconfiguredError(status=403), UnreachableError(Arrival.NOT_SENT)], ids=["ours", "away"]
)
def test_a_failure_of_the_provider_is_no_attempt_of_the_grant(error: UpstreamError) -> None:
    judgement = judged(error, attempts=9)
    assert not judgement.counts_attempt
    assert not judgement.provider_works
    assert judgement.retry_in <= 5


@pytest.mark.parametrize(
    ("retry_after", "expected"), [(0, 1), (7, 7), (3_600, 3_600), (10**9, 3_600), (-5, 1)]
)
def test_a_throttled_grant_waits_as_long_as_it_is_told_up_to_an_hour(retry_after: int, expected: int) -> None:
    judgement = judged(ThrottledError(retry_after, status=429))
    assert (judgement.outcome, judgement.retry_in, judgement.pause) == (
        Outcome.THROTTLED,
        expected,
        expected,
    )
    assert judgement.provider_works


def test_a_throttled_grant_backs_off_if_it_is_told_nothing() -> None:
    assert 320 <= judged(ThrottledError(None, status=429), attempts=8).retry_in <= 640
