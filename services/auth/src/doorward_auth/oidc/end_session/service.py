"""The rules of the end session endpoint."""

from dataclasses import dataclass
from typing import Final

import sqlalchemy as sa
import structlog

from doorward_auth.browser_sessions import repository as browser_sessions
from doorward_auth.browser_sessions.repository import BrowserSession
from doorward_auth.browser_sessions.service import BrowserSessionService, note_visitor
from doorward_auth.browser_sessions.tokens import BrowserSessionToken
from doorward_auth.oidc import redirects
from doorward_auth.oidc.authorization.query import Query
from doorward_auth.oidc.clients import repository as clients
from doorward_auth.oidc.clients.client import RegisteredClient
from doorward_auth.oidc.id_token_hints import IdTokenHint, read_hint
from doorward_auth.oidc.provider import OpenIdProvider
from doorward_identity.resources import IdentityResources

log = structlog.get_logger(__name__)

PATH: Final = "/api/v1/auth/end-session"
CONFIRM_PAGE: Final = "/auth/logout"
SIGNED_OUT_PAGE: Final = "/auth/signed-out"


@dataclass(frozen=True, slots=True)
class EndAnswer:
    """Where the browser goes. `has_ended` is whether its cookie is of no valid session any more."""

    location: str
    has_ended: bool


class EndSessionService:
    """Signs users out at the request of a client."""

    def __init__(
        self, resources: IdentityResources, provider: OpenIdProvider, sessions: BrowserSessionService
    ) -> None:
        self._database = resources.database
        self._provider = provider
        self._sessions = sessions

    async def answer(self, query: Query, token: BrowserSessionToken | None) -> EndAnswer:
        """End the browser session, or let its user confirm that first; raises OidcNotConfiguredError.

        Only an ID token of this session proves that the client may end it at once. Anything else could be
        anyone's link: the user is asked, and is sent nowhere afterwards.
        """
        self._provider.require()
        hint = self._hint_of(query)

        def work(connection: sa.Connection) -> tuple[RegisteredClient | None, BrowserSession | None]:
            client = None if hint is None else clients.find(connection, hint.client_id)
            session = None if token is None else browser_sessions.find_valid(connection, token)
            return client, session

        client, session = await self._database.read(work)
        note_visitor(session)
        uri = query.get("post_logout_redirect_uri")
        if (
            client is None
            or client.is_disabled
            or not _names_session(hint, session)
            or not _may_go_to(client, uri)
        ):
            return EndAnswer(SIGNED_OUT_PAGE if session is None else CONFIRM_PAGE, has_ended=session is None)
        if session is not None:
            await self._sessions.end(session)
            log.info("logout.by_client", client_id=client.client_id, browser_session_id=str(session.id))
        if uri is None:
            return EndAnswer(SIGNED_OUT_PAGE, has_ended=True)
        return EndAnswer(redirects.with_parameters(uri, {"state": query.get("state")}), has_ended=True)

    def _hint_of(self, query: Query) -> IdTokenHint | None:
        """Return what the ID token says; None without one that can be trusted in this request."""
        text = query.get("id_token_hint")
        if text is None or query.repeated() is not None:
            return None
        hint = read_hint(self._provider.keys, self._provider.issuer, text)
        if hint is None or query.get("client_id") not in {None, hint.client_id}:
            return None
        return hint


def _names_session(hint: IdTokenHint | None, session: BrowserSession | None) -> bool:
    """Tell whether a hint is of the session that is there; where none is, nothing can be ended."""
    if hint is None:
        return False
    return session is None or (hint.session_id, hint.user_id) == (session.id, session.account.id)


def _may_go_to(client: RegisteredClient, uri: str | None) -> bool:
    return uri is None or uri in client.post_logout_redirect_uris
