"""Errors for callers when an upstream failed or rejected a request. Nothing of its answers is passed on."""

from collections.abc import Mapping
from typing import Final

from doorward_auth.password_check.errors import InvalidCredentialsError
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
from doorward_client.errors import DoorwardError, FieldError, NotFoundError, UnavailableError

LONGEST_RETRY_SECONDS: Final = 60
_RETRY_SECONDS: Final = 5


class UpstreamNotFoundError(NotFoundError):
    """404 for a name that is not configured, or an upstream that cannot do what is asked."""

    code = "upstream_not_found"
    detail = "There is no such upstream here, or it does not offer this."


class UpstreamFailedError(DoorwardError):
    """502: the upstream answered that it failed."""

    status = 502
    code = "upstream_failed"
    detail = "The upstream failed. Try again later; after a registration, log in first."


class UpstreamNonsenseError(DoorwardError):
    """502: the upstream answered success with something that cannot be used."""

    status = 502
    code = "upstream_nonsense"
    detail = "The upstream's answer cannot be used. Its operator must repair it, or the settings here."


class UpstreamMisconfiguredError(DoorwardError):
    """502: the upstream rejects this installation, not the user."""

    status = 502
    code = "upstream_misconfigured"
    detail = "The upstream rejects this installation. An operator must correct its settings."


class UpstreamRejectedError(DoorwardError):
    """409: the upstream does not accept these values. `errors` names the member, if the upstream says it."""

    status = 409
    code = "upstream_refused"
    detail = "The upstream does not accept these values: they are taken, or its rules forbid them."

    def __init__(self, member: str | None = None) -> None:
        super().__init__()
        if member is not None:
            self.errors = [FieldError(pointer=f"/{member}", detail="Taken at the upstream.", code="taken")]


class UpstreamUnavailableError(UnavailableError):
    """503: nothing was sent, or the upstream asks to wait."""

    code = "upstream_unavailable"
    detail = "The upstream is unavailable. Try again later."


class UpstreamTimeoutError(DoorwardError):
    """504: no whole answer. The upstream may have done what was asked."""

    status = 504
    code = "upstream_timeout"
    detail = "The upstream did not answer in time. After a registration, log in first."


class UpstreamReauthenticationRequiredError(DoorwardError):
    """401: the upstream's tokens of this user are used up, revoked or expired."""

    status = 401
    code = "upstream_reauthentication_required"
    detail = "Log in at the upstream again."
    oauth_error = "invalid_grant"


_DOMAIN_ERRORS: Final[Mapping[type[UpstreamError], type[DoorwardError]]] = {
    WrongPasswordError: InvalidCredentialsError,
    InvalidGrantError: InvalidCredentialsError,
    UnverifiedIdentityError: InvalidCredentialsError,
    StaleAuthenticationError: InvalidCredentialsError,
    ValuesRejectedError: UpstreamRejectedError,
    MisconfiguredError: UpstreamMisconfiguredError,
    MalformedAnswerError: UpstreamNonsenseError,
    FailedError: UpstreamFailedError,
}


def domain_error_of(error: UpstreamError) -> DoorwardError:
    """Return the domain error of a failed request."""
    match error:
        case AlreadyTakenError():
            return UpstreamRejectedError(error.member)
        case ThrottledError():
            wait = min(LONGEST_RETRY_SECONDS, max(1, error.retry_after or 1))
            return UpstreamUnavailableError(retry_after=wait)
        case UnreachableError():
            if error.arrival is Arrival.NOT_SENT:
                return UpstreamUnavailableError(retry_after=_RETRY_SECONDS)
            return UpstreamTimeoutError()
    return _DOMAIN_ERRORS[type(error)]()
