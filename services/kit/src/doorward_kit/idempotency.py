"""Idempotency-Key: a request that is sent twice is executed once.

An insert claims the key in the transaction of the work itself. A second request with the same key waits for
the first one's commit, and then gets the same response. A failed first request leaves no key behind. Keys
belong to their caller and are stored as hashes.
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
        description="A unique value for each new request. Sent again with the same key and body, the"
        " request is not executed again; the first response is repeated.",
    ),
]


class IdempotencyKeyReusedError(DoorwardError):
    """422: the key belongs to another request of the same caller."""

    status = 422
    code = "idempotency_key_reused"
    detail = "This Idempotency-Key belongs to another request. Use a new key for a new request."


class StoredAnswer(NamedTuple):
    """A stored response; `is_repeated` when it is sent again."""

    status: int
    body: bytes
    etag: str
    location: str | None = None
    is_repeated: bool = False


class KeyedRequest(NamedTuple):
    """A caller, and the SHA-256 of the key and of the request."""

    caller: uuid.UUID
    key: bytes
    fingerprint: bytes


def keyed_request(caller: uuid.UUID, key: str | None, *parts: str) -> KeyedRequest | None:
    """Hash a request by its `parts` (operation, target, body); return None without a key."""
    if key is None:
        return None
    request = "\0".join(parts).encode("utf-8")
    return KeyedRequest(caller, hashlib.sha256(key.encode()).digest(), hashlib.sha256(request).digest())


def idempotency_table(metadata: sa.MetaData) -> sa.Table:
    """Return the table; migrations.create_idempotency_keys creates it."""
    return sa.Table(
        TABLE,
        metadata,
        sa.Column("caller_id", Uuid(), primary_key=True),
        sa.Column("key_hash", fixed_bytes(32), primary_key=True),
        sa.Column("fingerprint", fixed_bytes(32), nullable=False),
        # NULL only inside the transaction that claims the key.
        sa.Column("status", sa.SmallInteger),
        sa.Column("etag", ascii_text(64)),
        sa.Column("location", ascii_text(LOCATION_LENGTH)),
        sa.Column("body", sa.LargeBinary),
        sa.Column("expires_at", UtcDateTime(), nullable=False, index=True),
        **TABLE_OPTIONS,
    )


class IdempotencyKeys:
    """Stores responses for `seconds`."""

    def __init__(self, table: sa.Table, *, seconds: int) -> None:
        self._table = table
        self._seconds = seconds

    def claim(self, connection: sa.Connection, request: KeyedRequest | None) -> StoredAnswer | None:
        """Claim the key of a request; return the stored response of an earlier request with the key.

        If it is None, the caller does the work and calls `store` in the same transaction. A request without
        a key always gets None. Raises IdempotencyKeyReusedError for a key of another request.
        """
        return None if request is None else self._claim(connection, request)

    def store(
        self, connection: sa.Connection, request: KeyedRequest | None, answer: StoredAnswer
    ) -> StoredAnswer:
        """Store the response under the claimed key; return it."""
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
                    keys.expires_at <= utc_now(),  # unless another request has claimed it since
                )
            )
        return len(found)

    def _claim(self, connection: sa.Connection, request: KeyedRequest) -> StoredAnswer | None:
        """Claim the key for this request; return its stored response, if it has one."""
        fresh = {"fingerprint": request.fingerprint, "expires_at": utc_now(self._seconds)}
        row = {"caller_id": request.caller, "key_hash": request.key, **fresh}
        try:
            connection.execute(self._table.insert().values(row))
        except exc.IntegrityError:
            return self._stored_answer(connection, request, fresh)
        return None

    def _stored_answer(
        self, connection: sa.Connection, request: KeyedRequest, fresh: Mapping[str, object]
    ) -> StoredAnswer | None:
        keys = self._table.c
        is_expired = keys.expires_at <= utc_now()
        # Read before the update: all requests that waited for the key share a lock on its row, and would
        # deadlock if each updated it.
        known = sa.select(
            is_expired, keys.fingerprint, keys.status, keys.body, keys.etag, keys.location
        ).where(*self._row_of(request))
        found = connection.execute(known).one()
        if found[0]:
            taken = self._table.update().where(*self._row_of(request), is_expired).values(fresh)
            if connection.execute(taken).rowcount == 1:
                return None
            found = connection.execute(known).one()
        if found.fingerprint != request.fingerprint:
            raise IdempotencyKeyReusedError
        return StoredAnswer(found.status, found.body, found.etag, found.location, is_repeated=True)

    def _row_of(self, request: KeyedRequest) -> tuple[sa.ColumnElement[bool], ...]:
        keys = self._table.c
        return keys.caller_id == request.caller, keys.key_hash == request.key
