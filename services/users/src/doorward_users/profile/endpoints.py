"""Endpoints of one's own profile."""

from starlette.responses import Response

from doorward_common.auth import CurrentUser
from doorward_common.etags import IfMatch, IfNoneMatch
from doorward_common.routing import LeanRoute, strict_router
from doorward_users.accounts.presenter import user_response
from doorward_users.accounts.schemas import ProfilePatch, User
from doorward_users.dependencies import Accounts

router = strict_router(prefix="/api/v1/users/me", tag="profile")
hot_router = strict_router(prefix="/api/v1/users/me", tag="profile", route_class=LeanRoute)


@hot_router.get("", response_model=User, summary="Read your profile")
async def get_profile(caller: CurrentUser, accounts: Accounts, if_none_match: IfNoneMatch = None) -> Response:
    """Read the caller's own account."""
    return user_response(await accounts.get(caller, caller.subject), if_none_match=if_none_match)


@router.patch("", response_model=User, summary="Change your profile")
async def update_profile(
    body: ProfilePatch, caller: CurrentUser, accounts: Accounts, if_match: IfMatch = None
) -> Response:
    """Change your own name. Role, status and email are not yours to set."""
    return user_response(await accounts.rename(caller, body.name, if_match))
