"""The users service's application and its process."""

from typing import Final

from fastapi import FastAPI

from doorward_identity.audit.refused_calls import RefusedCalls, setup_refusal_audit
from doorward_identity.audit.repository import AuditAction
from doorward_identity.current_account import AUTHORITY_ERRORS
from doorward_identity.resources import IdentityResources
from doorward_identity.schema import users_schema_problem
from doorward_kit.app import ServiceDefinition, create_service
from doorward_kit.server import run_service
from doorward_users.avatars import endpoints as avatars
from doorward_users.directory import endpoints as directory
from doorward_users.directory.errors import LastAdminError, OwnEmailError, OwnPasswordError
from doorward_users.profile import endpoints as profile
from doorward_users.services import UsersServices
from doorward_users.settings import UsersSettings

USERS: Final = ServiceDefinition(
    name="users",
    description="The directory of users: signed-in users read it, administrators change it.",
    # The caller's own first, because `me` would match `{user_id}`.
    routers=[profile.fast_router, profile.router, avatars.own_router, avatars.router, directory.router],
    schema_problem=users_schema_problem,
)


def create_app(settings: UsersSettings, resources: IdentityResources | None = None) -> FastAPI:
    """Build the application; nothing connects before the first request.

    A process with several services passes the same `resources` to each and closes them itself.
    """
    used = resources or IdentityResources(settings)
    services = UsersServices.create(settings, used)
    app = create_service(
        USERS,
        settings,
        used,
        services,
        max_upload_bytes=settings.max_upload_bytes,
        owns_resources=resources is None,
    )
    refused_calls = RefusedCalls(used.database, AuditAction.CALL_REFUSED_BY_USERS)
    setup_refusal_audit(
        app, refused_calls, (*AUTHORITY_ERRORS, LastAdminError, OwnEmailError, OwnPasswordError)
    )
    return app


def main() -> int:
    """Serve with settings from the environment; return the exit status."""
    return run_service(UsersSettings, create_app)
