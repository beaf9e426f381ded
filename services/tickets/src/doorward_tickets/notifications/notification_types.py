"""What people are mailed about; the name is that of the template."""

from enum import StrEnum


class NotificationType(StrEnum):
    """Every kind of mail about a ticket."""

    REPLIED = "ticket_replied"
    CLOSED = "ticket_closed"
    ASSIGNED = "ticket_assigned"  # to whoever is to work on it
    TAKEN = "ticket_taken"  # to its author: somebody works on it
