"""Tells clients with an event stream what happens to their upstream tokens."""

import asyncio
from collections import deque
from collections.abc import Mapping, Sequence
from functools import partial
from typing import Final

import sqlalchemy as sa
import structlog

from doorward_auth.events.event import Event, EventName
from doorward_auth.events.publisher import EventPublisher
from doorward_auth.upstream.grants import repository as grants
from doorward_auth.upstream.grants.events import GrantEvent, GrantRefreshed
from doorward_auth.upstream.links.state import state_of
from doorward_client.tokens import Claims
from doorward_kit.unit_of_work import Database

log = structlog.get_logger(__name__)

_MOST_WAITING: Final = 1_000
_MOST_AT_ONCE: Final = 100


class GrantNotices:
    """A GrantListener that publishes events, many in a transaction, and a part of the event `state`.

    A notice may be lost: a client that connects again gets the state.
    """

    def __init__(self, database: Database, publisher: EventPublisher) -> None:
        self._database = database
        self._publisher = publisher
        self._waiting: deque[GrantEvent] = deque(maxlen=_MOST_WAITING)
        self._woken = asyncio.Event()

    def notify(self, event: GrantEvent) -> None:
        """Queue a notice; drops the oldest of a thousand."""
        self._waiting.append(event)
        self._woken.set()

    def read_state(self, connection: sa.Connection, caller: Claims) -> Mapping[str, object]:
        """Return, by provider, the upstream tokens that events to the caller's session are about.

        Of its own and its user's tokens of a provider, the state has its own.
        """
        rows = grants.list_with_events_to(connection, caller.user_id, caller.session_id)
        return {
            "upstream": {
                row.provider: {"state": state_of(row).value, "access_expires_at": row.access_expires_at}
                for row in rows
            }
        }

    async def run(self) -> None:
        """Publish until cancelled."""
        while True:
            await self._woken.wait()
            self._woken.clear()
            while self._waiting:
                count = min(len(self._waiting), _MOST_AT_ONCE)
                batch = [self._waiting.popleft() for _ in range(count)]
                # One event is one statement: it needs no round trips for BEGIN and COMMIT.
                write = self._database.execute_single if count == 1 else self._database.write
                try:
                    await write(partial(self._publish, batch=batch))
                except Exception as error:  # noqa: BLE001 - the next ones may succeed
                    log.warning("upstream.notices_lost", count=count, error=type(error).__name__)
                else:
                    self._publisher.wake()

    def _publish(self, connection: sa.Connection, batch: Sequence[GrantEvent]) -> None:
        for notice in batch:
            self._publisher.publish(
                connection, user_id=notice.user_id, session_id=notice.session_id, event=_event_of(notice)
            )


def _event_of(notice: GrantEvent) -> Event:
    if isinstance(notice, GrantRefreshed):
        return Event.of(
            EventName.TOKEN_REFRESHED, provider=notice.provider, access_expires_at=notice.access_expires_at
        )
    return Event.of(EventName.UPSTREAM_REAUTH_REQUIRED, provider=notice.provider, reason=notice.reason.value)
