"""Rules of tickets: lists, create, update, close. Replies are in `replies`."""

import uuid
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import sqlalchemy as sa
import structlog
import uuid_utils.compat as uuid7s

from doorward_client.tokens import Claims
from doorward_kit.bounded_search import SearchResult
from doorward_kit.etags import version_etag
from doorward_kit.idempotency import IdempotencyKeys, StoredAnswer, keyed_request
from doorward_kit.pagination import CursorCodec
from doorward_kit.unit_of_work import Database
from doorward_tickets.tickets import repository
from doorward_tickets.tickets.assignee import Candidate
from doorward_tickets.tickets.events import EventHandler, TicketAssigned, TicketClosed
from doorward_tickets.tickets.list_query import ListQuery, TicketFilter
from doorward_tickets.tickets.permissions import lock, visible_author_id
from doorward_tickets.tickets.quotas import TicketQuotas
from doorward_tickets.tickets.repository import TicketRow
from doorward_tickets.tickets.schemas import TicketCreate, TicketPatch, TicketSort
from doorward_tickets.tickets.search import find_tickets
from doorward_tickets.tickets.serializers import detail_json, ticket_answer
from doorward_tickets.tickets.workflow import TicketAction, TicketStatus, transition
from doorward_tickets.users.repository import store_profiles
from doorward_tickets.users.users_client import Caller, UsersClient

log = structlog.get_logger(__name__)

PREFIX = "/api/v1/tickets"


class TicketPage(NamedTuple):
    """A page of tickets, and the cursor of the next, None at the end."""

    tickets: Sequence[TicketRow]
    next_cursor: str | None


class TicketService:
    """Lists and changes tickets. `on_event` and `wake_mail` belong to notifications.

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

    async def list_page(
        self, caller: Claims, criteria: TicketFilter, sort: TicketSort, cursor: str | None, limit: int
    ) -> TicketPage:
        """Read one page of the tickets that the caller sees; raises InvalidCursorError.

        A search that would read too many rows returns a short page with a cursor.
        """
        author_id = visible_author_id(caller)
        query = ListQuery(author_id, criteria, sort)
        identity = (author_id, criteria, sort)
        position = None if cursor is None else self._cursors.decode(cursor, query=identity)
        if criteria.matches_nothing:
            return TicketPage([], None)

        def work(connection: sa.Connection) -> SearchResult[TicketRow]:
            return find_tickets(connection, query, position, limit + 1)

        found, stopped_at = await self._database.read(work)
        page = self._cursors.page(found, limit, query.position, query=identity, stopped_at=stopped_at)
        return TicketPage(*page)

    async def create(self, caller: Caller, new: TicketCreate, key: str | None) -> StoredAnswer:
        """Store a new ticket.

        Raises QuotaExceededError, TicketLimitReachedError, StorageLimitReachedError,
        InvalidAccessTokenError, IdempotencyKeyReusedError.
        """
        profile = await self._users.require_current_profile(caller)
        request = keyed_request(caller.user_id, key, "create", new.model_dump_json())
        ticket_id = uuid7s.uuid7()
        values = {
            "id": ticket_id,
            "author_id": caller.user_id,
            "subject": new.subject,
            "body": new.body,
            "status": TicketStatus.OPEN.value,
            "priority": new.priority.rank,
        }

        def work(connection: sa.Connection) -> StoredAnswer:
            if (earlier := self._keys.claim(connection, request)) is not None:
                return earlier
            store_profiles(connection, profile)
            counted = self._quotas.count_ticket(connection, caller.claims, new.subject, new.body)
            created = repository.insert_ticket(connection, {**values, "counted_bytes": counted})
            body, etag = detail_json(created, [], None), version_etag(created.ticket.version)
            return self._keys.store(
                connection, request, StoredAnswer(201, body, etag, f"{PREFIX}/{ticket_id}")
            )

        answer = await self._database.write(work)
        if not answer.is_repeated:
            _log("ticket.created", caller, ticket_id, priority=new.priority)
        return answer

    async def close(self, caller: Caller, ticket_id: uuid.UUID, if_match: str | None) -> StoredAnswer:
        """Close a ticket; a closed ticket stays unchanged.

        Raises TicketNotFoundError, PreconditionFailedError, InvalidAccessTokenError.
        """
        profile = await self._users.require_current_profile(caller)

        def work(connection: sa.Connection) -> StoredAnswer:
            ticket = lock(connection, caller.claims, ticket_id, if_match)
            before = TicketStatus(ticket.status)
            after = transition(before, TicketAction.CLOSE, caller.claims, ticket.author_id)
            store_profiles(connection, profile)
            if after is not before:
                self._on_event(connection, TicketClosed(ticket, caller.user_id))
                repository.update_ticket(connection, ticket.id, {"status": after.value})
            return ticket_answer(repository.get_row(connection, ticket.id))

        answer = await self._database.write(work)
        self._wake_mail()
        _log("ticket.closed", caller, ticket_id)
        return answer

    async def update(
        self, caller: Caller, ticket_id: uuid.UUID, patch: TicketPatch, if_match: str | None
    ) -> StoredAnswer:
        """Assign a ticket, set its priority.

        Raises TicketNotFoundError, PreconditionFailedError, TicketClosedError, NotAssignableError,
        UsersUnavailableError, InvalidAccessTokenError.
        """
        profile = await self._users.require_current_profile(caller)
        assignee_id, candidate = patch.assignee_id, None
        if assignee_id is not None and assignee_id != caller.user_id:
            candidate = await Candidate.look_up(assignee_id, caller, self._users)

        def work(connection: sa.Connection) -> StoredAnswer:
            ticket = lock(connection, caller.claims, ticket_id, if_match)
            transition(TicketStatus(ticket.status), TicketAction.UPDATE, caller.claims, ticket.author_id)
            if candidate is not None:
                candidate.require_assignable(connection)
            store_profiles(connection, profile, None if candidate is None else candidate.profile)
            if assignee_id is not None and assignee_id != ticket.assignee_id:
                self._on_event(connection, TicketAssigned(ticket, caller.user_id, assignee_id))
            if changes := _columns(patch):
                repository.update_ticket(connection, ticket.id, changes)
            return ticket_answer(repository.get_row(connection, ticket.id))

        answer = await self._database.write(work)
        self._wake_mail()
        _log("ticket.updated", caller, ticket_id, fields=sorted(patch.model_fields_set))
        return answer


def _columns(patch: TicketPatch) -> dict[str, Any]:
    changes: dict[str, Any] = {}
    if "assignee_id" in patch.model_fields_set:
        changes["assignee_id"] = patch.assignee_id
    if patch.priority is not None:
        changes["priority"] = patch.priority.rank
    return changes


def _log(event: str, caller: Caller, ticket_id: uuid.UUID, **fields: object) -> None:
    log.info(event, actor_id=str(caller.user_id), ticket_id=str(ticket_id), **fields)
