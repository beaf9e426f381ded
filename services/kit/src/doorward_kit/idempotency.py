"""Idempotency-Key: a request that is sent twice is carried out once.

The key is claimed by an insert in the transaction of the work itself: of two requests with one key
the second waits for the first one's commit, and then gets its answer. A first try that fails leaves
nothing behind. Keys belong to their caller, and are kept as hashes.
"""

import hashlib
import uuid
from collections.abc import Mapping
from typing import Annotated, Final, NamedTuple

import sqlalchemy as sa
from fastapi import Header
from sqlalchemy import exc

from doorward_client.errors import DoorwardError
from doorward_kit.column_types import TABLE_OPTIONS, UtcDateTime, Uuid, ascii_text, fixed_bytes, utc_now

TABLE: Final = "idempotency_keys"
LOCATION_LENGTH: Final = 255

IdempotencyKey = Annotated[
    str | None,
    Header(
        min_length=1,
        max_length=255,
        pattern=r"^[\x21-\x7e]+$",
        description="Any text that is new for each new request: sent again with the same body, the request"
        " is answered as it was and not carried out again.",
    ),
]


class IdempotencyKeyReusedError(DoorwardError):
    """422: the key belongs to another request of the same caller."""

    status = 422
    code = "idempotency_key_reused"
    detail = "This Idempotency-Key was sent with another request. Use a new one for a new request."


class Answer(NamedTuple):
    """What a request was answered, to be answered again; `is_repeated` when it is."""

    status: int
    body: bytes
    etag: str
    location: str | None = None
    is_repeated: bool = False


class KeyedRequest(NamedTuple):
    """Who sent which request under which key; key and request as SHA-256."""

    caller: uuid.UUID
    key: bytes
    fingerprint: bytes


def keyed_request(caller: uuid.UUID, key: str | None, *parts: str) -> KeyedRequest | None:
    """Describe a request by its `parts`: operation, target, body. None without a key."""
    if key is None:
        return None
    told = "\0".join(parts).encode("utf-8")
    return KeyedRequest(caller, hashlib.sha256(key.encode()).digest(), hashlib.sha256(told).digest())


def idempotency_table(metadata: sa.MetaData) -> sa.Table:
    """Describe the table; migrations.create_idempotency_keys creates it."""
    return sa.Table(
        TABLE,
        metadata,
        sa.Column("caller_id", Uuid(), primary_key=True),
        sa.Column("key_hash", fixed_bytes(32), primary_key=True),
        sa.Column("fingerprint", fixed_bytes(32), nullable=False),
        # Empty only inside the transaction that claims the key.
        sa.Column("status", sa.SmallInteger),
        sa.Column("etag", ascii_text(64)),
        sa.Column("location", ascii_text(LOCATION_LENGTH)),
        sa.Column("body", sa.LargeBinary),
        sa.Column("expires_at", UtcDateTime(), nullable=False, index=True),
        **TABLE_OPTIONS,
    )


class IdempotencyKeys:
    """Remembers answers for `seconds`."""

    def __init__(self, table: sa.Table, *, seconds: int) -> None:
        self._table = table
        self._seconds = seconds

    def claim(self, connection: sa.Connection, request: KeyedRequest | None) -> Answer | None:
        """Claim the key of a request; return the answer of an earlier try, which is then the answer.

        With None the caller does the work, and stores its answer in the same transaction: the commit
        publishes both. A request without a key always gets None. Raises IdempotencyKeyReusedError.
        """
        return None if request is None else self._claim(connection, request)

    def store(self, connection: sa.Connection, request: KeyedRequest | None, answer: Answer) -> Answer:
        """Store the answer under the claimed key; return it."""
        if request is not None:
            values = {name: value for name, value in answer._asdict().items() if name in self._table.c}
            connection.execute(self._table.update().where(*self._row_of(request)).values(values))
        return answer

    def purge(self, connection: sa.Connection, /, *, count: int) -> int:
        """Delete up to `count` expired keys; return how many."""
        keys = self._table.c
        expired = sa.select(keys.caller_id, keys.key_hash).where(keys.expires_at <= utc_now()).limit(count)
        found = [(caller, key) for caller, key in connection.execute(expired)]
        if found:
            connection.execute(
                self._table.delete().where(
                    sa.tuple_(keys.caller_id, keys.key_hash).in_(found),
                    keys.expires_at <= utc_now(),  # unless it was claimed anew in between
                )
            )
        return len(found)

    def _claim(self, connection: sa.Connection, request: KeyedRequest) -> Answer | None:
        """Take the key for this request; return the answer that it has already."""
        fresh = {"fingerprint": request.fingerprint, "expires_at": utc_now(self._seconds)}
        row = {"caller_id": request.caller, "key_hash": request.key, **fresh}
        try:
            connection.execute(self._table.insert().values(row))
        except exc.IntegrityError:
            return self._answered(connection, request, fresh)
        return None

    def _answered(
        self, connection: sa.Connection, request: KeyedRequest, fresh: Mapping[str, object]
    ) -> Answer | None:
        keys = self._table.c
        is_over = keys.expires_at <= utc_now()
        # A look before the change: everybody who waited for the same key shares the lock of its row, and
        # would wait in a circle to change it.
        known = sa.select(is_over, keys.fingerprint, keys.status, keys.body, keys.etag, keys.location).where(
            *self._row_of(request)
        )
        found = connection.execute(known).one()
        if found[0]:
            taken = self._table.update().where(*self._row_of(request), is_over).values(fresh)
            if connection.execute(taken).rowcount == 1:
                return None
            found = connection.execute(known).one()
        if found.fingerprint != request.fingerprint:
            raise IdempotencyKeyReusedError
        return Answer(found.status, found.body, found.etag, found.location, is_repeated=True)

    def _row_of(self, request: KeyedRequest) -> tuple[sa.ColumnElement[bool], ...]:
        keys = self._table.c
        return keys.caller_id == request.caller, keys.key_hash == request.key
