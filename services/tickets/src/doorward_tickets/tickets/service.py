"""The rules of tickets: who sees which, and what may be done to one."""

import uuid
from collections.abc import Sequence
from typing import Any, NamedTuple

import sqlalchemy as sa
import structlog
import uuid_utils.compat as uuid7s

from doorward_client.tokens import Claims
from doorward_kit.etags import version_etag
from doorward_kit.idempotency import Answer, keyed_request
from doorward_kit.responses import to_json
from doorward_tickets.context import TicketsContext
from doorward_tickets.replies import repository as replies
from doorward_tickets.replies.cursors import ReplyCursors
from doorward_tickets.replies.repository import ReplyRow
from doorward_tickets.tickets import repository
from doorward_tickets.tickets.assignee import Candidate
from doorward_tickets.tickets.errors import TicketNotFoundError
from doorward_tickets.tickets.list_query import Listing
from doorward_tickets.tickets.permissions import lock, visible_author_id
from doorward_tickets.tickets.repository import TicketRow, TicketText
from doorward_tickets.tickets.schemas import Filter, TicketCreate, TicketPatch, TicketSort
from doorward_tickets.tickets.search import Found, find_tickets
from doorward_tickets.tickets.serializers import detail_json, ticket_document
from doorward_tickets.tickets.workflow import Action, TicketStatus, transition
from doorward_tickets.user_snapshots import repository as people_snapshot
from doorward_tickets.user_snapshots.caller import Caller

log = structlog.get_logger(__name__)

PREFIX = "/api/v1/tickets"


class TicketPage(NamedTuple):
    """One page of tickets and the cursor of the next, None at the end."""

    tickets: Sequence[TicketRow]
    next_cursor: str | None


class Opened(NamedTuple):
    """A ticket with the start of its thread, and the cursor of what follows."""

    found: TicketText
    thread: Sequence[ReplyRow]
    next_cursor: str | None


class TicketService:
    """Reads and changes tickets."""

    def __init__(self, means: TicketsContext) -> None:
        self._database = means.database
        self._people = means.people
        self._keys = means.keys
        self._cursors = means.cursors
        self._notices = means.notices
        self._wake_mail = means.wake_mail
        self._reply_cursors = ReplyCursors(means.cursors)

    async def list_page(
        self, caller: Claims, criteria: Filter, sort: TicketSort, cursor: str | None, limit: int
    ) -> TicketPage:
        """Read one page of what the caller sees; raises InvalidCursorError.

        What would have to read too much stops: its page is short, and the next goes on.
        """
        reader = visible_author_id(caller)
        listing = Listing(reader, criteria, sort)
        query = (reader, criteria, sort)
        position = None if cursor is None else self._cursors.decode(cursor, query=query)

        def work(connection: sa.Connection) -> Found:
            return find_tickets(connection, listing, position, limit + 1)

        found, stopped_at = await self._database.read(work)
        page = self._cursors.page(found, limit, listing.position, query=query, stopped_at=stopped_at)
        return TicketPage(*page)

    async def get(self, caller: Claims, ticket_id: uuid.UUID) -> Opened:
        """Read a ticket and the start of its thread; raises TicketNotFoundError."""

        def work(connection: sa.Connection) -> Opened:
            found = repository.find_ticket(connection, ticket_id, visible_author_id(caller), caller.user_id)
            if found is None:
                raise TicketNotFoundError
            ticket = found.ticket
            if not ticket.reply_count:
                return Opened(found, [], None)
            # As long as the ticket says, and not as it may have become since: one answer, one state.
            thread = replies.list_replies(
                connection, ticket.id, behind=0, until=ticket.reply_count, count=replies.FIRST + 1
            )
            return Opened(found, *self._reply_cursors.page(thread, replies.FIRST, ticket_id))

        return await self._database.read(work)

    async def create(self, caller: Caller, wanted: TicketCreate, key: str | None) -> Answer:
        """Store a new ticket; raises InvalidAccessTokenError, IdempotencyKeyReusedError."""
        profiles = await self._people.standing(caller)
        author_id = caller.claims.user_id
        request = keyed_request(author_id, key, "create", wanted.model_dump_json())
        ticket_id = uuid7s.uuid7()
        values = {
            "id": ticket_id,
            "author_id": author_id,
            "subject": wanted.subject,
            "body": wanted.body,
            "status": TicketStatus.OPEN.value,
            "priority": wanted.priority.rank,
        }

        def work(connection: sa.Connection) -> Answer:
            def make() -> Answer:
                people_snapshot.remember(connection, profiles)
                made = repository.insert_ticket(connection, values)
                body = detail_json(made, [], None)
                return Answer(201, body, version_etag(made.ticket.version), f"{PREFIX}/{ticket_id}")

            return self._keys.once(connection, request, make)

        answer = await self._database.write(work)
        if not answer.is_repeated:
            _log("ticket.created", caller, ticket_id, priority=wanted.priority)
        return answer

    async def close(self, caller: Caller, ticket_id: uuid.UUID, if_match: str | None) -> Answer:
        """Close a ticket; a closed one stays as it is.

        Raises TicketNotFoundError, PreconditionFailedError, InvalidAccessTokenError.
        """
        profiles = await self._people.standing(caller)

        def work(connection: sa.Connection) -> Answer:
            ticket = lock(connection, caller.claims, ticket_id, if_match)
            status = transition(TicketStatus(ticket.status), Action.CLOSE, caller.claims, ticket.author_id)
            people_snapshot.remember(connection, profiles)
            if status == ticket.status:
                return _changed(connection, ticket.id, {})
            self._notices.closed(connection, ticket, caller.claims.user_id)
            return _changed(connection, ticket.id, {"status": status.value})

        answer = await self._database.write(work)
        self._wake_mail()
        _log("ticket.closed", caller, ticket_id)
        return answer

    async def manage(
        self, caller: Caller, ticket_id: uuid.UUID, wanted: TicketPatch, if_match: str | None
    ) -> Answer:
        """Assign a ticket, set its priority.

        Raises TicketNotFoundError, PreconditionFailedError, TicketClosedError, NotAssignableError,
        DirectoryUnavailableError, InvalidAccessTokenError.
        """
        profiles = await self._people.standing(caller)
        candidate = None
        if wanted.assignee_id is not None and wanted.assignee_id != caller.claims.user_id:
            candidate = await Candidate.ask(wanted.assignee_id, caller, self._people)

        def work(connection: sa.Connection) -> Answer:
            ticket = lock(connection, caller.claims, ticket_id, if_match)
            transition(TicketStatus(ticket.status), Action.MANAGE, caller.claims, ticket.author_id)
            if candidate is not None:
                candidate.require_assignable(connection)
            heard = [] if candidate is None or candidate.profile is None else [candidate.profile]
            people_snapshot.remember(connection, [*profiles, *heard])
            assignee = None if wanted.assignee_id is None else wanted.assignee_id
            if assignee is not None and assignee != ticket.assignee_id:
                self._notices.assigned(connection, ticket, caller.claims.user_id, assignee)
            return _changed(connection, ticket.id, _columns(wanted))

        answer = await self._database.write(work)
        self._wake_mail()
        _log("ticket.managed", caller, ticket_id, fields=sorted(wanted.model_fields_set))
        return answer


def _changed(connection: sa.Connection, ticket_id: uuid.UUID, changes: dict[str, Any]) -> Answer:
    """Change a locked ticket, if there is anything to change, and show it."""
    if changes:
        repository.update_ticket(connection, ticket_id, changes)
    row = repository.shown(connection, ticket_id)
    return Answer(200, to_json(ticket_document(row)), version_etag(row.version))


def _columns(wanted: TicketPatch) -> dict[str, Any]:
    changes: dict[str, Any] = {}
    if "assignee_id" in wanted.model_fields_set:
        changes["assignee_id"] = None if wanted.assignee_id is None else wanted.assignee_id
    if wanted.priority is not None:
        changes["priority"] = wanted.priority.rank
    return changes


def _log(event: str, caller: Caller, ticket_id: uuid.UUID, **fields: object) -> None:
    log.info(event, actor_id=str(caller.claims.user_id), ticket_id=str(ticket_id), **fields)
