"""The rules of the authorization endpoint."""

import time
import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final, assert_never
from urllib.parse import quote

import sqlalchemy as sa
import structlog
import uuid_utils.compat as uuid7s
from sqlalchemy import exc

from doorward_auth.browser_sessions.service import BrowserSessionService, note_visitor
from doorward_auth.browser_sessions.tokens import BrowserSessionToken
from doorward_auth.oidc import redirects, scopes
from doorward_auth.oidc.authorization import codes, interaction
from doorward_auth.oidc.authorization.codes import AuthorizationCode, NewCode
from doorward_auth.oidc.authorization.context import AuthorizationContext, read_context
from doorward_auth.oidc.authorization.decision import InteractionPage, SignedIn, Success, decide
from doorward_auth.oidc.authorization.errors import (
    AuthorizationError,
    ClientNotAllowedError,
    ErrorResponse,
)
from doorward_auth.oidc.authorization.interaction import Interaction
from doorward_auth.oidc.authorization.query import Query
from doorward_auth.oidc.authorization.request import AuthorizationRequest, Prompt, state_of
from doorward_auth.oidc.id_token_hints import read_hint
from doorward_auth.oidc.provider import OpenIdProvider
from doorward_client.keys.key_store import NoSigningKeyError
from doorward_client.request_context import note_rejection
from doorward_identity.audit.rejected_calls import RejectedCalls
from doorward_identity.audit.repository import AuditAction
from doorward_identity.errors import TooManyAttemptsError
from doorward_identity.resources import IdentityResources

log = structlog.get_logger(__name__)

PATH: Final = "/api/v1/auth/authorize"

_LIMIT: Final = "authorization-codes"

_PAGES: Final = {
    InteractionPage.LOGIN: "/auth/login",
    InteractionPage.CHOOSE_ACCOUNT: "/auth/choose-account",
    InteractionPage.CONSENT: "/auth/consent",
}


@dataclass(frozen=True, slots=True)
class AuthorizationAnswer:
    """Where the browser goes. `is_signed_out` is whether its cookie is of no valid session."""

    location: str
    is_signed_out: bool


class AuthorizationService:
    """Answers authorization requests."""

    def __init__(
        self, resources: IdentityResources, provider: OpenIdProvider, sessions: BrowserSessionService
    ) -> None:
        self._database = resources.database
        self._keys = resources.verification.keys
        self._provider = provider
        self._sessions = sessions
        self._rejections = resources.metrics.rate_limit_rejections.labels(_LIMIT)
        self._rejected_calls = RejectedCalls(resources.database, AuditAction.CALL_REJECTED_BY_AUTH)

    async def answer(self, query: Query, token: BrowserSessionToken | None) -> AuthorizationAnswer:
        """Return the redirect to the client, or to a page.

        Raises OidcNotConfiguredError; and for a page UnknownClientError, UnregisteredRedirectError,
        ClientNotAllowedError, TooManyAttemptsError, NoSigningKeyError.
        """
        self._provider.require()
        context = await self._read(query, token)
        note_visitor(context.session)
        try:
            location = await self._location(query, context, token)
        except exc.IntegrityError:
            # The client or the user was deleted meanwhile: there is nothing that a code could be of.
            context = await self._read(query, token)
            location = await self._location(query, context, token)
        return AuthorizationAnswer(location, is_signed_out=token is not None and context.session is None)

    async def _read(self, query: Query, token: BrowserSessionToken | None) -> AuthorizationContext:
        return await self._database.read(lambda connection: read_context(connection, query, token))

    async def _location(
        self, query: Query, context: AuthorizationContext, token: BrowserSessionToken | None
    ) -> str:
        if isinstance(context.request, ErrorResponse):
            return self._error_location(query, context, context.request)
        try:
            # Before the user does anything for a code that no token could be signed for.
            _ = self._provider.keys.signing_with(context.client.id_token_alg.value)
        except NoSigningKeyError:
            if Prompt.NONE not in context.request.prompts:
                raise
            # In a hidden frame the user would not see a page.
            error = ErrorResponse(AuthorizationError.TEMPORARILY_UNAVAILABLE, "no token can be signed now")
            return self._error_location(query, context, error)
        now = int(time.time())
        valid = token if context.session is not None else None
        known = interaction.read(query, self._keys.secrets, now)
        begun = known or interaction.begin(valid, now)
        signed_in = None if valid is None else _signed_in(context, begun, valid, is_new=known is None)
        decision = decide(
            context.request,
            signed_in,
            begun.choices_of(token),
            self._hinted_user(context.request.id_token_hint),
        )
        match decision:
            case ErrorResponse():
                return self._error_location(query, context, decision)
            case Success():
                return await self._issued(query, context, context.request)
            case InteractionPage.NOT_ALLOWED:
                return await self._not_allowed(query, context, begun)
            case InteractionPage():
                back = continuation_of(query, begun, self._keys.secrets)
                return f"{_PAGES[decision]}?continue={quote(back, safe='')}"
            case _:
                assert_never(decision)

    async def _issued(
        self, query: Query, context: AuthorizationContext, request: AuthorizationRequest
    ) -> str:
        session = context.session
        assert session is not None  # decide() answers so only for one
        code = AuthorizationCode.issue(uuid7s.uuid7())
        row = NewCode(
            id=code.id,
            secret_hash=code.hash(),
            oauth_client_id=context.client.id,
            user_id=session.account.id,
            browser_session_id=session.id,
            redirect_uri=request.redirect_uri,
            scope=scopes.join(request.scopes),
            resource=request.resource,
            nonce=request.nonce,
            code_challenge=request.code_challenge,
            auth_time=session.authentication.auth_time,
            acr=session.authentication.acr,
            amr=session.authentication.amr,
            token_version=session.account.token_version,
            auth_version=session.account.auth_version,
        )

        def work(connection: sa.Connection) -> float | None:
            seconds = codes.seconds_to_wait(connection, row.user_id, row.oauth_client_id)
            if seconds is None:
                codes.insert(connection, row)
                self._sessions.note_use(connection, session)
            return seconds

        seconds = await self._database.write(work)
        if seconds is not None:
            return self._rejected(query, context, request, seconds)
        log.info(
            "authorization.code_issued",
            client_id=context.client.client_id,
            user_id=str(session.account.id),
            browser_session_id=str(session.id),
        )
        return redirects.with_parameters(
            request.redirect_uri,
            {"code": str(code), "state": request.state, "iss": self._provider.issuer},
        )

    def _rejected(
        self, query: Query, context: AuthorizationContext, request: AuthorizationRequest, seconds: float
    ) -> str:
        """Reject a user who had too many codes. A page, if one may be shown, ends a loop of redirects."""
        self._rejections.inc()
        log.info("rate_limit.exceeded", limits=[_LIMIT])
        note_rejection()
        if Prompt.NONE not in request.prompts:
            raise TooManyAttemptsError(seconds)
        error = ErrorResponse(AuthorizationError.TEMPORARILY_UNAVAILABLE, "too many requests of this user")
        return self._error_location(query, context, error)

    def _error_location(self, query: Query, context: AuthorizationContext, response: ErrorResponse) -> str:
        log.info("authorization.rejected", client_id=context.client.client_id, error=response.error.value)
        return redirects.with_parameters(
            context.redirect_uri,
            {
                "error": response.error.value,
                "error_description": response.description,
                "state": state_of(query),
                "iss": self._provider.issuer,
            },
        )

    async def _not_allowed(self, query: Query, context: AuthorizationContext, begun: Interaction) -> str:
        assert context.session is not None  # decide() answers so only for one
        client = context.client
        details = {"code": ClientNotAllowedError.code, "client": client.client_id}
        await self._rejected_calls.record(context.session.account.id, f"GET {PATH}", details)
        raise ClientNotAllowedError(client.name, continuation_of(query, begun, self._keys.secrets))

    def _hinted_user(self, id_token_hint: str | None) -> uuid.UUID | None:
        """Return the user that the client expects; None for an unreadable hint, because keys are retired."""
        if id_token_hint is None:
            return None
        hint = read_hint(self._provider.keys, self._provider.issuer, id_token_hint)
        return None if hint is None else hint.user_id


def continuation_of(query: Query, begun: Interaction, secrets: Sequence[bytes]) -> str:
    """Return the path and query that a page sends the browser back to."""
    return f"{PATH}?{interaction.seal(begun, query, secrets)}"


def _signed_in(
    context: AuthorizationContext, begun: Interaction, token: BrowserSessionToken, *, is_new: bool
) -> SignedIn:
    session = context.session
    assert session is not None  # there is a valid token
    auth_time: datetime = session.authentication.auth_time
    has_proven = not is_new and begun.is_followed_by(auth_time, token, session.now)
    has_opened = not is_new and begun.is_followed_by(session.created_at, token, session.now)
    return SignedIn(
        user_id=session.account.id,
        age=(session.now - auth_time).total_seconds(),
        has_proven=has_proven,
        has_signed_in=has_proven or has_opened,
        is_allowed=context.is_allowed,
        has_consented=context.has_consented,
    )
