"""The auth service's application and its process."""

from fastapi import FastAPI

from doorward_auth.sessions import endpoints as session_endpoints
from doorward_auth.sessions.service import SessionService
from doorward_auth.sessions.sweeper import Sweeper
from doorward_auth.settings import AuthSettings
from doorward_auth.signing import Signer
from doorward_auth.tokens import endpoints as token_endpoints
from doorward_auth.tokens.service import TokenService
from doorward_common.app import create_service
from doorward_common.server import run_service
from doorward_identity.runtime import IdentityRuntime
from doorward_identity.schema import schema_problem


def create_app(settings: AuthSettings, runtime: IdentityRuntime | None = None) -> FastAPI:
    """Build the application. Nothing connects before the first request.

    A process that serves several services hands each the same `runtime`, and closes it itself.
    """
    used = runtime or IdentityRuntime(settings)
    app = create_service(
        "auth",
        "Logs people in and keeps them in: access tokens, refresh tokens, sessions.",
        settings,
        used,
        routers=[token_endpoints.router, session_endpoints.router],
        schema_problem=schema_problem,
        owns_runtime=runtime is None,
        background=[Sweeper(used.database).run],
    )
    signer = Signer(
        settings.secret_key.get_secret_value(),
        issuer=settings.issuer,
        audience=settings.audience,
        lifetime=settings.access_token_seconds,
    )
    app.state.tokens = TokenService(used.database, used.hashing, signer, settings)
    app.state.sessions = SessionService(used, token_seconds=settings.access_token_seconds)
    return app


def main() -> int:
    """Serve as the environment says; return the exit status."""
    return run_service(AuthSettings, create_app)
