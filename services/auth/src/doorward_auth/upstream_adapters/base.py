"""The interface of an upstream's adapter, whatever its protocol, and the errors of its requests.

An adapter sends at most one request that can change something for a call, and never repeats it. It knows no
database.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Final, Protocol

Claim = str | int | float | bool

_CLIENT_ERRORS: Final = range(400, 500)
_TRANSIENT: Final = frozenset({408, 425})
"""Client errors whose request may be sent again (RFC 9110 section 15.5.9, RFC 8470 section 5.2)."""


@dataclass(frozen=True, slots=True, repr=False)
class UpstreamTokens:
    """The tokens that the upstream issued. Lifetimes are in seconds; None if the upstream did not say.

    `expires_in` is the answer's, else that of the access token if it is a JWT. `access_token` is empty if a
    refresh brought a new refresh token and no access token that can be used.
    """

    access_token: str
    refresh_token: str | None = None
    id_token: str | None = None
    expires_in: int | None = None
    refresh_expires_in: int | None = None
    scope: str = ""


@dataclass(frozen=True, slots=True, repr=False)
class UnusedTokens:
    """Tokens that the upstream issued for a login that failed afterwards, to be revoked.

    `subject` is the user whom the upstream names, verified or not; None if it names none.
    """

    tokens: UpstreamTokens
    subject: str | None = None


@dataclass(frozen=True, slots=True)
class UpstreamUser:
    """The user who logged in at the upstream. `subject` never changes and is never reassigned.

    `role` is ours, from the user's groups there; None unless the provider's settings give one.
    `are_groups_missing`: the settings say where the groups are, and nothing is there. `claims` are the
    allow-listed ones by our names, for the claim `ext` of our tokens.
    """

    subject: str
    username: str | None = None
    email: str | None = None
    is_email_verified: bool = False
    name: str | None = None
    picture_url: str | None = None
    role: str | None = None
    are_groups_missing: bool = False
    claims: Mapping[str, Claim] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class UpstreamLogin:
    """The answer to a registration or login.

    `auth_time` is when the user was authenticated there, in seconds since 1970; None if it was just now, or
    if the upstream did not say.
    """

    user: UpstreamUser
    tokens: UpstreamTokens
    auth_time: int | None = None


@dataclass(frozen=True, slots=True)
class Image:
    """A picture that has been decoded and encoded again, so it is safe to pass on."""

    data: bytes
    media_type: str
    filename: str


@dataclass(frozen=True, slots=True, repr=False)
class UpstreamRegistration:
    """An account to create at the upstream. `username` is for upstreams whose users log in by it."""

    email: str
    password: str
    name: str
    username: str | None = None
    image: Image | None = None


@dataclass(frozen=True, slots=True, repr=False)
class PendingAuthorization:
    """A login at the upstream's own pages that was begun. All but `url` is for `exchange`, and secret.

    `nonce` is None where the protocol has none. `fresh_since` is the earliest time at which the user may have
    been authenticated, in seconds since 1970; None if any session there is good enough.
    """

    url: str
    state: str
    code_verifier: str
    nonce: str | None = None
    fresh_since: int | None = None


@dataclass(frozen=True, slots=True, repr=False)
class AuthorizationCallback:
    """The redirect from the upstream's pages, and what `begin` returned for its `state`.

    `issuer` is the response's parameter `iss` (RFC 9207).
    """

    code: str
    redirect_uri: str
    code_verifier: str
    nonce: str | None = None
    issuer: str | None = None
    fresh_since: int | None = None


class UpstreamError(Exception):
    """A request to an upstream did not succeed. `status` and `request_id` are its answer's, for the log.

    `unused` is what a registration or login brought before it failed, for the caller to revoke.
    """

    unused: UnusedTokens | None = None

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


class ValuesRejectedError(UpstreamError):
    """The upstream rejects these values, as one that its own rules do not allow."""


class InvalidGrantError(UpstreamError):
    """The refresh token or code is revoked, used up or expired: the only answer that ends a grant."""


class MisconfiguredError(UpstreamError):
    """The upstream rejects us and not the user: our client's credentials or permissions are wrong."""


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

    def __init__(self, arrival: Arrival, *, status: int | None = None, request_id: str | None = None) -> None:
        super().__init__(status=status, request_id=request_id)
        self.arrival = arrival


class FailedError(UpstreamError):
    """The upstream answered that it failed (5xx, or an unexpected status)."""

    @property
    def is_final(self) -> bool:
        """Whether the same request would get the same answer: a client error that is not transient."""
        return self.status in _CLIENT_ERRORS and self.status not in _TRANSIENT


class MalformedAnswerError(UpstreamError):
    """The upstream answered success with something that cannot be used. It may have acted."""


class UnverifiedIdentityError(UpstreamError):
    """The upstream's proof of who logged in does not hold. `reason` is for the log."""

    def __init__(self, reason: str) -> None:
        super().__init__()
        self.reason = reason


class StaleAuthenticationError(UnverifiedIdentityError):
    """A fresh login was asked for, and the upstream proves none: it used its own session, or says no time."""


class UpstreamAdapter(Protocol):
    """One upstream. Every method raises subclasses of UpstreamError and nothing else."""

    @property
    def can_reuse_refresh_tokens(self) -> bool:
        """Whether a refresh token stays valid after its use, so that a lost answer loses nothing."""

    async def refresh(self, refresh_token: str) -> UpstreamTokens:
        """Exchange a refresh token; raises InvalidGrantError.

        An answer with a new access token or refresh token is returned even if its other members cannot be
        used, because the token that was sent may be used up.
        """

    async def revoke(self, tokens: UpstreamTokens) -> None:
        """Revoke what was issued, where the upstream can; do nothing elsewhere."""

    async def close(self) -> None:
        """Close the connections."""


class PasswordUpstream(UpstreamAdapter, Protocol):
    """An upstream that takes the user's password from us."""

    @property
    def can_register(self) -> bool:
        """Whether the settings describe how to create an account; `register` needs it."""

    async def register(self, registration: UpstreamRegistration) -> UpstreamLogin:
        """Create an account; raises AlreadyTakenError, ValuesRejectedError."""

    async def log_in(self, identifier: str, password: str) -> UpstreamLogin:
        """Log in by email address or user name, as the settings say; raises WrongPasswordError."""


class RedirectUpstream(UpstreamAdapter, Protocol):
    """An upstream whose own pages the user logs in at."""

    async def begin(self, redirect_uri: str, *, fresh: bool = False) -> PendingAuthorization:
        """Return where to send the user, with new secrets.

        `fresh`: the user must log in there anew. Only OpenID providers can be asked for that.
        """

    async def exchange(self, response: AuthorizationCallback) -> UpstreamLogin:
        """Exchange the code; raises InvalidGrantError, UnverifiedIdentityError."""
