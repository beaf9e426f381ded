"""What a ticket can be, and who may move it from where to where: the one table of it."""

from collections.abc import Mapping
from enum import StrEnum
from typing import Final

from doorward_client.bearer_auth import InsufficientRoleError
from doorward_client.roles import Role
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


_EVERYBODY: Final = frozenset(Role)  # who sees a ticket is its author or an administrator
_ADMINS: Final = frozenset({Role.ADMIN})

MOVES: Final[Mapping[tuple[TicketStatus, Action], tuple[frozenset[Role], TicketStatus]]] = {
    (TicketStatus.OPEN, Action.REPLY): (_EVERYBODY, TicketStatus.OPEN),
    (TicketStatus.OPEN, Action.CLOSE): (_EVERYBODY, TicketStatus.CLOSED),
    (TicketStatus.OPEN, Action.MANAGE): (_ADMINS, TicketStatus.OPEN),
    (TicketStatus.CLOSED, Action.REPLY): (_EVERYBODY, TicketStatus.OPEN),
    (TicketStatus.CLOSED, Action.CLOSE): (_EVERYBODY, TicketStatus.CLOSED),
}
"""By status and action: who may, and the status afterwards. What is not here is refused with 409."""


def move(status: TicketStatus, action: Action, role: Role) -> TicketStatus:
    """Return the status after an action; raises TicketClosedError, InsufficientRoleError."""
    if (status, action) not in MOVES:
        raise TicketClosedError
    allowed, after = MOVES[status, action]
    if role not in allowed:
        raise InsufficientRoleError(Role.ADMIN)
    return after
