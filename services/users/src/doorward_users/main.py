"""The users service's application and its process."""

from fastapi import FastAPI

from doorward_identity.audit.service import AuditLog
from doorward_identity.resources import IdentityResources
from doorward_identity.schema import schema_problem
from doorward_kit.app import create_service
from doorward_kit.server import run_service
from doorward_users.activity import endpoints as activity_endpoints
from doorward_users.directory import endpoints as account_endpoints
from doorward_users.directory.service import AccountService
from doorward_users.profile import endpoints as profile_endpoints
from doorward_users.settings import UsersSettings


def create_app(settings: UsersSettings, runtime: IdentityResources | None = None) -> FastAPI:
    """Build the application. Nothing connects before the first request.

    A process that serves several services hands each the same `runtime`, and closes it itself.
    """
    used = runtime or IdentityResources(settings)
    app = create_service(
        "users",
        "The directory of people: reads for everybody signed in, changes for administrators.",
        settings,
        used,
        # The profile first: its path would match `/{user_id}`.
        routers=[
            profile_endpoints.fast_router,
            profile_endpoints.router,
            activity_endpoints.router,
            account_endpoints.router,
        ],
        schema_problem=schema_problem,
        owns_runtime=runtime is None,
    )
    app.state.audit = AuditLog(used, settings)
    app.state.accounts = AccountService(used, settings)
    return app


def main() -> int:
    """Serve as the environment says; return the exit status."""
    return run_service(UsersSettings, create_app)
