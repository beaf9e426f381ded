"""What a ticket can be, and who may move it from where to where: the one table of it."""

import uuid
from collections.abc import Mapping
from enum import StrEnum
from typing import Final

from doorward_client.bearer_auth import InsufficientPermissionError
from doorward_client.permissions import Permission
from doorward_client.tokens import Claims
from doorward_tickets.tickets.errors import TicketClosedError


class TicketStatus(StrEnum):
    """Whether a ticket wants something."""

    OPEN = "open"
    CLOSED = "closed"


class Priority(StrEnum):
    """How much a ticket matters."""

    LOW = "low"
    NORMAL = "normal"
    HIGH = "high"
    URGENT = "urgent"

    @property
    def rank(self) -> int:
        """Its place in the order, as stored."""
        return list(Priority).index(self)

    @classmethod
    def of_rank(cls, rank: int) -> "Priority":
        """Return the priority that is stored as `rank`."""
        return _BY_RANK[rank]


_BY_RANK: Final = tuple(Priority)


class Action(StrEnum):
    """What is done to a ticket."""

    REPLY = "reply"
    CLOSE = "close"
    MANAGE = "manage"  # assign, set the priority


TRANSITIONS: Final[Mapping[tuple[TicketStatus, Action], TicketStatus]] = {
    (TicketStatus.OPEN, Action.REPLY): TicketStatus.OPEN,
    (TicketStatus.OPEN, Action.CLOSE): TicketStatus.CLOSED,
    (TicketStatus.OPEN, Action.MANAGE): TicketStatus.OPEN,
    (TicketStatus.CLOSED, Action.REPLY): TicketStatus.OPEN,
    (TicketStatus.CLOSED, Action.CLOSE): TicketStatus.CLOSED,
}
"""The status after an action. An action that is missing here is refused with 409."""


def transition(status: TicketStatus, action: Action, caller: Claims, author_id: uuid.UUID) -> TicketStatus:
    """Return the status after an action; raises TicketClosedError, InsufficientPermissionError.

    Authors reply to their tickets and close them. Everything else takes the permission to manage tickets.
    """
    if (status, action) not in TRANSITIONS:
        raise TicketClosedError
    is_own = action is not Action.MANAGE and caller.user_id == author_id
    if not is_own and not caller.may(Permission.TICKETS_MANAGE):
        raise InsufficientPermissionError(Permission.TICKETS_MANAGE)
    return TRANSITIONS[status, action]
