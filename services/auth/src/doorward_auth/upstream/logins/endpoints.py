"""The endpoint of registering at an upstream."""

from fastapi import Response

from doorward_auth.captcha.dependencies import CaptchaHeader
from doorward_auth.refresh_cookies.dependencies import COOKIE_PARAMETER
from doorward_auth.sessions.dependencies import CurrentSource
from doorward_auth.tokens.token_pair import TokenPair
from doorward_auth.upstream.logins.dependencies import (
    ProviderName,
    Registrations,
)
from doorward_auth.upstream.logins.schemas import UpstreamRegistrationRequest
from doorward_kit.idempotency import IdempotencyKey
from doorward_kit.routing import api_router
from doorward_kit.uploads import FormImage, FormRoute, form_body

form_router = api_router(prefix="/api/v1/auth/upstream", tag="upstream", route_class=FormRoute)


@form_router.post(
    "/{provider}/register",
    status_code=201,
    response_model_exclude_none=True,
    summary="Register at an upstream",
    openapi_extra={
        **form_body("email", "password", optional=["name", "username"]),
        **COOKIE_PARAMETER,
    },
)
async def register_at_upstream(  # noqa: PLR0913, PLR0917 - what FastAPI gives
    provider: ProviderName,
    body: UpstreamRegistrationRequest,
    image: FormImage,
    source: CurrentSource,
    captcha: CaptchaHeader,
    registrations: Registrations,
    response: Response,
    idempotency_key: IdempotencyKey = None,
) -> TokenPair:
    """Create an account at the upstream and here, and log in.

    The picture is stored here, and sent on if the upstream takes one. After `502` or `504` the upstream may
    have the account: send the request again with the same `Idempotency-Key`, or log in.
    """
    pair = await registrations.register(provider, body, image, captcha, idempotency_key, source)
    response.headers.update(pair.cookie_headers)
    return pair
