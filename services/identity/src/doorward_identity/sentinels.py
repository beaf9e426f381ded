"""Rows that are written for the sake of the write, which other nodes of a cluster and replicas see."""

from enum import StrEnum
from typing import Final

import sqlalchemy as sa

from doorward_identity.tables import sentinels
from doorward_kit.column_types import this_node, utc_now
from doorward_kit.upsert import upsert


class Sentinel(StrEnum):
    """The rows."""

    HEARTBEAT = "heartbeat"
    """Written each second: its age is that of the data that a node shows."""
    ADMINISTRATORS = "administrators"
    """Written where an administrator leaves: two such transactions conflict, also on two nodes."""


def write(connection: sa.Connection, name: Sentinel) -> None:
    """Write a row, and lock it until the commit.

    Row locks are of one node. A cluster compares what was written, and rolls back one of two transactions
    that wrote the same row. So the value must differ from the one before.
    """
    values = {"name": name.value, "written_at": utc_now(), "node": this_node()}
    upsert(connection, sentinels, values, changed=("written_at", "node"))


HEARTBEAT_SECONDS: Final = 1

_IS_DUE: Final = sa.or_(
    sentinels.c.written_at <= utc_now(-HEARTBEAT_SECONDS),
    # The server's clock was set back.
    sentinels.c.written_at > utc_now(HEARTBEAT_SECONDS),
)


def write_heartbeat(connection: sa.Connection) -> bool:
    """Write the heartbeat if no process has done so within the last second; tell whether it was written."""
    due = sentinels.update().where(sentinels.c.name == Sentinel.HEARTBEAT.value, _IS_DUE)
    return connection.execute(due.values(written_at=utc_now(), node=this_node())).rowcount == 1
