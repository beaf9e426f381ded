"""How old the data is that this process reads, and from how many nodes of a cluster it comes.

A node that has fallen behind, and a replica, answer every query with what was right a while ago. Revocations
would be unknown there without any error. So every process on the identity database looks at a row that one
of them writes each second.
"""

import time
from dataclasses import dataclass
from datetime import datetime
from typing import Final

import sqlalchemy as sa
import structlog

from doorward_client.errors import UnavailableError
from doorward_identity.sentinels import HEARTBEAT_SECONDS, Sentinel, write, write_heartbeat
from doorward_identity.tables import sentinels
from doorward_kit.column_types import this_node, utc_now
from doorward_kit.unit_of_work import Database

log = structlog.get_logger(__name__)

RETRY_SECONDS: Final = 5.0
"""Pause after a heartbeat that could not be written: the server may be a replica, or reject every write."""

MAX_RETURNS: Final = 6
"""A failover and the way back make up to five: see NodesSeen."""

_RECENT_SECONDS: Final = 2 * HEARTBEAT_SECONDS

_HEARTBEAT: Final = sentinels.select().where(sentinels.c.name == Sentinel.HEARTBEAT.value).subquery()
_ONE: Final = sa.select(utc_now().label("now"), this_node().label("this_node")).subquery()
_READ: Final = sa.select(_ONE, _HEARTBEAT.c.written_at, _HEARTBEAT.c.node).outerjoin_from(
    _ONE, _HEARTBEAT, sa.true()
)


@dataclass(frozen=True, slots=True)
class _Heartbeat:
    now: datetime
    this_node: str
    written_at: datetime | None
    node: str | None

    @property
    def age(self) -> float:
        """Seconds; the clocks of two servers may differ a little."""
        return 0.0 if self.written_at is None else max(0.0, (self.now - self.written_at).total_seconds())


class NodesSeen:
    """The nodes that answered and that wrote, in order.

    A failover leaves a node for another. Connections to several nodes come back to each again and again.
    """

    def __init__(self) -> None:
        self._current = ""
        self._left: set[str] = set()
        self._returns = 0

    def note(self, node: str) -> None:
        if node == self._current:
            return
        self._returns += node in self._left
        self._left.add(self._current)
        self._current = node

    @property
    def concurrent_nodes(self) -> list[str]:
        """The nodes, if several are in use at the same time."""
        return sorted({*self._left, self._current} - {""}) if self._returns > MAX_RETURNS else []


class DataAge:
    """Measures the age of the identity database's data. On SQLite, which has no nodes, it is 0."""

    def __init__(self, database: Database, *, max_age: float) -> None:
        self._database = database
        self._is_one_file = database.engine.dialect.name == "sqlite"
        self._max_age = max_age
        self._age = 0.0
        self._retry_at = 0.0
        self._nodes = NodesSeen()
        self._has_warned = False

    async def measure(self) -> float:
        """Write the heartbeat if that is due; return the age in seconds. Raises as Database.read does.

        A committed write of this process shows that its node has everything that was committed before.
        """
        if self._is_one_file:
            return 0.0
        reading = await self._database.read(_read_heartbeat)
        if reading.written_at is None or reading.age >= HEARTBEAT_SECONDS:
            reading = await self._after_heartbeat(reading)
        self._age = reading.age
        self._note_nodes(reading)
        return reading.age

    def problem(self) -> str | None:
        """Return why this process should get no traffic, or None."""
        if self._age <= self._max_age:
            return None
        return f"The database shows data of {self._age:.0f} s ago: a replica, or a node that is behind."

    def warning(self) -> str | None:
        """Return what is wrong with the nodes that connections reach, or None."""
        nodes = self._nodes.concurrent_nodes
        return f"connections reach several database nodes ({', '.join(nodes)})" if nodes else None

    async def _after_heartbeat(self, reading: _Heartbeat) -> _Heartbeat:
        if time.monotonic() < self._retry_at:
            return reading
        try:
            await self._database.execute_idempotent(
                write_heartbeat if reading.written_at else _first_heartbeat
            )
        except UnavailableError as error:
            self._retry_at = time.monotonic() + RETRY_SECONDS
            log.warning("heartbeat.not_written", age=reading.age, error=repr(error.__cause__ or error))
            return reading
        return await self._database.read(_read_heartbeat)

    def _note_nodes(self, reading: _Heartbeat) -> None:
        self._nodes.note(reading.this_node)
        if reading.node is not None and reading.age <= _RECENT_SECONDS:
            self._nodes.note(reading.node)
        warning = self.warning()
        if warning is not None and not self._has_warned:
            self._has_warned = True
            log.warning("database.several_nodes", nodes=self._nodes.concurrent_nodes)


def _read_heartbeat(connection: sa.Connection) -> _Heartbeat:
    return _Heartbeat(*connection.execute(_READ).one())


def _first_heartbeat(connection: sa.Connection) -> None:
    write(connection, Sentinel.HEARTBEAT)
