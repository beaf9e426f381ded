"""The consequences of a failed refresh for its grant and its provider: the only place that decides them."""

from dataclasses import dataclass
from typing import Final

from doorward_auth.upstream.grants.metrics import RefreshOutcome
from doorward_auth.upstream.grants.models import EndReason
from doorward_auth.upstream.grants.schedule import backoff_seconds
from doorward_auth.upstream_adapters.base import (
    Arrival,
    InvalidGrantError,
    MalformedAnswerError,
    MisconfiguredError,
    ThrottledError,
    UnreachableError,
    UpstreamError,
)

LONGEST_RETRY_AFTER_SECONDS: Final = 3_600.0
_SHORTEST_RETRY_AFTER_SECONDS: Final = 1.0


@dataclass(frozen=True, slots=True, kw_only=True)
class RefreshFailure:
    """Times are in seconds.

    `ends`: the grant is over, and nothing else matters. `retry_in`: until the next attempt; an attempt that
    does not count lets a caller try again earlier. `is_uncertain`: the refresh token may be used up.
    `provider_works`: whether its circuit stays closed. `pause`: how long the whole provider gets no request.
    """

    outcome: RefreshOutcome
    ends: EndReason | None = None
    retry_in: float = 0.0
    is_uncertain: bool = False
    counts_attempt: bool = True
    provider_works: bool = False
    pause: float | None = None


def evaluate_failure(
    error: UpstreamError, *, attempts: int, was_uncertain: bool, can_reuse: bool
) -> RefreshFailure:
    """Decide what follows from a failed request. InvalidGrantError alone ends a grant.

    `attempts` are those since the last success, with this one. `was_uncertain`: an earlier answer is lost.
    `can_reuse`: refresh tokens stay valid after their use.
    """
    retry_in = backoff_seconds(attempts)
    match error:
        case InvalidGrantError():
            return _grant_failure(is_lost=was_uncertain and not can_reuse)
        case ThrottledError():
            wait = retry_in if error.retry_after is None else float(error.retry_after)
            wait = min(max(wait, _SHORTEST_RETRY_AFTER_SECONDS), LONGEST_RETRY_AFTER_SECONDS)
            return RefreshFailure(
                outcome=RefreshOutcome.THROTTLED, retry_in=wait, provider_works=True, pause=wait
            )
        case MisconfiguredError():
            return _provider_failure(RefreshOutcome.MISCONFIGURED)
        case UnreachableError(arrival=Arrival.NOT_SENT):
            return _provider_failure(RefreshOutcome.UNREACHABLE)
        case UnreachableError() | MalformedAnswerError():
            # It acted, or may have: the refresh token may be replaced.
            is_answer = isinstance(error, MalformedAnswerError)
            outcome = RefreshOutcome.MALFORMED if is_answer else RefreshOutcome.UNCERTAIN
            return RefreshFailure(outcome=outcome, retry_in=retry_in, is_uncertain=not can_reuse)
    return RefreshFailure(outcome=RefreshOutcome.FAILED, retry_in=retry_in)


def _grant_failure(*, is_lost: bool) -> RefreshFailure:
    if is_lost:
        return RefreshFailure(outcome=RefreshOutcome.LOST, ends=EndReason.LOST, provider_works=True)
    return RefreshFailure(
        outcome=RefreshOutcome.INVALID_GRANT, ends=EndReason.INVALID_GRANT, provider_works=True
    )


def _provider_failure(outcome: RefreshOutcome) -> RefreshFailure:
    """Return a failure of the provider: its circuit breaker says when the next attempt is allowed."""
    return RefreshFailure(outcome=outcome, retry_in=backoff_seconds(1), counts_attempt=False)
