"""The pages of one's own account. They need a session of the browser, and lead to the login without one."""

import uuid
from typing import Any, Final

from starlette.responses import RedirectResponse, Response

from doorward_auth.browser_sessions.cookie import BrowserSessionCookie
from doorward_auth.browser_sessions.repository import BrowserSession
from doorward_auth.browser_sessions.service import BrowserSessionService
from doorward_auth.oidc.consents.repository import Consent
from doorward_auth.oidc.consents.service import ConsentNotFoundError, ConsentService
from doorward_auth.pages.account.devices import device_name
from doorward_auth.pages.account.excerpt import Excerpt
from doorward_auth.pages.consent.scopes import scope_texts
from doorward_auth.pages.frame.continuation import HOME, Continuation
from doorward_auth.pages.frame.forms import FormPage, Forms
from doorward_auth.pages.frame.schemas import NoFields
from doorward_auth.pages.frame.site import PageSite
from doorward_auth.pages.frame.visitor import Visitor
from doorward_auth.sessions.listing import SessionKind, SessionSummary
from doorward_auth.sessions.service import SessionNotFoundError, SessionService
from doorward_ui import times
from doorward_ui.texts import Texts

END_SESSION: Final = "/auth/account/sessions/end"
WITHDRAW: Final = "/auth/account/applications/withdraw"
END_OTHERS: Final = "/auth/account/sessions/end-others"
SIGN_OUT: Final = FormPage("sign_out.html", "/auth/logout", NoFields)

NOTICES: Final = frozenset({"session-ended", "sessions-ended", "withdrawn"})


class AccountPages:
    """Shows an account, and changes its sessions."""

    def __init__(
        self,
        site: PageSite,
        forms: Forms,
        browser_sessions: BrowserSessionService,
        sessions: SessionService,
        consents: ConsentService,
    ) -> None:
        self._site = site
        self._forms = forms
        self._browser_sessions = browser_sessions
        self._sessions = sessions
        self._consents = consents

    async def show(self, visitor: Visitor) -> Response:
        """Return the account, or the way to the login."""
        current = await self._browser_sessions.current(visitor.session_token)
        return self._to_login(visitor) if current is None else await self._show(visitor, current)

    async def end_session(self, visitor: Visitor) -> Response:
        """End one of the user's sessions. One that has ended meanwhile is no error."""
        current = await self._session_of_form(visitor)
        if isinstance(current, Response):
            return current
        try:
            session_id = uuid.UUID(visitor.fields.get("session_id", ""))
            await self._sessions.end_own(current.account.id, session_id)
        except (ValueError, SessionNotFoundError):
            return self._to_account()
        return self._to_account("session-ended")

    async def end_others(self, visitor: Visitor) -> Response:
        """End every session of the user but this browser's."""
        current = await self._session_of_form(visitor)
        if isinstance(current, Response):
            return current
        await self._sessions.end_others(current.account.id, keep=current.id)
        return self._to_account("sessions-ended")

    async def withdraw(self, visitor: Visitor) -> Response:
        """Take back what the user allowed an application. One that has nothing any more is no error."""
        current = await self._session_of_form(visitor)
        if isinstance(current, Response):
            return current
        try:
            await self._consents.withdraw(current.account.id, visitor.fields.get("client_id", ""))
        except ConsentNotFoundError:
            return self._to_account()
        return self._to_account("withdrawn")

    async def show_sign_out(self, visitor: Visitor) -> Response:
        """Ask whether to sign out: a link of another site must not do it."""
        current = await self._browser_sessions.current(visitor.session_token)
        if current is None:
            return self._signed_out()
        return self._ask_to_sign_out(visitor, current)

    async def sign_out(self, visitor: Visitor) -> Response:
        """End the browser's session. Without one there is nothing to do, which is no error."""
        current = await self._browser_sessions.current(visitor.session_token)
        if current is None:
            return self._signed_out()
        if not visitor.is_own_form:
            return self._ask_to_sign_out(visitor, current)
        await self._browser_sessions.end(current)
        return self._signed_out()

    def show_signed_out(self, visitor: Visitor) -> Response:
        """Say that no user is signed in here."""
        return self._forms.page(visitor, "signed_out.html")

    async def _session_of_form(self, visitor: Visitor) -> BrowserSession | Response:
        """Return the session that sent a form of the account, or the page that answers it instead."""
        current = await self._browser_sessions.current(visitor.session_token)
        if current is None:
            return self._to_login(visitor)
        return current if visitor.is_own_form else await self._show(visitor, current)

    async def _show(self, visitor: Visitor, current: BrowserSession) -> Response:
        """Return the account: the latest sessions and some applications, or those after a cursor."""
        query = visitor.request.query_params
        notice, texts = query.get("done", ""), self._site.pages.texts[visitor.language]
        sessions = Excerpt.of(
            await self._sessions.list_live(current.account.id), query.get("sessions"), lambda one: str(one.id)
        )
        applications = Excerpt.of(
            await self._consents.list_of(current.account.id),
            query.get("applications"),
            lambda one: one.client_id,
        )
        form_errors = self._forms.errors_of_foreign_form(visitor)
        return self._forms.page(
            visitor,
            "account.html",
            {
                "account": current.account,
                "problem": None if form_errors is None else form_errors.problem,
                "has_errors": form_errors is not None,
                "notice": notice if notice in NOTICES else None,
                "sessions": sessions.map(lambda session: self._session(visitor, session, current, texts)),
                "end_others": self._forms.button(visitor, END_OTHERS),
                "applications": applications.map(lambda consent: self._application(visitor, consent, texts)),
            },
            status=200 if form_errors is None else form_errors.status,
        )

    def _ask_to_sign_out(self, visitor: Visitor, current: BrowserSession) -> Response:
        return self._forms.show(
            visitor,
            SIGN_OUT,
            form_errors=self._forms.errors_of_foreign_form(visitor),
            variables={"email": current.account.email},
        )

    def _session(
        self, visitor: Visitor, session: SessionSummary, current: BrowserSession, texts: Texts
    ) -> dict[str, Any]:
        device = device_name(session.user_agent, texts)
        is_client = session.kind is SessionKind.CLIENT and session.client is not None
        return {
            "name": texts("account.client_session", client=session.client, device=device)
            if is_client
            else device,
            "ip": session.ip_address,
            "last_used": times.format_time(session.last_used_at, visitor.language),
            "last_used_iso": times.iso_time(session.last_used_at),
            "is_current": session.id == current.id,
            "form": self._forms.button(visitor, END_SESSION, {"session_id": str(session.id)}),
        }

    def _application(self, visitor: Visitor, consent: Consent, texts: Texts) -> dict[str, Any]:
        return {
            "name": consent.client_name,
            "scopes": scope_texts(consent.scopes, texts),
            "granted": times.format_time(consent.granted_at, visitor.language),
            "granted_iso": times.iso_time(consent.granted_at),
            "form": self._forms.button(visitor, WITHDRAW, {"client_id": consent.client_id}),
        }

    def _signed_out(self) -> Response:
        response = RedirectResponse("/auth/signed-out", status_code=303)
        self._cookie.clear(response)
        return response

    def _to_login(self, visitor: Visitor) -> Response:
        response = RedirectResponse(Continuation(HOME).link("/auth/login"), status_code=303)
        if visitor.session_token is not None:
            # Of a session that has ended, or whose account has changed.
            self._cookie.clear(response)
        return response

    @staticmethod
    def _to_account(done: str | None = None) -> Response:
        return RedirectResponse(HOME if done is None else f"{HOME}?done={done}", status_code=303)

    @property
    def _cookie(self) -> BrowserSessionCookie:
        return BrowserSessionCookie(self._site.is_secure)
