"""The auth service's application and its process."""

from fastapi import FastAPI

from doorward_auth.accounts import endpoints as account_endpoints
from doorward_auth.audit import endpoints as audit_endpoints
from doorward_auth.captcha.service import Captcha
from doorward_auth.composition import AuthServices
from doorward_auth.discovery import endpoints as discovery_endpoints
from doorward_auth.email_change import endpoints as email_endpoints
from doorward_auth.mails import endpoints as mail_endpoints
from doorward_auth.mails.room import MailRoom
from doorward_auth.oauth import endpoints as oauth_endpoints
from doorward_auth.passwords import endpoints as password_endpoints
from doorward_auth.registration import endpoints as registration_endpoints
from doorward_auth.revocations import endpoints as revocation_endpoints
from doorward_auth.sessions import endpoints as session_endpoints
from doorward_auth.settings import AuthSettings
from doorward_auth.sweeper import Sweeper
from doorward_auth.throttling.service import Throttle
from doorward_auth.tokens import endpoints as token_endpoints
from doorward_common.app import create_service
from doorward_common.server import run_service
from doorward_identity.runtime import IdentityRuntime
from doorward_identity.schema import schema_problem


def create_app(settings: AuthSettings, runtime: IdentityRuntime | None = None) -> FastAPI:
    """Build the application. Nothing connects before the first request.

    A process that serves several services hands each the same `runtime`, and closes it itself.
    """
    used = runtime or IdentityRuntime(settings)
    mail = MailRoom(used, settings)
    throttle = Throttle(used, settings.redis_url.get_secret_value() if settings.redis_url else None)
    captcha = Captcha(settings, throttle, used.metrics.registry)
    app = create_service(
        "auth",
        "Logs people in and keeps them in: tokens, sessions, passwords, registration, the audit log.",
        settings,
        used,
        routers=[
            token_endpoints.hot_router,
            token_endpoints.router,
            session_endpoints.router,
            registration_endpoints.router,
            password_endpoints.router,
            email_endpoints.router,
            oauth_endpoints.router,
            revocation_endpoints.router,
            account_endpoints.router,
            audit_endpoints.router,
            mail_endpoints.router,
            discovery_endpoints.router,
        ],
        schema_problem=schema_problem,
        owns_runtime=runtime is None,
        background=[Sweeper(used.database).run, mail.run, throttle.run, captcha.run],
    )
    app.state.services = services = AuthServices.build(used, throttle, captcha, mail, settings)
    used.feed.listener = services.revocation_log.add
    return app


def main() -> int:
    """Serve as the environment says; return the exit status."""
    return run_service(AuthSettings, create_app)
