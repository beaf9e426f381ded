"""The auth service's application and its process."""

from functools import partial
from typing import Final

from fastapi import FastAPI

from doorward_auth.account_lookup import endpoints as account_lookup
from doorward_auth.account_mail import endpoints as account_mail
from doorward_auth.audit import endpoints as audit
from doorward_auth.cleanup import cleanup_task
from doorward_auth.discovery import endpoints as discovery
from doorward_auth.discovery.endpoints import WELL_KNOWN as METADATA
from doorward_auth.email_change import endpoints as email_change
from doorward_auth.events import endpoints as events
from doorward_auth.introspection import endpoints as introspection
from doorward_auth.oidc.authorization import endpoints as authorization
from doorward_auth.oidc.clients import endpoints as clients
from doorward_auth.oidc.consents import endpoints as consents
from doorward_auth.oidc.end_session import endpoints as end_session
from doorward_auth.oidc.userinfo import endpoints as userinfo
from doorward_auth.pages.account import endpoints as account_pages
from doorward_auth.pages.consent import endpoints as consent_pages
from doorward_auth.pages.frame import endpoints as page_frame
from doorward_auth.pages.frame.errors import page_renderer
from doorward_auth.pages.passwords import endpoints as password_pages
from doorward_auth.pages.registration import endpoints as registration_pages
from doorward_auth.pages.sign_in import endpoints as sign_in_pages
from doorward_auth.pages.upstream import endpoints as upstream_pages
from doorward_auth.passwords import endpoints as passwords
from doorward_auth.registration import endpoints as registration
from doorward_auth.revocation_feed import endpoints as revocation_feed
from doorward_auth.services import AuthServices
from doorward_auth.sessions import endpoints as sessions
from doorward_auth.settings import AuthSettings
from doorward_auth.sign_in import endpoints as sign_in
from doorward_auth.tokens import endpoints as tokens
from doorward_auth.upstream.links import endpoints as upstream_links
from doorward_auth.upstream.links.errors import RecentLoginRequiredError
from doorward_auth.upstream.logins import endpoints as upstream_logins
from doorward_auth.upstream.redirects import endpoints as upstream_redirects
from doorward_auth.upstream.tokens import endpoints as upstream_tokens
from doorward_client.errors import render_problem, setup_error_handlers
from doorward_identity.audit.rejected_calls import RejectedCalls, setup_rejection_audit
from doorward_identity.audit.repository import AuditAction
from doorward_identity.current_account import AUTHORITY_ERRORS
from doorward_identity.resources import IdentityResources
from doorward_identity.schema import schema_problem
from doorward_kit.app import ServiceDefinition, create_service
from doorward_kit.cors import CorsRoutes
from doorward_kit.oauth import renderer_for
from doorward_kit.openapi_errors import load_errors
from doorward_kit.server import run_service

VERIFY_ROUTE: Final = "/api/v1/auth/verify"
OAUTH_ROUTES: Final = tuple(
    f"/api/v1/auth/{endpoint}" for endpoint in ("token", "refresh-token", "introspect", "revoke")
)

CORS_ROUTES: Final = CorsRoutes(
    public=[
        f"/api/v1/auth{METADATA}",
        f"{METADATA}/api/v1/auth",
        "/api/v1/auth/.well-known/openid-configuration",
        "/api/v1/auth/jwks.json",
    ],
    with_credentials=[
        *(f"/api/v1/auth/{endpoint}" for endpoint in ("token", "refresh-token", "step-up", "logout")),
        "/api/v1/auth/upstream/{provider}/token",
        "/api/v1/auth/upstream/{provider}/register",
    ],
    navigated=[
        "/api/v1/auth/authorize",
        "/api/v1/auth/end-session",
        "/api/v1/auth/upstream/{provider}/callback",
    ],
)
BROWSER_ROUTES: Final = tuple(f"/api/v1/auth/{endpoint}" for endpoint in ("authorize", "end-session"))
"""Browsers navigate to them: their errors are pages."""

AUTH: Final = ServiceDefinition(
    name="auth",
    description="Sign-in, tokens, sessions, passwords, registration, and the audit log.",
    routers=[
        tokens.fast_router,
        events.fast_router,
        sign_in.router,
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
        clients.router,
        upstream_logins.form_router,
        upstream_tokens.router,
        upstream_redirects.router,
        upstream_links.router,
        page_frame.router,
        sign_in_pages.router,
        registration_pages.router,
        password_pages.router,
        account_pages.router,
        consent_pages.router,
        upstream_pages.router,
        authorization.router,
        userinfo.fast_router,
        consents.router,
        end_session.router,
    ],
    schema_problem=schema_problem,
    # They exchange the upstream's code, which can be done once, issue a code, and end a session.
    without_head=[
        "/api/v1/auth/upstream/{provider}/callback",
        "/auth/login/upstream/{name}",
        "/api/v1/auth/authorize",
        "/api/v1/auth/end-session",
    ],
    oauth_routes=OAUTH_ROUTES,
    page_routes=BROWSER_ROUTES,
    cors_routes=CORS_ROUTES,
    errors=partial(load_errors, "doorward_auth"),
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
    browser_routes = BROWSER_ROUTES if services.site.is_on else ()
    app = create_service(
        AUTH,
        settings,
        used,
        services,
        background=[
            cleanup.run,
            services.mail.run,
            services.client_snapshot.run,
            services.captcha.run,
            services.events.run,
            services.event_publisher.run,
            *services.upstream.background(),
            *services.provider.background(),
            services.backchannel.run,
        ],
        max_upload_bytes=settings.max_upload_bytes,
        registered_origins=services.client_snapshot.origins,
        render_error=page_renderer(services.site, render_problem, routes=browser_routes),
        owns_resources=resources is None,
    )
    setup_error_handlers(app, page_renderer(services.site, renderer_for(OAUTH_ROUTES), routes=browser_routes))
    rejected_calls = RejectedCalls(used.database, AuditAction.CALL_REJECTED_BY_AUTH)
    # A proxy asks about requests to other applications: these rejections are not of Doorward's calls.
    errors = (*AUTHORITY_ERRORS, RecentLoginRequiredError)
    setup_rejection_audit(app, rejected_calls, errors, except_routes=[VERIFY_ROUTE])
    return app


def main() -> int:
    """Serve as the environment says; return the exit status."""
    return run_service(AuthSettings, create_app)
