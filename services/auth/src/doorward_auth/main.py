"""The auth service's application and its process."""

from typing import Final

from fastapi import FastAPI

from doorward_auth.account_lookup import endpoints as account_endpoints
from doorward_auth.account_mail import endpoints as mail_endpoints
from doorward_auth.account_mail.sender import MailSender
from doorward_auth.audit import endpoints as audit_endpoints
from doorward_auth.captcha.service import Captcha
from doorward_auth.cleanup import cleanup_task
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
from doorward_kit.app import ServiceDefinition, create_service
from doorward_kit.server import run_service

AUTH: Final = ServiceDefinition(
    name="auth",
    description="Logs people in and keeps them in: tokens, sessions, passwords, registration, the audit log.",
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
)


def create_app(settings: AuthSettings, runtime: IdentityResources | None = None) -> FastAPI:
    """Build the application. Nothing connects before the first request.

    A process that serves several services hands each the same `runtime`, and closes it itself.
    """
    used = runtime or IdentityResources(settings)
    mail = MailSender(used, settings)
    throttle = RateLimiter(used, settings.redis_url.get_secret_value() if settings.redis_url else None)
    captcha = Captcha(settings, throttle, used.metrics.registry)
    cleanup = cleanup_task(used.database, dead_letter_days=settings.mail_dead_letter_retention_days)
    services = AuthContainer.build(used, throttle, captcha, mail, settings)
    return create_service(
        AUTH,
        settings,
        used,
        services,
        background=[cleanup.run, mail.run, throttle.run, captcha.run],
        owns_resources=runtime is None,
    )


def main() -> int:
    """Serve as the environment says; return the exit status."""
    return run_service(AuthSettings, create_app)
