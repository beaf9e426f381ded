"""Errors of tickets."""

from doorward_client.errors import DoorwardError, NotFoundError


class TicketNotFoundError(NotFoundError):
    """404 for an unknown id, and for another user's ticket."""

    code = "ticket_not_found"
    detail = "Ticket not found."


class TicketClosedError(DoorwardError):
    """409: a closed ticket does not allow this action."""

    status = 409
    code = "ticket_closed"
    detail = "The ticket is closed. A reply reopens it."


class NotAssignableError(DoorwardError):
    """409: the assignee lacks the permission to manage tickets."""

    status = 409
    code = "not_assignable"
    detail = "The assignee must be an active user who can manage tickets."
