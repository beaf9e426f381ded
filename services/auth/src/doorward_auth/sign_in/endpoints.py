"""Endpoints of signing in."""

from doorward_auth.bodies import json_or_form_body
from doorward_auth.captcha.dependencies import CaptchaHeader
from doorward_auth.sessions.dependencies import RequestOrigin
from doorward_auth.sign_in.dependencies import Grant, SignIns
from doorward_auth.sign_in.grants import GrantContext, form_schema, json_schema
from doorward_auth.sign_in.schemas import StepUpRequest
from doorward_auth.tokens.dependencies import Refreshes
from doorward_auth.tokens.token_pair import TokenPair
from doorward_client.bearer_auth import CurrentUser
from doorward_kit.routing import api_router

router = api_router(prefix="/api/v1/auth", tag="tokens")


@router.post(
    "/token",
    response_model_exclude_none=True,
    summary="Log in",
    openapi_extra=json_or_form_body(json_schema(), form_schema()),
)
async def token(
    grant: Grant, origin: RequestOrigin, captcha: CaptchaHeader, sign_ins: SignIns, refreshes: Refreshes
) -> TokenPair:
    """Exchange an email address and a password for an access token and a refresh token.

    A sign-in that needs a further step is refused with 403 and a `sign_in_token`; the next step is the
    same endpoint with another `grant_type`. OAuth2 clients may send the forms of RFC 6749.
    """
    context = GrantContext(sign_ins, refreshes, origin, captcha)
    pair: TokenPair = await grant.handler.handle(context, grant.parameters)
    return pair


@router.post("/step-up", response_model_exclude_none=True, summary="Prove your password again")
async def step_up(body: StepUpRequest, caller: CurrentUser, sign_ins: SignIns) -> TokenPair:
    """Renew the authentication of this session: its tokens are replaced, with a new `auth_time`."""
    return await sign_ins.step_up(caller, body.password.get_secret_value())
