"""How a request that is no refresh ended, for its metric."""

from collections.abc import Mapping
from typing import Final

from doorward_auth.upstream.grants.metrics import RequestOutcome
from doorward_auth.upstream_adapters.base import (
    AlreadyTakenError,
    Arrival,
    FailedError,
    InvalidGrantError,
    MalformedAnswerError,
    MisconfiguredError,
    StaleAuthenticationError,
    ThrottledError,
    UnreachableError,
    UnverifiedIdentityError,
    UpstreamError,
    ValuesRejectedError,
    WrongPasswordError,
)

_OUTCOMES: Final[Mapping[type[UpstreamError], RequestOutcome]] = {
    WrongPasswordError: RequestOutcome.REJECTED,
    AlreadyTakenError: RequestOutcome.REJECTED,
    ValuesRejectedError: RequestOutcome.REJECTED,
    InvalidGrantError: RequestOutcome.REJECTED,
    FailedError: RequestOutcome.FAILED,
    MalformedAnswerError: RequestOutcome.MALFORMED,
    UnverifiedIdentityError: RequestOutcome.UNVERIFIED,
    # Not the upstream's failure: no alert counts what a visitor can cause.
    StaleAuthenticationError: RequestOutcome.REJECTED,
    MisconfiguredError: RequestOutcome.MISCONFIGURED,
    ThrottledError: RequestOutcome.THROTTLED,
}


def outcome_of(error: UpstreamError) -> RequestOutcome:
    """Return the outcome of a request that failed."""
    if isinstance(error, UnreachableError):
        is_unsent = error.arrival is Arrival.NOT_SENT
        return RequestOutcome.UNREACHABLE if is_unsent else RequestOutcome.UNCERTAIN
    return _OUTCOMES[type(error)]
