"""The rules of threads: a reply opens a closed ticket, and none is ever lost."""

import uuid
from collections.abc import Callable, Sequence
from typing import NamedTuple

import sqlalchemy as sa
import structlog
import uuid_utils.compat as uuid7s

from doorward_client.tokens import Claims
from doorward_kit.etags import version_etag
from doorward_kit.idempotency import Answer, keyed_request
from doorward_kit.responses import to_json
from doorward_tickets.context import TicketsContext
from doorward_tickets.replies import repository
from doorward_tickets.replies.cursors import ReplyCursors
from doorward_tickets.replies.repository import ReplyRow
from doorward_tickets.tickets import repository as tickets
from doorward_tickets.tickets.errors import TicketNotFoundError
from doorward_tickets.tickets.permissions import lock, visible_author_id
from doorward_tickets.tickets.repository import LockedTicket
from doorward_tickets.tickets.serializers import reply_document, ticket_document
from doorward_tickets.tickets.workflow import Action, TicketStatus, transition
from doorward_tickets.user_snapshots import repository as people_snapshot
from doorward_tickets.user_snapshots.caller import Caller

log = structlog.get_logger(__name__)


class NewReply(NamedTuple):
    """What somebody writes, and on which conditions."""

    ticket_id: uuid.UUID
    body: str
    if_match: str | None
    key: str | None


Make = Callable[[sa.Connection, LockedTicket, TicketStatus], Answer]


class ReplyPage(NamedTuple):
    """One page of a thread and the cursor of the next, None at the end."""

    replies: Sequence[ReplyRow]
    next_cursor: str | None


class ReplyService:
    """Reads and lengthens threads."""

    def __init__(self, means: TicketsContext) -> None:
        self._database = means.database
        self._people = means.people
        self._keys = means.keys
        self._cursors = ReplyCursors(means.cursors)
        self._notices = means.notices
        self._wake_mail = means.wake_mail

    async def list_page(
        self, caller: Claims, ticket_id: uuid.UUID, cursor: str | None, limit: int
    ) -> ReplyPage:
        """Read one page of a thread; raises TicketNotFoundError, InvalidCursorError."""
        behind = self._cursors.behind(cursor, ticket_id)

        def work(connection: sa.Connection) -> list[ReplyRow]:
            if not tickets.is_there(connection, ticket_id, visible_author_id(caller)):
                raise TicketNotFoundError
            return repository.list_replies(connection, ticket_id, behind=behind, until=None, count=limit + 1)

        return ReplyPage(*self._cursors.page(await self._database.read(work), limit, ticket_id))

    async def add(self, caller: Caller, wanted: NewReply) -> Answer:
        """Add a reply, and answer with it.

        Raises TicketNotFoundError, PreconditionFailedError, InvalidAccessTokenError,
        IdempotencyKeyReusedError.
        """

        def make(connection: sa.Connection, ticket: LockedTicket, after: TicketStatus) -> Answer:
            number = self._append(connection, ticket, after, caller, wanted.body)
            reply = repository.find_reply(connection, ticket.id, number)
            assert reply is not None  # appended above, in this transaction
            where = f"/api/v1/tickets/{wanted.ticket_id}"
            return Answer(201, to_json(reply_document(reply)), version_etag(ticket.version + 1), where)

        return await self._write("add", caller, wanted, make)

    async def put(self, caller: Caller, wanted: NewReply) -> Answer:
        """See to it that the thread of an open ticket ends with this reply, and answer with the ticket.

        PUT may be repeated by any proxy on the way (RFC 9110 section 9.2.2), so what is there already
        is not added again. Raises as `add` does.
        """

        def make(connection: sa.Connection, ticket: LockedTicket, after: TicketStatus) -> Answer:
            if after != ticket.status or not _ends_with(connection, ticket, caller, wanted.body):
                self._append(connection, ticket, after, caller, wanted.body)
            shown = tickets.shown(connection, ticket.id)
            return Answer(200, to_json(ticket_document(shown)), version_etag(shown.version))

        return await self._write("put", caller, wanted, make)

    async def _write(self, operation: str, caller: Caller, wanted: NewReply, make: Make) -> Answer:
        profiles = await self._people.standing(caller)
        claims = caller.claims
        request = keyed_request(claims.user_id, wanted.key, operation, str(wanted.ticket_id), wanted.body)

        def work(connection: sa.Connection) -> Answer:
            def once() -> Answer:
                ticket = lock(connection, claims, wanted.ticket_id, wanted.if_match)
                after = transition(TicketStatus(ticket.status), Action.REPLY, claims, ticket.author_id)
                people_snapshot.remember(connection, profiles)
                return make(connection, ticket, after)

            return self._keys.once(connection, request, once)

        answer = await self._database.write(work)
        if not answer.is_repeated:
            self._wake_mail()
            log.info("ticket.replied", actor_id=str(claims.user_id), ticket_id=str(wanted.ticket_id))
        return answer

    def _append(
        self, connection: sa.Connection, ticket: LockedTicket, after: TicketStatus, caller: Caller, body: str
    ) -> int:
        """Put a reply at the end of a locked ticket's thread, and tell the other side; return its number."""
        number, author_id = ticket.reply_count + 1, caller.claims.user_id
        values = {
            "ticket_id": ticket.id,
            "number": number,
            "id": uuid7s.uuid7(),
            "author_id": author_id,
            "body": body,
        }
        repository.insert_reply(connection, values)
        tickets.update_ticket(connection, ticket.id, {"reply_count": number, "status": after.value})
        self._notices.replied(connection, ticket, author_id)
        return number


def _ends_with(connection: sa.Connection, ticket: LockedTicket, caller: Caller, body: str) -> bool:
    last = repository.find_reply(connection, ticket.id, ticket.reply_count)
    return last is not None and (last.author_id, last.body) == (caller.claims.user_id, body)
