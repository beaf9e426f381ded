"""Rules of dead letters: administrators list them, retry them or discard them."""

import uuid
from collections.abc import Callable, Sequence
from enum import StrEnum
from typing import NamedTuple

import sqlalchemy as sa
import structlog

from doorward_client.errors import NotFoundError
from doorward_client.tokens import Claims
from doorward_kit.pagination import CursorCodec
from doorward_kit.unit_of_work import Database
from doorward_mail.dead_letters import repository
from doorward_mail.dead_letters.repository import DeadMail

log = structlog.get_logger(__name__)


class DeadLetterNotFoundError(NotFoundError):
    """404 for a mail that is not a dead letter: unknown, sent, or due again."""

    code = "dead_letter_not_found"
    detail = "Dead letter not found."


class DeadLetterAction(StrEnum):
    """An administrator's actions on a dead letter, as events of the log."""

    RETRIED = "mail.retried"
    DISCARDED = "mail.discarded"


class DeadLetterPage(NamedTuple):
    """A page of dead letters, and the cursor of the next."""

    mails: Sequence[DeadMail]
    next_cursor: str | None


class DeadLetterService:
    """Lists the dead letters of an outbox, retries and discards them.

    `wake` is called after a retry has committed. A service may override `authorize`, `check_retry` and
    `record`: all of them run in the transaction of the change.
    """

    def __init__(
        self, database: Database, outbox: sa.Table, cursors: CursorCodec, *, wake: Callable[[], None]
    ) -> None:
        self._database = database
        self._outbox = outbox
        self._cursors = cursors
        self._wake = wake
        # With the outbox, because services with a shared secret must not accept each other's cursors.
        self._query = ("dead letters", outbox.name)

    async def page(self, cursor: str | None, limit: int) -> DeadLetterPage:
        """Read one page, the newest first; raises InvalidCursorError."""
        behind = None if cursor is None else self._cursors.decode(cursor, query=self._query)
        found = await self._database.read(
            lambda connection: repository.list_dead(connection, self._outbox, behind, limit + 1)
        )
        return DeadLetterPage(*self._cursors.page(found, limit, repository.position_of, query=self._query))

    async def retry(self, caller: Claims, mail_id: uuid.UUID) -> None:
        """Send a dead letter again; raises DeadLetterNotFoundError, and as `check_retry` does."""

        def change(connection: sa.Connection, outbox: sa.Table, mail_id: uuid.UUID) -> bool:
            was_dead = repository.retry(connection, outbox, mail_id)
            if was_dead:
                # The mail first, then what it is about: the worker locks them in this order, too.
                self.check_retry(connection, mail_id)
            return was_dead

        await self._change(caller, mail_id, DeadLetterAction.RETRIED, change)
        self._wake()

    async def discard(self, caller: Claims, mail_id: uuid.UUID) -> None:
        """Delete a dead letter; raises DeadLetterNotFoundError."""
        await self._change(caller, mail_id, DeadLetterAction.DISCARDED, repository.discard)

    def authorize(self, connection: sa.Connection, caller: Claims) -> None:
        """Raise InvalidAccessTokenError for a caller who has lost the role. The default trusts the token."""

    def check_retry(self, connection: sa.Connection, mail_id: uuid.UUID) -> None:
        """Raise a DoorwardError for a mail that the worker would skip. By default it skips none."""

    def record(
        self, connection: sa.Connection, caller: Claims, mail_id: uuid.UUID, action: DeadLetterAction
    ) -> None:
        """Add the action to the service's audit log, where it has one."""

    async def _change(
        self,
        caller: Claims,
        mail_id: uuid.UUID,
        action: DeadLetterAction,
        change: Callable[[sa.Connection, sa.Table, uuid.UUID], bool],
    ) -> None:
        def work(connection: sa.Connection) -> None:
            self.authorize(connection, caller)
            if not change(connection, self._outbox, mail_id):
                raise DeadLetterNotFoundError
            self.record(connection, caller, mail_id, action)

        await self._database.write(work)
        log.info(action.value, actor_id=str(caller.user_id), mail=str(mail_id))
