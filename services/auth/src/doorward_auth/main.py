"""The auth service's application and its process."""

from fastapi import FastAPI

from doorward_auth.audit import endpoints as audit_endpoints
from doorward_auth.discovery import endpoints as discovery_endpoints
from doorward_auth.oauth import endpoints as oauth_endpoints
from doorward_auth.oauth.service import TokenInspector
from doorward_auth.passwords.proof import PasswordProofs
from doorward_auth.revocations import endpoints as revocation_endpoints
from doorward_auth.revocations.log import RevocationLog
from doorward_auth.sessions import endpoints as session_endpoints
from doorward_auth.sessions.service import SessionService
from doorward_auth.sessions.sweeper import Sweeper
from doorward_auth.settings import AuthSettings
from doorward_auth.signing import Signer
from doorward_auth.tokens import endpoints as token_endpoints
from doorward_auth.tokens.logins import LoginService
from doorward_auth.tokens.refreshes import RefreshService
from doorward_common.app import create_service
from doorward_common.server import run_service
from doorward_identity.audit_log import AuditLog
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
        routers=[
            token_endpoints.hot_router,
            token_endpoints.router,
            session_endpoints.router,
            oauth_endpoints.router,
            revocation_endpoints.router,
            audit_endpoints.router,
            discovery_endpoints.router,
        ],
        schema_problem=schema_problem,
        owns_runtime=runtime is None,
        background=[Sweeper(used.database).run],
    )
    signer = Signer(
        used.verification.keys,
        issuer=settings.issuer,
        audience=settings.audience,
        lifetime=settings.access_token_seconds,
    )
    proofs = PasswordProofs(used)
    app.state.logins = LoginService(used, proofs, signer, settings)
    app.state.refreshes = RefreshService(used, signer, settings)
    app.state.sessions = SessionService(used, token_seconds=settings.access_token_seconds)
    app.state.inspector = TokenInspector(used, settings)
    app.state.audit = AuditLog(used, settings)
    app.state.clients = settings.client_registry()
    app.state.revocation_log = RevocationLog(used.verification.revocations)
    used.feed.listener = app.state.revocation_log.add
    return app


def main() -> int:
    """Serve as the environment says; return the exit status."""
    return run_service(AuthSettings, create_app)
