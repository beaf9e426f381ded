"""The consequences of a failed request to revoke tokens: the only place that decides them."""

from dataclasses import dataclass
from typing import Final

from doorward_auth.upstream.grants.refresh_failure import LONGEST_RETRY_AFTER_SECONDS
from doorward_auth.upstream.grants.schedule import backoff_seconds
from doorward_auth.upstream_adapters.base import (
    Arrival,
    FailedError,
    MalformedAnswerError,
    MisconfiguredError,
    ThrottledError,
    UnreachableError,
    UpstreamError,
)

_SHORTEST_RETRY_AFTER_SECONDS: Final = 1.0


@dataclass(frozen=True, slots=True, kw_only=True)
class RevocationFailure:
    """Times are in seconds.

    `is_revoked`: the upstream has done it nevertheless. `is_final`: it never will, so no further request is
    sent. `retry_in`: until the next attempt. `pause`: how long the whole provider gets no revocation.
    """

    is_revoked: bool = False
    is_final: bool = False
    retry_in: float = 0.0
    pause: float | None = None


def evaluate_revocation_failure(error: UpstreamError, *, attempts: int) -> RevocationFailure:
    """Decide what follows from a failed request. `attempts` are those so far, with this one."""
    retry_in = backoff_seconds(attempts)
    match error:
        case MalformedAnswerError():
            # It answered success. What it says about it does not matter (RFC 7009 section 2.2).
            return RevocationFailure(is_revoked=True)
        case ThrottledError():
            wait = retry_in if error.retry_after is None else float(error.retry_after)
            wait = min(max(wait, _SHORTEST_RETRY_AFTER_SECONDS), LONGEST_RETRY_AFTER_SECONDS)
            return RevocationFailure(retry_in=wait, pause=wait)
        case MisconfiguredError():
            # It rejects us, and not the token: an operator repairs that.
            return RevocationFailure(retry_in=retry_in, pause=retry_in)
        case UnreachableError(arrival=Arrival.NOT_SENT):
            # Not this row's fault: the circuit breaker says when the next attempt is allowed.
            return RevocationFailure(retry_in=backoff_seconds(1))
        case FailedError(is_final=True):
            return RevocationFailure(is_final=True)
    return RevocationFailure(retry_in=retry_in)
