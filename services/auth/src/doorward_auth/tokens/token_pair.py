"""A pair of tokens, as it is handed out."""

import uuid
from dataclasses import dataclass
from datetime import timedelta

from doorward_auth.signing import Signer
from doorward_auth.tokens.refresh_tokens import RefreshToken


@dataclass(frozen=True, slots=True)
class IssuedTokens:
    """A pair of tokens and how many seconds each is good for; after a login the device's token too."""

    access_token: str
    expires_in: int
    refresh_token: str
    refresh_expires_in: int
    device_token: str | None = None


def issue(  # noqa: PLR0913 - what a token says
    signer: Signer,
    token: RefreshToken,
    *,
    user_id: uuid.UUID,
    role: str,
    token_version: int,
    lifetime: timedelta,
    device_token: str | None = None,
) -> IssuedTokens:
    """Sign the access token that goes with a refresh token; raises NoSigningKeyError."""
    access_token = signer.sign(
        user_id=user_id, session_id=token.session_id, role=role, token_version=token_version
    )
    return IssuedTokens(
        access_token, signer.lifetime, str(token), int(lifetime.total_seconds()), device_token
    )
