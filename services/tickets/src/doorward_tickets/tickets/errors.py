"""Refusals of tickets."""

from doorward_client.errors import DoorwardError, NotFoundError


class TicketNotFoundError(NotFoundError):
    """404 for an id that no ticket has, and for another user's ticket."""

    code = "ticket_not_found"
    detail = "There is no such ticket."


class TicketClosedError(DoorwardError):
    """409: this cannot be done to a closed ticket."""

    status = 409
    code = "ticket_closed"
    detail = "The ticket is closed. A reply opens it again."


class NotAssignableError(DoorwardError):
    """409: only somebody who can see every ticket can work on one."""

    status = 409
    code = "not_assignable"
    detail = "Tickets are assigned to active administrators; this is none."
