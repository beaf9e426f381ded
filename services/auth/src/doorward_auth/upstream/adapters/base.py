"""What an adapter offers, whatever protocol its upstream speaks, and how its requests can fail.

An adapter sends at most one request for a call and never repeats it. It knows no database.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Protocol

Claim = str | int | float | bool


@dataclass(frozen=True, slots=True, repr=False)
class UpstreamTokens:
    """What the upstream issued. Lifetimes are in seconds; None if it did not say."""

    access_token: str
    refresh_token: str | None = None
    id_token: str | None = None
    expires_in: int | None = None
    refresh_expires_in: int | None = None
    scope: str = ""


@dataclass(frozen=True, slots=True)
class UpstreamUser:
    """Who logged in at the upstream. `subject` never changes and is never reassigned.

    `claims` are the allow-listed ones by our names, for the claim `ext` of our tokens.
    """

    subject: str
    username: str | None = None
    email: str | None = None
    is_email_verified: bool = False
    name: str | None = None
    picture_url: str | None = None
    groups: frozenset[str] = frozenset()
    claims: Mapping[str, Claim] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class UpstreamLogin:
    """The answer to a registration or login."""

    user: UpstreamUser
    tokens: UpstreamTokens


@dataclass(frozen=True, slots=True)
class Image:
    """A picture that has been decoded and encoded again, so it is safe to pass on."""

    data: bytes
    media_type: str
    filename: str


@dataclass(frozen=True, slots=True, repr=False)
class UpstreamRegistration:
    """An account to create at the upstream."""

    email: str
    password: str
    name: str
    image: Image | None = None


class UpstreamError(Exception):
    """A request to an upstream did not succeed. `status` and `request_id` are its answer's, for the log."""

    def __init__(self, *, status: int | None = None, request_id: str | None = None) -> None:
        super().__init__(type(self).__name__, status, request_id)
        self.status = status
        self.request_id = request_id


class WrongPasswordError(UpstreamError):
    """The upstream does not know this user name and password."""


class AlreadyTakenError(UpstreamError):
    """The upstream has an account with a value of the registration. `member` is our name of it, if known."""

    def __init__(
        self, member: str | None, *, status: int | None = None, request_id: str | None = None
    ) -> None:
        super().__init__(status=status, request_id=request_id)
        self.member = member


class RefusedError(UpstreamError):
    """The upstream refuses these values, as one that its own rules do not allow."""


class InvalidGrantError(UpstreamError):
    """The refresh token is revoked, used up or expired: the only answer that ends a grant."""


class MisconfiguredError(UpstreamError):
    """The upstream refuses us and not the user: our client's credentials or permissions are wrong."""


class ThrottledError(UpstreamError):
    """Too many requests. `retry_after` is in seconds; None if the upstream did not say."""

    def __init__(
        self, retry_after: int | None, *, status: int | None = None, request_id: str | None = None
    ) -> None:
        super().__init__(status=status, request_id=request_id)
        self.retry_after = retry_after


class Arrival(StrEnum):
    """Whether the upstream may have acted on a request without an answer."""

    NOT_SENT = "not_sent"
    UNKNOWN = "unknown"


class UnreachableError(UpstreamError):
    """No whole answer: connection, name, TLS or deadline."""

    def __init__(self, arrival: Arrival) -> None:
        super().__init__()
        self.arrival = arrival


class FailedError(UpstreamError):
    """The upstream answered that it failed (5xx, or an unexpected status)."""


class MalformedAnswerError(UpstreamError):
    """The upstream answered success with something that cannot be used."""


class UpstreamAdapter(Protocol):
    """One upstream. Every method raises subclasses of UpstreamError and nothing else."""

    @property
    def can_reuse_refresh_tokens(self) -> bool:
        """Whether a refresh token stays valid after its use, so that a lost answer loses nothing."""

    async def refresh(self, refresh_token: str) -> UpstreamTokens:
        """Exchange a refresh token; raises InvalidGrantError."""

    async def revoke(self, tokens: UpstreamTokens) -> None:
        """Revoke what was issued, where the upstream can; do nothing elsewhere."""

    async def close(self) -> None:
        """Close the connections."""


class PasswordUpstream(UpstreamAdapter, Protocol):
    """An upstream that takes the user's password from us."""

    async def register(self, registration: UpstreamRegistration) -> UpstreamLogin:
        """Create an account; raises AlreadyTakenError, RefusedError."""

    async def log_in(self, email: str, password: str) -> UpstreamLogin:
        """Log in; raises WrongPasswordError."""
