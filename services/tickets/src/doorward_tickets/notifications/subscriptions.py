"""Subscriptions: everyone who may be notified about a ticket is subscribed until they unsubscribe."""

import uuid
from functools import partial

import sqlalchemy as sa

from doorward_client.tokens import Claims
from doorward_kit.unit_of_work import Database
from doorward_tickets.notifications import repository
from doorward_tickets.tickets.permissions import lock


class SubscriptionService:
    """Subscribes callers to tickets that they see, and unsubscribes them."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def subscribe(self, caller: Claims, ticket_id: uuid.UUID) -> None:
        """Notify the caller by mail again; raises TicketNotFoundError."""
        await self._database.write(partial(_subscribe, caller=caller, ticket_id=ticket_id))

    async def unsubscribe(self, caller: Claims, ticket_id: uuid.UUID) -> None:
        """Send the caller no mail about a ticket; raises TicketNotFoundError."""
        await self._database.write(partial(_unsubscribe, caller=caller, ticket_id=ticket_id))


def _subscribe(connection: sa.Connection, caller: Claims, ticket_id: uuid.UUID) -> None:
    lock(connection, caller, ticket_id, None)
    repository.unmute(connection, ticket_id, caller.user_id)


def _unsubscribe(connection: sa.Connection, caller: Claims, ticket_id: uuid.UUID) -> None:
    # Locked, because the row would refer to no ticket if the ticket were deleted meanwhile.
    lock(connection, caller, ticket_id, None)
    repository.mute(connection, ticket_id, caller.user_id)
