"""Errors of tickets."""

from doorward_client.errors import DoorwardError, NotFoundError
from doorward_kit.rate_limiting.limiter import retry_after


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


class QuotaExceededError(DoorwardError):
    """429: the user has created too many tickets or replies within the hour."""

    status = 429
    code = "quota_exceeded"
    detail = (
        "You have created as many tickets or replies as a user may create in an hour. Wait as long as"
        " `Retry-After` says."
    )

    def __init__(self, seconds: float) -> None:
        super().__init__(headers=retry_after(seconds))


class TicketLimitReachedError(DoorwardError):
    """409: the user has too many tickets."""

    status = 409
    code = "ticket_limit_reached"
    detail = "You have as many tickets as a user may have. An administrator can delete old ones."


class ReplyLimitReachedError(DoorwardError):
    """409: the ticket has too many replies."""

    status = 409
    code = "reply_limit_reached"
    detail = "The ticket has as many replies as a ticket may have. Create a new ticket."


class StorageLimitReachedError(DoorwardError):
    """409: the text of the user's tickets and replies has too many bytes."""

    status = 409
    code = "storage_limit_reached"
    detail = (
        "Your tickets and replies have as many bytes as those of a user may have. An administrator can delete"
        " old tickets."
    )
