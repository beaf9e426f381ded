"""Endpoints of logging in, refreshing, and looking at one's token."""

from datetime import UTC, datetime

from fastapi import Response

from doorward_auth.dependencies import CallingDevice, Tokens
from doorward_auth.tokens.login_form import OPENAPI_BODY, Login
from doorward_auth.tokens.schemas import Caller, JsonWebKeySet, RefreshRequest, TokenResponse
from doorward_auth.tokens.service import IssuedTokens
from doorward_common.auth import CurrentUser
from doorward_common.routing import strict_router

router = strict_router(prefix="/api/v1/auth", tag="tokens")


@router.post("/token", summary="Log in", openapi_extra=OPENAPI_BODY)
async def log_in(login: Login, device: CallingDevice, tokens: Tokens) -> TokenResponse:
    """Exchange an email address and a password for an access token and a refresh token."""
    return _response(await tokens.log_in(login.email, login.password.get_secret_value(), device))


@router.post("/refresh-token", summary="Renew an access token")
async def refresh(body: RefreshRequest, tokens: Tokens) -> TokenResponse:
    """Exchange a refresh token for a new pair. The old one may be repeated for a few seconds."""
    return _response(await tokens.refresh(body.refresh_token.get_secret_value()))


@router.get("/me", summary="Who the access token is for")
async def me(caller: CurrentUser) -> Caller:
    """Return the claims of the caller's access token."""
    return Caller(
        id=caller.subject,
        session_id=caller.session_id,
        role=caller.role,
        issued_at=datetime.fromtimestamp(caller.issued_at, UTC),
        expires_at=datetime.fromtimestamp(caller.expires_at, UTC),
    )


@router.get("/jwks.json", summary="Public keys of access tokens")
async def jwks(response: Response) -> JsonWebKeySet:
    """Return the keys that anybody may verify with (RFC 7517): none while the key is a shared secret."""
    response.headers["Cache-Control"] = "public, max-age=300"
    return JsonWebKeySet(keys=[])


def _response(issued: IssuedTokens) -> TokenResponse:
    return TokenResponse(
        access_token=issued.access_token,
        token_type="Bearer",  # noqa: S106 - RFC 6750's name, not a secret
        expires_in=issued.expires_in,
        refresh_token=issued.refresh_token,
        refresh_expires_in=issued.refresh_expires_in,
    )
