"""Endpoints of one's own profile."""

from starlette.responses import Response

from doorward_client.bearer_auth import CurrentUser
from doorward_kit.etags import IfMatch, IfNoneMatch
from doorward_kit.routing import FastRoute, api_router
from doorward_users.directory.dependencies import Accounts
from doorward_users.directory.schemas import ProfilePatch, User
from doorward_users.directory.serializers import user_response

router = api_router(prefix="/api/v1/users/me", tag="profile")
fast_router = api_router(prefix="/api/v1/users/me", tag="profile", route_class=FastRoute)


@fast_router.get("", response_model=User, summary="Read your profile")
async def get_profile(caller: CurrentUser, accounts: Accounts, if_none_match: IfNoneMatch = None) -> Response:
    """Read the caller's own account."""
    return user_response(await accounts.get(caller, caller.user_id), if_none_match=if_none_match)


@router.patch("", response_model=User, summary="Change your profile")
async def update_profile(
    body: ProfilePatch, caller: CurrentUser, accounts: Accounts, if_match: IfMatch = None
) -> Response:
    """Change your own name. Role, status and email are not yours to set."""
    return user_response(await accounts.rename(caller, body.name, if_match))
