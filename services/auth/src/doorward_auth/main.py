"""The auth service's application and its process."""

from typing import Final

from fastapi import FastAPI

from doorward_auth.account_lookup import endpoints as account_lookup
from doorward_auth.account_mail import endpoints as account_mail
from doorward_auth.audit import endpoints as audit
from doorward_auth.cleanup import cleanup_task
from doorward_auth.discovery import endpoints as discovery
from doorward_auth.email_change import endpoints as email_change
from doorward_auth.events import endpoints as events
from doorward_auth.introspection import endpoints as introspection
from doorward_auth.passwords import endpoints as passwords
from doorward_auth.registration import endpoints as registration
from doorward_auth.revocation_feed import endpoints as revocation_feed
from doorward_auth.services import AuthServices
from doorward_auth.sessions import endpoints as sessions
from doorward_auth.settings import AuthSettings
from doorward_auth.sign_in import endpoints as sign_in
from doorward_auth.tokens import endpoints as tokens
from doorward_auth.upstream.links import endpoints as upstream_links
from doorward_auth.upstream.logins import endpoints as upstream_logins
from doorward_auth.upstream.redirects import endpoints as upstream_redirects
from doorward_auth.upstream.tokens import endpoints as upstream_tokens
from doorward_identity.audit.refused_calls import RefusedCalls, setup_refusal_audit
from doorward_identity.audit.repository import AuditAction
from doorward_identity.current_account import AUTHORITY_ERRORS
from doorward_identity.resources import IdentityResources
from doorward_identity.schema import schema_problem
from doorward_kit.app import ServiceDefinition, create_service
from doorward_kit.server import run_service

VERIFY_ROUTE: Final = "/api/v1/auth/verify"

AUTH: Final = ServiceDefinition(
    name="auth",
    description="Sign-in, tokens, sessions, passwords, registration, and the audit log.",
    routers=[
        tokens.fast_router,
        events.fast_router,
        sign_in.router,
        tokens.router,
        sessions.router,
        registration.form_router,
        registration.router,
        passwords.router,
        email_change.router,
        introspection.router,
        revocation_feed.router,
        account_lookup.router,
        audit.router,
        account_mail.router,
        discovery.router,
        upstream_logins.form_router,
        upstream_tokens.router,
        upstream_redirects.router,
        upstream_links.router,
    ],
    schema_problem=schema_problem,
)


def create_app(settings: AuthSettings, resources: IdentityResources | None = None) -> FastAPI:
    """Build the application. Nothing connects before the first request.

    A process that serves several services passes each the same `resources`, and closes them itself.
    """
    used = resources or IdentityResources(settings)
    services = AuthServices.create(settings, used)
    cleanup = cleanup_task(
        used.database, used.avatars, dead_letter_days=settings.mail_dead_letter_retention_days
    )
    app = create_service(
        AUTH,
        settings,
        used,
        services,
        background=[
            cleanup.run,
            services.mail.run,
            services.captcha.run,
            services.events.run,
            services.event_publisher.run,
            *services.upstream.background(),
        ],
        max_upload_bytes=settings.max_upload_bytes,
        owns_resources=resources is None,
    )
    refused_calls = RefusedCalls(used.database, AuditAction.CALL_REFUSED_BY_AUTH)
    # A proxy asks about requests to other applications: these refusals are not of Doorward's calls.
    setup_refusal_audit(app, refused_calls, AUTHORITY_ERRORS, except_routes=[VERIFY_ROUTE])
    return app


def main() -> int:
    """Serve as the environment says; return the exit status."""
    return run_service(AuthSettings, create_app)
