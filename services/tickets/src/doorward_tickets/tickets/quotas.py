"""How much a user may write: tickets and replies in an hour, stored tickets, replies to a ticket.

Users who can manage tickets are exempt: they answer everyone, import, and can delete what is too much.
"""

from typing import Final

import sqlalchemy as sa

from doorward_client.permissions import Permission
from doorward_client.tokens import Claims
from doorward_kit.metrics import Metrics
from doorward_kit.rate_limiting.algorithms import FixedWindow
from doorward_kit.rate_limiting.keys import LimitKey
from doorward_kit.rate_limiting.limiter import RateLimiter
from doorward_tickets.settings import TicketOptions
from doorward_tickets.tables import rate_limits
from doorward_tickets.tickets import repository
from doorward_tickets.tickets.errors import (
    QuotaExceededError,
    ReplyLimitReachedError,
    TicketLimitReachedError,
)
from doorward_tickets.tickets.repository import LockedTicket

_HOUR: Final = 3_600


class TicketQuotas:
    """Counts in the transaction of the change, so that a rejected request or a repeated one is not counted.

    The counter's row is locked until the commit. So of parallel requests of a user, through any replicas,
    no more succeed than in sequence.
    """

    def __init__(self, options: TicketOptions, metrics: Metrics) -> None:
        self._limiter = RateLimiter(rate_limits, metrics, QuotaExceededError)
        self._tickets = FixedWindow("ticket-quota", options.tickets_per_hour, _HOUR)
        self._replies = FixedWindow("reply-quota", options.replies_per_hour, _HOUR)
        self._tickets_per_user = options.tickets_per_user
        self._replies_per_ticket = options.replies_per_ticket

    def count_ticket(self, connection: sa.Connection, caller: Claims) -> None:
        """Count a new ticket; raises QuotaExceededError, TicketLimitReachedError."""
        if caller.may(Permission.TICKETS_MANAGE):
            return
        self._limiter.acquire(connection, [LimitKey.of(self._tickets, caller.user_id)])
        # After the lock: no other ticket of the user can be created until the commit.
        if repository.has_tickets(connection, caller.user_id, count=self._tickets_per_user):
            raise TicketLimitReachedError

    def count_reply(self, connection: sa.Connection, caller: Claims, ticket: LockedTicket) -> None:
        """Count a new reply; raises QuotaExceededError, ReplyLimitReachedError."""
        if caller.may(Permission.TICKETS_MANAGE):
            return
        if ticket.reply_count >= self._replies_per_ticket:
            raise ReplyLimitReachedError
        self._limiter.acquire(connection, [LimitKey.of(self._replies, caller.user_id)])
