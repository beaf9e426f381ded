"""The permissions on a ticket: every read and change of one ticket starts here."""

import uuid

import sqlalchemy as sa

from doorward_client.permissions import Permission
from doorward_client.tokens import Claims
from doorward_kit.etags import check_if_match
from doorward_tickets.tickets import repository
from doorward_tickets.tickets.errors import TicketNotFoundError
from doorward_tickets.tickets.repository import LockedTicket


def visible_author_id(caller: Claims) -> uuid.UUID | None:
    """Return the only author whose tickets the caller sees; None for a caller who sees all tickets."""
    return None if caller.may(Permission.TICKETS_READ_ALL) else caller.user_id


def require_visible(connection: sa.Connection, caller: Claims, ticket_id: uuid.UUID) -> None:
    """Raise TicketNotFoundError for a ticket that the caller does not see."""
    if not repository.exists(connection, ticket_id, visible_author_id(caller)):
        raise TicketNotFoundError


def lock(
    connection: sa.Connection, caller: Claims, ticket_id: uuid.UUID, if_match: str | None
) -> LockedTicket:
    """Lock a ticket to change it; raises TicketNotFoundError, PreconditionFailedError."""
    ticket = repository.lock_ticket(connection, ticket_id, visible_author_id(caller))
    if ticket is None:
        raise TicketNotFoundError
    check_if_match(if_match, ticket.version)
    return ticket
