"""Endpoints of signing in."""

from fastapi import Response

from doorward_auth.bodies import json_or_form_body
from doorward_auth.oidc.token.issuing import ClientTokens
from doorward_auth.oidc.token.service import ClientTokenRequest
from doorward_auth.refresh_cookies.dependencies import COOKIE_PARAMETER, RequestedCookie
from doorward_auth.sign_in.dependencies import Context, Grant, SignIns
from doorward_auth.sign_in.grants import form_schema, json_schema
from doorward_auth.sign_in.schemas import StepUpRequest
from doorward_auth.tokens.token_pair import TokenPair
from doorward_client.bearer_auth import CurrentUser
from doorward_kit.routing import api_router

router = api_router(prefix="/api/v1/auth", tag="tokens")


@router.post(
    "/token",
    response_model_exclude_none=True,
    summary="Log in",
    openapi_extra={**json_or_form_body(json_schema(), form_schema()), **COOKIE_PARAMETER},
)
async def log_in(grant: Grant, context: Context, response: Response) -> TokenPair | ClientTokens:
    """Exchange an email address and a password for an access token and a refresh token.

    A sign-in that needs a further step is rejected with 403 and a `sign_in_token`; the next step is the
    same endpoint with another `grant_type`. OAuth2 clients may send the forms of RFC 6749.
    Registered clients exchange an authorization code or a refresh token, and authenticate.
    A page that names a cookie in `Doorward-CSRF` gets its refresh token in it, and in no body.
    """
    if isinstance(grant, ClientTokenRequest):
        return await context.clients.answer(grant, context.source)
    pair: TokenPair = await grant.handler.handle(context, grant.parameters)
    response.headers.update(pair.cookie_headers)
    return pair


@router.post(
    "/step-up",
    response_model_exclude_none=True,
    summary="Prove your password again",
    openapi_extra=COOKIE_PARAMETER,
)
async def step_up(
    body: StepUpRequest, caller: CurrentUser, cookie: RequestedCookie, sign_ins: SignIns, response: Response
) -> TokenPair:
    """Renew the authentication of this session: its tokens are replaced, with a new `auth_time`."""
    pair = await sign_ins.step_up(caller, body.password.get_secret_value(), cookie)
    response.headers.update(pair.cookie_headers)
    return pair
