"""The endpoint of tokens for a login at an upstream."""

from doorward_auth.sessions.dependencies import RequestOrigin
from doorward_auth.tokens.token_pair import TokenPair
from doorward_auth.upstream.logins.dependencies import Logins, ProviderName
from doorward_auth.upstream.redirects.dependencies import Redirects
from doorward_auth.upstream.redirects.schemas import CodeRequest
from doorward_auth.upstream.tokens.dependencies import Credentials, credentials_body
from doorward_kit.routing import api_router

router = api_router(prefix="/api/v1/auth/upstream", tag="upstream")


@router.post(
    "/{provider}/token",
    response_model_exclude_none=True,
    summary="Log in at an upstream",
    openapi_extra=credentials_body(),
)
async def token(
    provider: ProviderName,
    credentials: Credentials,
    origin: RequestOrigin,
    logins: Logins,
    redirects: Redirects,
) -> TokenPair:
    """Exchange a password of the upstream, or the code of a login at its pages, for a token pair.

    At the first login an account is created here, if registration allows it.
    """
    if isinstance(credentials, CodeRequest):
        return await redirects.finish(provider, credentials, origin)
    return await logins.log_in(provider, credentials, origin)
