"""A browser as the pages of auth see it: the session that a sign-in at them opens."""

import uuid
from datetime import UTC, datetime
from typing import Any

import sqlalchemy as sa

from doorward_auth import account_repository
from doorward_auth.authentication import Authentication
from doorward_auth.browser_sessions.repository import BrowserSession
from doorward_auth.browser_sessions.service import BrowserSessionService, OpenedBrowserSession
from doorward_auth.browser_sessions.tokens import BrowserSessionToken
from doorward_auth.request_source import RequestSource
from integration.harness.installation import Installation
from integration.harness.people import Person

DEVICE = "Firefox of the tests"


def service_of(installation: Installation) -> BrowserSessionService:
    """Return the service that the pages use."""
    service: BrowserSessionService = installation.auth_app.state.services.browser_sessions
    return service


def sign_in(installation: Installation, person: Person, **options: Any) -> OpenedBrowserSession:
    """Open a browser session, as a page does after a right password."""

    def work(connection: sa.Connection) -> OpenedBrowserSession:
        account = account_repository.find_by_id(connection, uuid.UUID(person.id))
        assert account is not None
        return service_of(installation).open(
            connection,
            account,
            Authentication(options.pop("auth_time", datetime.now(UTC).replace(microsecond=0)), "aal1", "pwd"),
            RequestSource(DEVICE, "192.0.2.7"),
            **options,
        )

    portal = installation.auth.portal
    assert portal is not None
    opened: OpenedBrowserSession = portal.call(installation.auth_app.state.resources.database.write, work)
    return opened


def current(installation: Installation, token: BrowserSessionToken | None) -> BrowserSession | None:
    """Return the session that a cookie's token is valid for."""
    portal = installation.auth.portal
    assert portal is not None
    found: BrowserSession | None = portal.call(service_of(installation).current, token)
    return found
