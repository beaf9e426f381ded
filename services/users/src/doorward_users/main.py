"""The users service's application and its process."""

from fastapi import FastAPI

from doorward_common.app import Runtime, create_service
from doorward_common.server import run_service
from doorward_identity.passwords import PasswordHashing
from doorward_identity.schema import schema_problem
from doorward_users.accounts import endpoints as account_endpoints
from doorward_users.accounts.service import AccountService
from doorward_users.profile import endpoints as profile_endpoints
from doorward_users.settings import UsersSettings


def create_app(
    settings: UsersSettings, runtime: Runtime | None = None, hashing: PasswordHashing | None = None
) -> FastAPI:
    """Build the application. Nothing connects before the first request.

    A process that serves several services hands each the same `runtime` and `hashing`, and closes
    them itself.
    """
    own_runtime = runtime or Runtime.create(settings)
    own_hashing = hashing or PasswordHashing(settings, own_runtime.metrics)

    def close() -> None:
        if hashing is None:
            own_hashing.shutdown()
        if runtime is None:
            own_runtime.database.dispose()

    app = create_service(
        "users",
        "The directory of people: reads for everybody signed in, changes for administrators.",
        settings,
        own_runtime,
        # The profile first: its path would match `/{user_id}`.
        routers=[profile_endpoints.router, account_endpoints.router],
        schema_problem=schema_problem,
        close=close,
    )
    app.state.accounts = AccountService(own_runtime.database, own_hashing, settings, own_runtime.metrics)
    return app


def main() -> int:
    """Serve as the environment says; return the exit status."""
    return run_service(UsersSettings, create_app)
