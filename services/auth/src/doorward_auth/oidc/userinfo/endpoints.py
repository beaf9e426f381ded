"""The userinfo endpoint."""

from pydantic import BaseModel, Field
from starlette.responses import Response

from doorward_auth.oidc.userinfo.dependencies import AccessToken, UserInfos
from doorward_kit import responses
from doorward_kit.fast_routes import FastRoute
from doorward_kit.routing import api_router

fast_router = api_router(prefix="/api/v1/auth", tag="openid", route_class=FastRoute)


class UserInfo(BaseModel):
    """Standard claims (OpenID Connect Core section 5.1), each with its scope; `sub` is always there."""

    sub: str = Field(description="The user's id.")
    name: str | None = Field(default=None, description="With `profile`.")
    preferred_username: str | None = Field(
        default=None, description="With `profile`: the address, if it is proven."
    )
    email: str | None = Field(default=None, description="With `email`.")
    email_verified: bool | None = Field(default=None, description="With `email`.")
    groups: list[str] | None = Field(default=None, description="With `groups`: up to 50 names.")
    groups_overage: bool | None = Field(default=None, description="Whether there are more groups.")


@fast_router.get(
    "/userinfo",
    response_model=UserInfo,
    response_model_exclude_none=True,
    summary="Get the user of an access token",
)
@fast_router.post(
    "/userinfo",
    response_model=UserInfo,
    response_model_exclude_none=True,
    summary="Get the user of an access token",
    operation_id="getUserInfoByPost",
)
async def get_user_info(token: AccessToken, user_infos: UserInfos) -> Response:
    """Return what the scopes of the token allow. The token comes in the header, and in no body."""
    claims = await user_infos.find(token)
    return Response(responses.to_json(claims), media_type=responses.MEDIA_TYPE)
