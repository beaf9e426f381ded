"""MutesService: whoever sees a ticket says whether they want mail about it."""

import uuid
from collections.abc import Callable

import sqlalchemy as sa

from doorward_client.tokens import Claims
from doorward_kit.unit_of_work import Database
from doorward_tickets.notifications import repository
from doorward_tickets.tickets import repository as tickets
from doorward_tickets.tickets.errors import TicketNotFoundError
from doorward_tickets.tickets.permissions import visible_author_id


class MutesService:
    """Mutes tickets for their readers, each for themselves."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def mute(self, caller: Claims, ticket_id: uuid.UUID) -> None:
        """Send the caller no mail about a ticket; raises TicketNotFoundError."""
        await self._write(caller, ticket_id, repository.mute)

    async def unmute(self, caller: Claims, ticket_id: uuid.UUID) -> None:
        """Send it again; raises TicketNotFoundError."""
        await self._write(caller, ticket_id, repository.unmute)

    async def _write(
        self,
        caller: Claims,
        ticket_id: uuid.UUID,
        change: Callable[[sa.Connection, uuid.UUID, uuid.UUID], None],
    ) -> None:
        def work(connection: sa.Connection) -> None:
            if not tickets.is_there(connection, ticket_id, visible_author_id(caller)):
                raise TicketNotFoundError
            change(connection, ticket_id, caller.user_id)

        await self._database.write(work)
