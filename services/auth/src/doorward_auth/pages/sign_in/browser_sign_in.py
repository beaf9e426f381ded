"""The end of a sign-in with a browser, whatever it was proven by: the session, its cookies, the redirect."""

from datetime import datetime

import sqlalchemy as sa
import structlog
from starlette.responses import Response

from doorward_auth.account_repository import Account
from doorward_auth.authentication import Authentication
from doorward_auth.browser_sessions.cookie import BrowserSessionCookie
from doorward_auth.browser_sessions.service import BrowserSessionService, OpenedBrowserSession
from doorward_auth.known_devices import DeviceToken
from doorward_auth.pages.frame.continuation import HOME
from doorward_auth.pages.frame.forms import Forms
from doorward_auth.pages.frame.site import DEVICE_COOKIE, YEAR_SECONDS, PageSite
from doorward_auth.pages.frame.visitor import Visitor
from doorward_auth.request_source import RequestSource
from doorward_auth.sign_in.flow import OpenSession
from doorward_auth.sign_in.steps import Authenticated
from doorward_auth.upstream.logins.session_opener import CompletedLogin, OpenUpstreamSession
from doorward_client.request_context import note_caller

log = structlog.get_logger(__name__)


class BrowserSignIn:
    """Opens sessions of browsers, and sets their cookies."""

    def __init__(self, site: PageSite, forms: Forms, browser_sessions: BrowserSessionService) -> None:
        self._site = site
        self._forms = forms
        self._browser_sessions = browser_sessions

    def opener(self, visitor: Visitor, *, is_remembered: bool) -> OpenSession[OpenedBrowserSession]:
        """Return what opens a session of the visitor's browser, instead of the one that it may have."""

        def open_session(
            connection: sa.Connection,
            account: Account,
            authenticated: Authenticated,
            auth_time: datetime,
            source: RequestSource,
            known_device: DeviceToken | None,
        ) -> OpenedBrowserSession:
            return self._browser_sessions.open(
                connection,
                account,
                Authentication(auth_time, authenticated.acr, authenticated.amr),
                source,
                known_device,
                replaces=visitor.session_token,
                is_remembered=is_remembered,
            )

        return open_session

    def upstream_opener(
        self, visitor: Visitor, *, is_remembered: bool
    ) -> OpenUpstreamSession[OpenedBrowserSession]:
        """Return what opens such a session for a login at an upstream, with what that says about the user."""

        def open_session(
            connection: sa.Connection,
            account: Account,
            authenticated: Authenticated,
            auth_time: datetime,
            completed: CompletedLogin,
        ) -> OpenedBrowserSession:
            return self._browser_sessions.open(
                connection,
                account,
                Authentication(auth_time, authenticated.acr, authenticated.amr),
                completed.source,
                completed.device,
                replaces=visitor.session_token,
                is_remembered=is_remembered,
                extensions=completed.login.user.claims,
                login_name=completed.login_name,
            )

        return open_session

    def signed_in(
        self, visitor: Visitor, opened: OpenedBrowserSession, device_cookie: str = DEVICE_COOKIE
    ) -> Response:
        """Return the redirect, with the cookies of the session and of a new device."""
        note_caller(opened.user_id, opened.token.id)
        log.info("login.succeeded", browser_session_id=str(opened.token.id))
        response = self._forms.redirect(
            visitor, visitor.continuation.target or HOME, title="redirect.signed_in"
        )
        BrowserSessionCookie(self._site.is_secure).set(response, opened)
        if opened.device_token is not None:
            self._site.cookies.set(response, device_cookie, str(opened.device_token), seconds=YEAR_SECONDS)
        return response
