"""How much a user may write: tickets and replies in an hour, stored tickets and bytes, replies to a ticket.

Users who can manage tickets are exempt: they answer everyone, import, and can delete what is too much.
"""

from typing import Final

import sqlalchemy as sa
import structlog
from prometheus_client import Counter

from doorward_client.permissions import Permission
from doorward_client.tokens import Claims
from doorward_kit.metrics import Metrics
from doorward_kit.rate_limiting.limiter import RateLimiter
from doorward_kit.rate_limiting.limits import FixedWindow, LimitKey
from doorward_tickets.settings import TicketOptions
from doorward_tickets.storage.repository import add_bytes
from doorward_tickets.tables import rate_limits
from doorward_tickets.tickets import repository
from doorward_tickets.tickets.errors import (
    QuotaExceededError,
    ReplyLimitReachedError,
    StorageLimitReachedError,
    TicketLimitReachedError,
)
from doorward_tickets.tickets.repository import LockedTicket

log = structlog.get_logger(__name__)

_HOUR: Final = 3_600


class TicketQuotas:
    """Counts in the transaction of the change, so that a rejected request or a repeated one is not counted.

    The counter's row is locked until the commit. So of parallel requests of a user, through any replicas,
    no more succeed than in sequence. Both counts return the bytes that are added to the user's, to be stored
    as `counted_bytes`; None if none are.
    """

    def __init__(self, options: TicketOptions, metrics: Metrics) -> None:
        self._tickets = FixedWindow("ticket-quota", options.tickets_per_hour, _HOUR)
        self._replies = FixedWindow("reply-quota", options.replies_per_hour, _HOUR)
        self._limiter = RateLimiter(
            rate_limits, metrics, QuotaExceededError, limits=(self._tickets, self._replies)
        )
        self._tickets_per_user = options.tickets_per_user
        self._bytes_per_user = options.ticket_bytes_per_user
        self._replies_per_ticket = options.replies_per_ticket
        self._rejections = Counter(
            "doorward_ticket_limit_rejections",
            "Tickets and replies rejected because there are too many already, by limit.",
            ("limit",),
            registry=metrics.registry,
        )
        for limit in ("tickets-per-user", "replies-per-ticket", "bytes-per-user"):
            self._rejections.labels(limit)  # at 0: an increase needs a first value

    def count_ticket(self, connection: sa.Connection, caller: Claims, *texts: str) -> int | None:
        """Count a new ticket.

        Raises QuotaExceededError, TicketLimitReachedError, StorageLimitReachedError.
        """
        if caller.may(Permission.TICKETS_MANAGE):
            return None
        self._limiter.acquire(connection, [LimitKey.of(self._tickets, caller.user_id)])
        # After the lock: no other ticket of the user can be created until the commit.
        if repository.has_tickets(connection, caller.user_id, count=self._tickets_per_user):
            self._note_rejection("tickets-per-user", caller)
            raise TicketLimitReachedError
        return self._count_bytes(connection, caller, *texts)

    def count_reply(
        self, connection: sa.Connection, caller: Claims, ticket: LockedTicket, body: str
    ) -> int | None:
        """Count a new reply.

        Raises QuotaExceededError, ReplyLimitReachedError, StorageLimitReachedError.
        """
        if caller.may(Permission.TICKETS_MANAGE):
            return None
        if ticket.reply_count >= self._replies_per_ticket:
            self._note_rejection("replies-per-ticket", caller)
            raise ReplyLimitReachedError
        self._limiter.acquire(connection, [LimitKey.of(self._replies, caller.user_id)])
        return self._count_bytes(connection, caller, body)

    def _note_rejection(self, limit: str, caller: Claims) -> None:
        self._rejections.labels(limit).inc()
        log.info("ticket_limit.reached", limit=limit, user_id=str(caller.user_id))

    def _count_bytes(self, connection: sa.Connection, caller: Claims, *texts: str) -> int:
        count = sum(len(text.encode()) for text in texts)
        if not add_bytes(connection, caller.user_id, count, limit=self._bytes_per_user):
            self._note_rejection("bytes-per-user", caller)
            raise StorageLimitReachedError
        return count
