"""The dependencies of the userinfo endpoint."""

from typing import Annotated

from fastapi import Depends, Request
from fastapi.security.base import SecurityBase

from doorward_auth.oidc.userinfo.service import UserInfoService
from doorward_client.bearer_auth import BearerToken, bearer_token_of
from doorward_kit.dependencies import provide

UserInfos = Annotated[UserInfoService, provide(UserInfoService)]


class UnverifiedBearerToken(SecurityBase):
    """Documents a bearer token as BearerToken does, and returns its text: clients' have other audiences."""

    def __init__(self) -> None:
        documented = BearerToken()
        self.model, self.scheme_name = documented.model, documented.scheme_name

    async def __call__(self, request: Request) -> str:
        """Return the token; raises NotAuthenticatedError, InvalidAccessTokenError."""
        return bearer_token_of(request)


AccessToken = Annotated[str, Depends(UnverifiedBearerToken())]
