"""The users service's application and its process."""

from functools import partial
from typing import Final

from fastapi import FastAPI

from doorward_identity.audit.rejected_calls import RejectedCalls, setup_rejection_audit
from doorward_identity.audit.repository import AuditAction
from doorward_identity.current_account import AUTHORITY_ERRORS
from doorward_identity.resources import IdentityResources
from doorward_identity.schema import users_schema_problem
from doorward_kit.app import ServiceDefinition, create_service
from doorward_kit.openapi_errors import load_errors
from doorward_kit.server import run_service
from doorward_users.avatars import endpoints as avatars
from doorward_users.directory import endpoints as directory
from doorward_users.directory.errors import LastAdminError, OwnEmailError, OwnPasswordError
from doorward_users.export import endpoints as export
from doorward_users.groups import endpoints as groups
from doorward_users.profile import endpoints as profile
from doorward_users.services import UsersServices
from doorward_users.settings import UsersSettings

USERS: Final = ServiceDefinition(
    name="users",
    description="The directory of users: signed-in users read it, administrators change it.",
    # The directory last, because `me`, `groups` and `export` would match `{user_id}`.
    routers=[
        profile.fast_router,
        profile.router,
        avatars.own_router,
        avatars.router,
        groups.router,
        export.router,
        directory.fast_router,
        directory.router,
    ],
    schema_problem=users_schema_problem,
    # An export is recorded, and one of a person runs at a time.
    without_head=[f"{directory.PREFIX}/export"],
    errors=partial(load_errors, "doorward_users"),
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
        background=[services.directory_index.run],
        max_upload_bytes=settings.max_upload_bytes,
        owns_resources=resources is None,
    )
    rejected_calls = RejectedCalls(used.database, AuditAction.CALL_REJECTED_BY_USERS)
    setup_rejection_audit(
        app, rejected_calls, (*AUTHORITY_ERRORS, LastAdminError, OwnEmailError, OwnPasswordError)
    )
    return app


def main() -> int:
    """Serve with settings from the environment; return the exit status."""
    return run_service(UsersSettings, create_app)
