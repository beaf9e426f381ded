"""Rules of replies: each reply is kept, and a reply reopens a closed ticket."""

import uuid
from collections.abc import Callable, Sequence
from typing import Final, NamedTuple

import sqlalchemy as sa
import structlog
import uuid_utils.compat as uuid7s

from doorward_client.tokens import Claims
from doorward_kit.etags import version_etag
from doorward_kit.idempotency import IdempotencyKeys, KeyedRequest, StoredAnswer, keyed_request
from doorward_kit.pagination import CursorCodec, Position
from doorward_kit.responses import to_json
from doorward_kit.unit_of_work import Database
from doorward_tickets.replies import repository
from doorward_tickets.tickets import repository as tickets
from doorward_tickets.tickets.errors import TicketNotFoundError
from doorward_tickets.tickets.events import EventHandler, ReplyAdded
from doorward_tickets.tickets.permissions import lock, require_visible, visible_author_id
from doorward_tickets.tickets.quotas import TicketQuotas
from doorward_tickets.tickets.repository import LockedTicket, TicketWithBody
from doorward_tickets.tickets.schemas import ReplySort
from doorward_tickets.tickets.serializers import ReplyRow, reply_document, ticket_answer
from doorward_tickets.tickets.workflow import TicketAction, TicketStatus, transition
from doorward_tickets.users.repository import store_profiles
from doorward_tickets.users.users_client import Caller, Profile, UsersClient

log = structlog.get_logger(__name__)

FIRST_PAGE_SIZE: Final = 100
"""Replies in the response with their ticket."""


class NewReply(NamedTuple):
    """A request to reply: to which ticket, with which body, If-Match and Idempotency-Key."""

    ticket_id: uuid.UUID
    body: str
    if_match: str | None
    key: str | None


class ReplyPage(NamedTuple):
    """A page of replies, and the cursor of the next, None at the end."""

    replies: Sequence[ReplyRow]
    next_cursor: str | None


class TicketThread(NamedTuple):
    """A ticket with its body and the first page of its replies."""

    found: TicketWithBody
    page: ReplyPage


class ReplyService:
    """Reads threads and adds replies. `on_event` and `wake_mail` belong to notifications.

    A change reads top to bottom: the caller's profile, then one transaction, then the answer. `wake_mail` is
    called after the commit.
    """

    def __init__(  # noqa: PLR0913 - a parameter for each of its collaborators
        self,
        database: Database,
        users: UsersClient,
        cursors: CursorCodec,
        keys: IdempotencyKeys,
        quotas: TicketQuotas,
        *,
        on_event: EventHandler,
        wake_mail: Callable[[], None],
    ) -> None:
        self._database = database
        self._users = users
        self._cursors = cursors
        self._keys = keys
        self._quotas = quotas
        self._on_event = on_event
        self._wake_mail = wake_mail

    async def get_thread(self, caller: Claims, ticket_id: uuid.UUID) -> TicketThread:
        """Read a ticket and its first replies; raises TicketNotFoundError."""

        def work(connection: sa.Connection) -> TicketThread:
            found = tickets.find_ticket(connection, ticket_id, visible_author_id(caller), caller.user_id)
            if found is None:
                raise TicketNotFoundError
            if not found.ticket.reply_count:
                return TicketThread(found, ReplyPage([], None))
            # Up to the count of the ticket that was read: a later reply belongs to another state.
            replies = repository.list_replies(
                connection, ticket_id, after=0, until=found.ticket.reply_count, count=FIRST_PAGE_SIZE + 1
            )
            return TicketThread(found, self._page(replies, FIRST_PAGE_SIZE, ticket_id, ReplySort.NUMBER))

        return await self._database.read(work)

    async def list_page(
        self, caller: Claims, ticket_id: uuid.UUID, sort: ReplySort, cursor: str | None, limit: int
    ) -> ReplyPage:
        """Read one page of replies; raises TicketNotFoundError, InvalidCursorError."""
        query = _query(ticket_id, sort)
        last = None if cursor is None else int(self._cursors.decode(cursor, query=query).value)

        def work(connection: sa.Connection) -> list[ReplyRow]:
            require_visible(connection, caller, ticket_id)
            if sort is ReplySort.NUMBER_DESC:
                return repository.list_latest_replies(connection, ticket_id, before=last, count=limit + 1)
            return repository.list_replies(
                connection, ticket_id, after=last or 0, until=None, count=limit + 1
            )

        return self._page(await self._database.read(work), limit, ticket_id, sort)

    async def add(self, caller: Caller, new: NewReply) -> StoredAnswer:
        """Add a reply, and answer with it.

        Raises TicketNotFoundError, PreconditionFailedError, QuotaExceededError, ReplyLimitReachedError,
        StorageLimitReachedError, InvalidAccessTokenError, IdempotencyKeyReusedError.
        """
        profile = await self._users.require_current_profile(caller)
        request = _keyed_request("add", caller, new)

        def work(connection: sa.Connection) -> StoredAnswer:
            if (earlier := self._keys.claim(connection, request)) is not None:
                return earlier
            ticket, status = _lock(connection, caller, new, profile)
            number = self._append(connection, ticket, status, caller, new.body)
            reply = repository.get_reply(connection, ticket.id, number)
            etag, location = version_etag(ticket.version + 1), f"/api/v1/tickets/{ticket.id}"
            answer = StoredAnswer(201, to_json(reply_document(reply)), etag, location)
            return self._keys.store(connection, request, answer)

        return self._finish(await self._database.write(work), caller, new)

    async def put(self, caller: Caller, new: NewReply) -> StoredAnswer:
        """Add a reply unless the open ticket's thread ends with it, and answer with the ticket.

        Any proxy may repeat a PUT (RFC 9110 section 9.2.2). Raises as `add` does.
        """
        profile = await self._users.require_current_profile(caller)
        request = _keyed_request("put", caller, new)

        def work(connection: sa.Connection) -> StoredAnswer:
            if (earlier := self._keys.claim(connection, request)) is not None:
                return earlier
            ticket, status = _lock(connection, caller, new, profile)
            if status != ticket.status or not _is_last_reply(connection, ticket, caller, new.body):
                self._append(connection, ticket, status, caller, new.body)
            answer = ticket_answer(tickets.get_row(connection, ticket.id))
            return self._keys.store(connection, request, answer)

        return self._finish(await self._database.write(work), caller, new)

    def _append(
        self, connection: sa.Connection, ticket: LockedTicket, status: TicketStatus, caller: Caller, body: str
    ) -> int:
        """Add a reply to a locked ticket, which gets `status`, and notify; return its number."""
        counted = self._quotas.count_reply(connection, caller.claims, ticket, body)
        number = ticket.reply_count + 1
        values = {
            "ticket_id": ticket.id,
            "number": number,
            "id": uuid7s.uuid7(),
            "author_id": caller.user_id,
            "body": body,
            "counted_bytes": counted,
        }
        repository.insert_reply(connection, values)
        tickets.update_ticket(connection, ticket.id, {"reply_count": number, "status": status.value})
        self._on_event(connection, ReplyAdded(ticket, caller.user_id))
        return number

    def _finish(self, answer: StoredAnswer, caller: Caller, new: NewReply) -> StoredAnswer:
        """Wake the mail worker after the commit, and log."""
        if not answer.is_repeated:
            self._wake_mail()
            log.info("ticket.replied", actor_id=str(caller.user_id), ticket_id=str(new.ticket_id))
        return answer

    def _page(
        self, found: Sequence[ReplyRow], limit: int, ticket_id: uuid.UUID, sort: ReplySort
    ) -> ReplyPage:
        query = _query(ticket_id, sort)
        return ReplyPage(*self._cursors.page(found, limit, _position, query=query))


def _query(ticket_id: uuid.UUID, sort: ReplySort) -> tuple[object, ...]:
    """Return what a cursor is bound to: from the start, the same as before there were orders."""
    return ("replies", ticket_id) if sort is ReplySort.NUMBER else ("replies", ticket_id, sort)


def _position(reply: ReplyRow) -> Position:
    return Position(str(reply.number), "")


def _keyed_request(operation: str, caller: Caller, new: NewReply) -> KeyedRequest | None:
    return keyed_request(caller.user_id, new.key, operation, str(new.ticket_id), new.body)


def _lock(
    connection: sa.Connection, caller: Caller, new: NewReply, profile: Profile | None
) -> tuple[LockedTicket, TicketStatus]:
    """Lock the ticket, and return it with its status after the reply."""
    ticket = lock(connection, caller.claims, new.ticket_id, new.if_match)
    before = TicketStatus(ticket.status)
    after = transition(before, TicketAction.REPLY, caller.claims, ticket.author_id)
    store_profiles(connection, profile)
    return ticket, after


def _is_last_reply(connection: sa.Connection, ticket: LockedTicket, caller: Caller, body: str) -> bool:
    last = repository.find_reply(connection, ticket.id, ticket.reply_count)
    return last is not None and (last.author_id, last.body) == (caller.user_id, body)
