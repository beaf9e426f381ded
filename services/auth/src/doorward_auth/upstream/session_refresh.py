"""The effect of a session's refresh on its tokens of an upstream."""

import asyncio
import uuid
from functools import partial
from typing import Final

import structlog

from doorward_auth.tokens.refresh_hook import UpstreamState
from doorward_auth.upstream.errors import UpstreamReauthenticationRequiredError
from doorward_auth.upstream.grants import repository as grants
from doorward_auth.upstream.grants.models import GrantRow
from doorward_auth.upstream.grants.provider import Providers
from doorward_auth.upstream.grants.service import AnswerStatus, GrantService
from doorward_client.errors import UnavailableError
from doorward_identity.accounts import SessionEnd
from doorward_identity.resources import IdentityResources
from doorward_identity.sessions import end_session

log = structlog.get_logger(__name__)

BUDGET_SECONDS: Final = 1.5
"""How long a refresh here waits for the upstream's. That goes on without it."""

_STATES: Final = {
    AnswerStatus.FRESH: UpstreamState.FRESH,
    AnswerStatus.PENDING: UpstreamState.PENDING,
    AnswerStatus.REAUTH_REQUIRED: UpstreamState.REAUTH_REQUIRED,
}


class SessionRefresh:
    """Refreshes the upstream's tokens of a session that would expire before its new access token."""

    def __init__(
        self,
        resources: IdentityResources,
        providers: Providers,
        service: GrantService,
        *,
        token_seconds: int,
    ) -> None:
        self._database = resources.database
        self._revocations = resources.revocation_poller
        self._providers = providers
        self._service = service
        self._token_seconds = token_seconds

    async def on_refresh(self, session_id: uuid.UUID) -> UpstreamState | None:
        """Return the state of the session's upstream tokens; None without any.

        Raises UpstreamReauthenticationRequiredError, and ends the session, where the provider binds sessions
        and its grant is over.
        """
        try:
            found = await self._database.read(partial(grants.list_of_session, session_id=session_id))
            configured = [(row, self._providers.find(row.provider)) for row in found]
            mine = [(row, provider) for row, provider in configured if provider is not None]
            # At once, so that a session with several upstreams waits no longer.
            states = await asyncio.gather(*(self._state(row) for row, _ in mine))
        except UnavailableError:
            return UpstreamState.PENDING  # the session's own tokens are already replaced
        for (_, provider), state in zip(mine, states, strict=True):
            if state is UpstreamState.REAUTH_REQUIRED and provider.binds_sessions:
                await self._end(session_id)
                raise UpstreamReauthenticationRequiredError
        return max(states, default=None, key=list(UpstreamState).index)

    async def _state(self, row: GrantRow) -> UpstreamState:
        answer = await self._service.ensure_fresh(
            row, budget=BUDGET_SECONDS, min_validity=float(self._token_seconds)
        )
        return _STATES.get(answer.status, UpstreamState.REAUTH_REQUIRED)

    async def _end(self, session_id: uuid.UUID) -> None:
        await self._database.write(
            partial(
                end_session,
                session_id=session_id,
                reason=SessionEnd.UPSTREAM,
                token_seconds=self._token_seconds,
            )
        )
        self._revocations.wake()
        log.info("session.ended_with_upstream", session_id=str(session_id))
