"""Sealing the stored values of a table with the current key, in small batches, while services use them."""

import uuid
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Final, Generic, NamedTuple, Protocol, TypeVar

import sqlalchemy as sa
import structlog

from doorward_auth.vault.errors import UnopenableError
from doorward_kit.column_types import utc_now

log = structlog.get_logger(__name__)

BATCH_SIZE: Final = 100
"""Rows in a transaction: few, because other transactions wait for their locks."""


class SealedRow(Protocol):
    """What is logged about a row."""

    @property
    def id(self) -> uuid.UUID: ...

    @property
    def provider(self) -> str: ...


Row = TypeVar("Row", bound=SealedRow)


class Batch(NamedTuple):
    """How many rows were sealed again, how many could not be opened, and the last id, None at the end."""

    resealed: int
    unreadable: int
    last_id: uuid.UUID | None


@dataclass(frozen=True, slots=True)
class SealedTable(Generic[Row]):
    """A table with `id`, `key_id` and `due_at`, whose sealed values have one key in each row.

    `reseal` returns the columns of a row, sealed with the current key. `unreadable` is the log event of a row
    that cannot be opened.
    """

    table: sa.Table
    find_all: Callable[[sa.Connection, Sequence[uuid.UUID]], Sequence[Row]]
    reseal: Callable[[Row], Mapping[str, object]]
    unreadable: str

    def keys_in_use(self, connection: sa.Connection) -> set[bytes]:
        """Return the ids of keys that a stored value needs."""
        key_id = self.table.c.key_id
        return set(connection.execute(sa.select(key_id).where(key_id.is_not(None)).distinct()).scalars())

    def reseal_batch(self, connection: sa.Connection, key_ids: Collection[bytes], after: uuid.UUID) -> Batch:
        """Seal the next rows after an id that are sealed with one of these keys, in a transaction.

        Rows that another transaction has locked are left out: they need another walk. One that cannot be
        opened becomes due, and the services end it.
        """
        columns = self.table.c
        old = _sealed_with(self.table, key_ids).where(columns.id > after)
        ids = list(connection.execute(old.with_for_update(skip_locked=True)).scalars())
        unreadable = []
        for row in self.find_all(connection, ids):
            try:
                values = self.reseal(row)
            except UnopenableError:
                log.warning(self.unreadable, row=str(row.id), provider=row.provider)
                unreadable.append(row.id)
                continue
            connection.execute(self.table.update().where(columns.id == row.id).values(values))
        if unreadable:
            due = self.table.update().where(columns.id.in_(unreadable))
            connection.execute(due.values(due_at=utc_now()))
        last_id = ids[-1] if len(ids) == BATCH_SIZE else None
        return Batch(len(ids) - len(unreadable), len(unreadable), last_id)

    def lock_batch(self, connection: sa.Connection, key_ids: Collection[bytes]) -> list[uuid.UUID]:
        """Return the ids of a batch of rows that are sealed with these keys, locked."""
        return list(connection.execute(_sealed_with(self.table, key_ids).with_for_update()).scalars())


def _sealed_with(table: sa.Table, key_ids: Collection[bytes]) -> sa.Select[uuid.UUID]:
    return sa.select(table.c.id).where(table.c.key_id.in_(key_ids)).order_by(table.c.id).limit(BATCH_SIZE)
