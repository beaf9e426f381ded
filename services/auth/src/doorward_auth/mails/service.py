"""The rules of mail that could not be sent: administrators see it, and decide."""

import uuid

import sqlalchemy as sa

from doorward_auth.mails.errors import MailNotFoundError
from doorward_auth.mails.room import MailRoom
from doorward_auth.mails.schemas import DeadLetter
from doorward_common.mail.dead_letters import discard, list_dead, position_of, resend
from doorward_common.pagination import CursorCodec, Page
from doorward_common.settings import ServiceSettings
from doorward_common.tokens import Claims
from doorward_identity.audit import Action, record
from doorward_identity.runtime import IdentityRuntime
from doorward_identity.standing import require_standing
from doorward_identity.tables import outbox


class DeadLetterService:
    """Lists dead letters, sends them again and throws them away."""

    def __init__(self, runtime: IdentityRuntime, mail: MailRoom, settings: ServiceSettings) -> None:
        self._database = runtime.database
        self._mail = mail
        self._cursors = CursorCodec(lambda: settings.cursor_secrets(runtime.verification.keys))

    async def page(self, cursor: str | None, limit: int) -> Page[DeadLetter]:
        """Read one page, the newest first; raises InvalidCursorError."""
        behind = None if cursor is None else self._cursors.decode(cursor, query=["dead letters"])
        found = await self._database.read(lambda connection: list_dead(connection, outbox, behind, limit + 1))
        following = position_of(found[limit - 1]) if len(found) > limit else None
        return Page(
            items=[DeadLetter.of(mail) for mail in found[:limit]],
            next_cursor=None
            if following is None
            else self._cursors.encode(following, query=["dead letters"]),
        )

    async def resend(self, caller: Claims, mail_id: uuid.UUID) -> None:
        """Send a dead letter again; raises MailNotFoundError."""

        def work(connection: sa.Connection) -> None:
            require_standing(connection, caller)
            if not resend(connection, outbox, mail_id):
                raise MailNotFoundError
            details = {"mail_id": mail_id}
            actor = caller.subject.bytes
            record(connection, Action.MAIL_RESENT, actor=actor, target=None, details=details)

        await self._database.write(work)
        self._mail.wake()

    async def discard(self, caller: Claims, mail_id: uuid.UUID) -> None:
        """Throw a dead letter away; raises MailNotFoundError."""

        def work(connection: sa.Connection) -> None:
            require_standing(connection, caller)
            if not discard(connection, outbox, mail_id):
                raise MailNotFoundError
            details = {"mail_id": mail_id}
            actor = caller.subject.bytes
            record(connection, Action.MAIL_DISCARDED, actor=actor, target=None, details=details)

        await self._database.write(work)
