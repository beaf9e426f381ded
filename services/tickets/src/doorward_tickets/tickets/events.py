"""Events of tickets, for features that react to them (notifications)."""

import uuid
from collections.abc import Callable
from dataclasses import dataclass

import sqlalchemy as sa

from doorward_tickets.tickets.repository import LockedTicket


@dataclass(frozen=True, slots=True)
class TicketEvent:
    """A change by a user; `ticket` is the locked ticket as it was before."""

    ticket: LockedTicket
    actor_id: uuid.UUID


class ReplyAdded(TicketEvent):
    """A reply was added."""


class TicketClosed(TicketEvent):
    """An open ticket was closed."""


@dataclass(frozen=True, slots=True)
class TicketAssigned(TicketEvent):
    """A ticket has a new assignee."""

    assignee_id: uuid.UUID


EventHandler = Callable[[sa.Connection, TicketEvent], None]
"""Called in the transaction of the change."""
