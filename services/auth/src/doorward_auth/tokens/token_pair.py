"""A pair of tokens, as it is handed out."""

import uuid
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from pydantic import BaseModel, Field

from doorward_auth.signing import Signer
from doorward_auth.tokens.companion import UpstreamState
from doorward_auth.tokens.refresh_tokens import RefreshToken
from doorward_client.tokens import Scalar


class TokenPair(BaseModel):
    """RFC 6749 section 5.1, with the refresh token's own lifetime. Times are in seconds."""

    access_token: str
    token_type: str = Field(examples=["Bearer"])
    expires_in: int = Field(examples=[300])
    refresh_token: str
    refresh_expires_in: int = Field(examples=[1_209_600])
    device_token: str | None = Field(
        default=None, description="Store it and send it with the next login; present after a new device's."
    )
    upstream: UpstreamState | None = Field(
        default=None,
        description="After a refresh: the state of the upstream's tokens, in a session that was opened by a"
        " login at an upstream.",
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class SessionGrant:
    """A session, its new refresh token, and what its access token says. `lifetime` is the refresh token's."""

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


def issue_pair(signer: Signer, grant: SessionGrant) -> TokenPair:
    """Sign the access token that goes with a refresh token; raises NoSigningKeyError."""
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
    return TokenPair(
        access_token=access_token,
        token_type="Bearer",  # noqa: S106 - RFC 6750's name, not a secret
        expires_in=signer.lifetime,
        refresh_token=str(grant.token),
        refresh_expires_in=int(grant.lifetime.total_seconds()),
        device_token=grant.device_token,
    )
