"""The rules of mail that could not be sent: administrators see it, and decide."""

import uuid
from collections.abc import Callable, Sequence
from enum import StrEnum
from typing import NamedTuple

import sqlalchemy as sa
import structlog

from doorward_client.tokens import Claims
from doorward_kit.pagination import CursorCodec
from doorward_kit.unit_of_work import Database
from doorward_mail.dead_letters import repository
from doorward_mail.dead_letters.errors import MailNotFoundError
from doorward_mail.dead_letters.repository import DeadMail

log = structlog.get_logger(__name__)


class Decision(StrEnum):
    """What becomes of a dead letter, as the event that the log has of it."""

    RESENT = "mail.resent"
    DISCARDED = "mail.discarded"


class DeadMailPage(NamedTuple):
    """A page of dead letters, and the cursor of the next."""

    mails: Sequence[DeadMail]
    next_cursor: str | None


class DeadLetterService:
    """Lists the dead letters of an outbox, sends them again and throws them away.

    `wake` is called when one is to be sent. A service may override `require_unchanged_account`,
    `require_wanted` and `record`: all of them run in the change's transaction.
    """

    def __init__(
        self, database: Database, outbox: sa.Table, cursors: CursorCodec, *, wake: Callable[[], None]
    ) -> None:
        self._database = database
        self._outbox = outbox
        self._cursors = cursors
        self._wake = wake
        # With the outbox: services that share a secret do not share their lists.
        self._query = ("dead letters", outbox.name)

    async def page(self, cursor: str | None, limit: int) -> DeadMailPage:
        """Read one page, the newest first; raises InvalidCursorError."""
        behind = None if cursor is None else self._cursors.decode(cursor, query=self._query)
        found = await self._database.read(
            lambda connection: repository.list_dead(connection, self._outbox, behind, limit + 1)
        )
        return DeadMailPage(*self._cursors.page(found, limit, repository.position_of, query=self._query))

    async def resend(self, caller: Claims, mail_id: uuid.UUID) -> None:
        """Send a dead letter again; raises MailNotFoundError, and as `require_wanted` does."""

        def change(connection: sa.Connection, outbox: sa.Table, mail_id: uuid.UUID) -> bool:
            was_dead = repository.resend(connection, outbox, mail_id)
            if was_dead:
                # The mail first, then what it tells of: so the worker locks them too.
                self.require_wanted(connection, mail_id)
            return was_dead

        await self._decide(caller, mail_id, Decision.RESENT, change)
        self._wake()

    async def discard(self, caller: Claims, mail_id: uuid.UUID) -> None:
        """Throw a dead letter away; raises MailNotFoundError."""
        await self._decide(caller, mail_id, Decision.DISCARDED, repository.discard)

    def require_unchanged_account(self, connection: sa.Connection, caller: Claims) -> None:
        """Raise InvalidAccessTokenError for a caller who may not decide any more; here the token says."""

    def require_wanted(self, connection: sa.Connection, mail_id: uuid.UUID) -> None:
        """Raise for a mail that would not be sent, whoever it is for; here each would."""

    def record(
        self, connection: sa.Connection, caller: Claims, mail_id: uuid.UUID, decision: Decision
    ) -> None:
        """Write down who decided what, where a service keeps such a record."""

    async def _decide(
        self,
        caller: Claims,
        mail_id: uuid.UUID,
        decision: Decision,
        change: Callable[[sa.Connection, sa.Table, uuid.UUID], bool],
    ) -> None:
        def work(connection: sa.Connection) -> None:
            self.require_unchanged_account(connection, caller)
            if not change(connection, self._outbox, mail_id):
                raise MailNotFoundError
            self.record(connection, caller, mail_id, decision)

        await self._database.write(work)
        log.info(decision.value, actor_id=str(caller.user_id), mail=str(mail_id))
