"""The auth service's application and its process."""

from fastapi import FastAPI

from doorward_auth.account_lookup import endpoints as account_endpoints
from doorward_auth.account_mail import endpoints as mail_endpoints
from doorward_auth.account_mail.sender import MailSender
from doorward_auth.audit import endpoints as audit_endpoints
from doorward_auth.captcha.service import Captcha
from doorward_auth.cleanup import CleanupTask
from doorward_auth.container import AuthContainer
from doorward_auth.discovery import endpoints as discovery_endpoints
from doorward_auth.email_change import endpoints as email_endpoints
from doorward_auth.introspection import endpoints as oauth_endpoints
from doorward_auth.passwords import endpoints as password_endpoints
from doorward_auth.rate_limiting.service import RateLimiter
from doorward_auth.registration import endpoints as registration_endpoints
from doorward_auth.revocation_feed import endpoints as revocation_endpoints
from doorward_auth.sessions import endpoints as session_endpoints
from doorward_auth.settings import AuthSettings
from doorward_auth.tokens import endpoints as token_endpoints
from doorward_identity.resources import IdentityResources
from doorward_identity.schema import schema_problem
from doorward_kit.app import create_service
from doorward_kit.server import run_service


def create_app(settings: AuthSettings, runtime: IdentityResources | None = None) -> FastAPI:
    """Build the application. Nothing connects before the first request.

    A process that serves several services hands each the same `runtime`, and closes it itself.
    """
    used = runtime or IdentityResources(settings)
    mail = MailSender(used, settings)
    throttle = RateLimiter(used, settings.redis_url.get_secret_value() if settings.redis_url else None)
    captcha = Captcha(settings, throttle, used.metrics.registry)
    app = create_service(
        "auth",
        "Logs people in and keeps them in: tokens, sessions, passwords, registration, the audit log.",
        settings,
        used,
        routers=[
            token_endpoints.fast_router,
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
        background=[CleanupTask(used.database).run, mail.run, throttle.run, captcha.run],
    )
    app.state.services = AuthContainer.build(used, throttle, captcha, mail, settings)
    return app


def main() -> int:
    """Serve as the environment says; return the exit status."""
    return run_service(AuthSettings, create_app)
