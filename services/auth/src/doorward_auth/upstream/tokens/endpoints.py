"""The endpoint of tokens for a login at an upstream."""

from fastapi import Response

from doorward_auth.refresh_cookies.dependencies import COOKIE_PARAMETER
from doorward_auth.sessions.dependencies import CurrentSource
from doorward_auth.tokens.token_pair import TokenPair
from doorward_auth.upstream.logins.dependencies import Logins, ProviderName
from doorward_auth.upstream.redirects.dependencies import Redirects
from doorward_auth.upstream.redirects.schemas import UpstreamCodeRequest
from doorward_auth.upstream.tokens.dependencies import Credentials, credentials_body
from doorward_kit.routing import api_router

router = api_router(prefix="/api/v1/auth/upstream", tag="upstream")


@router.post(
    "/{provider}/token",
    response_model_exclude_none=True,
    summary="Log in at an upstream",
    openapi_extra={**credentials_body(), **COOKIE_PARAMETER},
)
async def log_in_at_upstream(
    provider: ProviderName,
    credentials: Credentials,
    source: CurrentSource,
    logins: Logins,
    redirects: Redirects,
    response: Response,
) -> TokenPair:
    """Exchange a password of the upstream, or the code of a login at its pages, for a token pair.

    At the first login an account is created here, if registration allows it.
    """
    if isinstance(credentials, UpstreamCodeRequest):
        pair = await redirects.finish(provider, credentials, source)
    else:
        pair = await logins.log_in(provider, credentials, source)
    response.headers.update(pair.cookie_headers)
    return pair
