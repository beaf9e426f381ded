"""Rules of deletion: who may delete a ticket, and what is logged."""

import uuid

import sqlalchemy as sa
import structlog

from doorward_kit.unit_of_work import Database
from doorward_tickets.deletions import repository
from doorward_tickets.tickets.permissions import lock
from doorward_tickets.tickets.repository import LockedTicket
from doorward_tickets.users.users_client import Caller, UsersClient

log = structlog.get_logger(__name__)


class DeletionService:
    """Deletes tickets. The endpoint requires the permission `tickets:delete`.

    A deleted ticket is gone for every reader at once. Its replies and search terms are deleted by the
    cleanup: a transaction of one request must not grow with the length of a thread.
    """

    def __init__(self, database: Database, users: UsersClient) -> None:
        self._database = database
        self._users = users

    async def delete(self, caller: Caller, ticket_id: uuid.UUID, if_match: str | None) -> None:
        """Delete a ticket; raises TicketNotFoundError, PreconditionFailedError, InvalidAccessTokenError."""
        await self._users.require_current_profile(caller)

        def work(connection: sa.Connection) -> LockedTicket:
            # The lock makes replies wait, which then find no ticket.
            ticket = lock(connection, caller.claims, ticket_id, if_match)
            repository.delete_tickets(connection, [ticket.id])
            return ticket

        ticket = await self._database.write(work)
        log.info(
            "ticket.deleted",
            actor_id=str(caller.user_id),
            ticket_id=str(ticket_id),
            author_id=str(ticket.author_id),
            replies=ticket.reply_count,
        )
