"""Deliveries of logout tokens, and the outboxes that they come from."""

import uuid
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Self

import sqlalchemy as sa

from doorward_auth.oidc.clients.client import IdTokenAlgorithm
from doorward_identity.logout_deliveries import MAX_ATTEMPTS


@dataclass(frozen=True, slots=True)
class LogoutDelivery:
    """One notification of a client by this process. `attempts` includes the current one.

    Without a `session_id` all sessions of the user have ended.
    """

    id: uuid.UUID
    user_id: uuid.UUID
    session_id: uuid.UUID | None
    attempts: int
    client_id: str
    uri: str
    algorithm: IdTokenAlgorithm


@dataclass(frozen=True, slots=True)
class Lease:
    """Deliveries of this process, and those that are given up.

    `over` was due again after its last attempt: the process crashed, or could not store what came of it.
    """

    deliveries: list[LogoutDelivery]
    over: list[LogoutDelivery]

    @classmethod
    def of(cls, found: Iterable[LogoutDelivery]) -> Self:
        """Divide what was leased by its attempts."""
        lease = cls([], [])
        for delivery in found:
            (lease.over if delivery.attempts > MAX_ATTEMPTS else lease.deliveries).append(delivery)
        return lease


@dataclass(frozen=True, slots=True)
class Outbox:
    """The queries on one kind of deliveries.

    A lease counts the attempt and makes the row due again at the lease's end: the rows of a process that
    crashed are. After the last attempt it is over. Processes skip each other's rows. `finish` and
    `reschedule` change only what is leased.
    """

    is_any_due: Callable[[sa.Connection], bool]
    lease: Callable[[sa.Connection, int, int], Lease]
    """Takes the highest number, and the seconds of the lease."""
    finish: Callable[[sa.Connection, LogoutDelivery], None]
    reschedule: Callable[[sa.Connection, LogoutDelivery, int], None]
    """Takes the seconds until the next attempt."""
