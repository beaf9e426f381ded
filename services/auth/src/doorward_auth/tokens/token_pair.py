"""The two tokens of a session, and the pair as it is handed out."""

import hmac
import uuid
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import ClassVar, Self

from pydantic import BaseModel, Field, PrivateAttr

from doorward_auth.opaque_tokens import OpaqueToken
from doorward_auth.refresh_cookies.cookies import RefreshCookie
from doorward_auth.signing import Signer
from doorward_auth.tokens.refresh_hook import UpstreamState
from doorward_client.request_context import note_caller
from doorward_client.tokens import Scalar


@dataclass(frozen=True, slots=True, repr=False)
class RefreshToken(OpaqueToken):
    """A secret that renews a session, with a successor that can be derived; its id is the session's."""

    prefix: ClassVar[str] = "dwr_"

    @property
    def session_id(self) -> uuid.UUID:
        """The session that the token renews."""
        return self.id

    def successor(self, secret: bytes) -> "RefreshToken":
        """Return the token that replaces this one, the same at every call with one secret of the service.

        A client that lost the answer can repeat the request, although only the hash is stored.
        """
        key = hmac.digest(secret, b"doorward refresh successor", "sha256")
        return RefreshToken(self.id, hmac.digest(key, self.secret, "sha256"))


class TokenPair(BaseModel):
    """RFC 6749 section 5.1, with the refresh token's own lifetime. Times are in seconds."""

    access_token: str
    token_type: str = Field(examples=["Bearer"])
    expires_in: int = Field(examples=[300])
    refresh_token: str | None = Field(
        default=None, description="Absent if it is in a cookie, which `Doorward-CSRF` named."
    )
    refresh_expires_in: int = Field(examples=[1_209_600])
    device_token: str | None = Field(
        default=None, description="Store it and send it with the next login; present after a new device's."
    )
    upstream: UpstreamState | None = Field(
        default=None,
        description="After a refresh: the state of the upstream's tokens, in a session that was opened by a"
        " login at an upstream.",
    )
    _set_cookie: str | None = PrivateAttr(default=None)

    def in_cookie(self, cookie: RefreshCookie) -> Self:
        """Move the refresh token into a cookie: no body contains it."""
        assert self.refresh_token is not None
        self._set_cookie = cookie.set_cookie_header(self.refresh_token, seconds=self.refresh_expires_in)
        self.refresh_token = None
        return self

    @property
    def cookie_headers(self) -> dict[str, str]:
        """The header fields that go with the pair."""
        return {} if self._set_cookie is None else {"Set-Cookie": self._set_cookie}


@dataclass(frozen=True, slots=True, kw_only=True)
class SessionGrant:
    """A session, its new refresh token, and what its access token says. `lifetime` is the refresh token's.

    With a `cookie` the refresh token is handed out in it, and in nothing else.
    """

    token: RefreshToken
    user_id: uuid.UUID
    role: str
    token_version: int
    auth_time: datetime
    acr: str
    amr: str
    lifetime: timedelta
    extensions: Mapping[str, Scalar] = field(default_factory=dict)
    device_token: str | None = None
    cookie: RefreshCookie | None = None


def issue_pair(signer: Signer, grant: SessionGrant) -> TokenPair:
    """Sign the access token that goes with a refresh token; raises NoSigningKeyError.

    Here the caller of every login and refresh is known.
    """
    note_caller(grant.user_id, grant.token.session_id)
    access_token = signer.sign(
        user_id=grant.user_id,
        session_id=grant.token.session_id,
        role=grant.role,
        token_version=grant.token_version,
        auth_time=grant.auth_time,
        acr=grant.acr,
        amr=grant.amr,
        extensions=grant.extensions,
    )
    pair = TokenPair(
        access_token=access_token,
        token_type="Bearer",  # noqa: S106 - RFC 6750's name, not a secret
        expires_in=signer.lifetime,
        refresh_token=str(grant.token),
        refresh_expires_in=int(grant.lifetime.total_seconds()),
        device_token=grant.device_token,
    )
    return pair if grant.cookie is None else pair.in_cookie(grant.cookie)
