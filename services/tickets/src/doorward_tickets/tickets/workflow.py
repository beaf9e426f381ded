"""The states of a ticket, their transitions, and the roles that may make them."""

import uuid
from collections.abc import Mapping
from enum import StrEnum
from typing import Final

from doorward_client.bearer_auth import InsufficientPermissionError
from doorward_client.permissions import Permission
from doorward_client.tokens import Claims
from doorward_tickets.tickets.errors import TicketClosedError


class TicketStatus(StrEnum):
    """The state of a ticket."""

    OPEN = "open"
    CLOSED = "closed"


class Priority(StrEnum):
    """The priority of a ticket."""

    LOW = "low"
    NORMAL = "normal"
    HIGH = "high"
    URGENT = "urgent"

    @property
    def rank(self) -> int:
        """The stored number, which sorts."""
        return list(Priority).index(self)

    @classmethod
    def of_rank(cls, rank: int) -> "Priority":
        return _BY_RANK[rank]


_BY_RANK: Final = tuple(Priority)


class TicketAction(StrEnum):
    """An action on a ticket."""

    REPLY = "reply"
    CLOSE = "close"
    UPDATE = "update"  # assign, set the priority


TRANSITIONS: Final[Mapping[tuple[TicketStatus, TicketAction], TicketStatus]] = {
    (TicketStatus.OPEN, TicketAction.REPLY): TicketStatus.OPEN,
    (TicketStatus.OPEN, TicketAction.CLOSE): TicketStatus.CLOSED,
    (TicketStatus.OPEN, TicketAction.UPDATE): TicketStatus.OPEN,
    (TicketStatus.CLOSED, TicketAction.REPLY): TicketStatus.OPEN,
    (TicketStatus.CLOSED, TicketAction.CLOSE): TicketStatus.CLOSED,
}
"""The status after an action. An action without an entry is rejected with 409."""


def transition(
    status: TicketStatus, action: TicketAction, caller: Claims, author_id: uuid.UUID
) -> TicketStatus:
    """Return the status after an action; raises TicketClosedError, InsufficientPermissionError.

    Authors reply to their tickets and close them. Everything else requires the permission to manage tickets.
    """
    if (status, action) not in TRANSITIONS:
        raise TicketClosedError
    is_own = action is not TicketAction.UPDATE and caller.user_id == author_id
    if not is_own and not caller.may(Permission.TICKETS_MANAGE):
        raise InsufficientPermissionError(Permission.TICKETS_MANAGE)
    return TRANSITIONS[status, action]
