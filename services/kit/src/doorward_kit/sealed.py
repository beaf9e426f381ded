"""Encrypted values and the column that stores nothing else.

A column of this type rejects text and plain bytes, so no statement can store a secret that was not sealed.
"""

from dataclasses import dataclass
from typing import Any, Final

import sqlalchemy as sa
from sqlalchemy.dialects import mysql
from sqlalchemy.engine import Dialect

VERSION: Final = 1
KEY_ID_BYTES: Final = 8
NONCE_BYTES: Final = 12
TAG_BYTES: Final = 16
HEADER_BYTES: Final = 1 + KEY_ID_BYTES
"""The version in one byte, then the id of the key."""

_SHORTEST: Final = HEADER_BYTES + NONCE_BYTES + TAG_BYTES


@dataclass(frozen=True, slots=True, repr=False)
class Sealed:
    """`version | key id | nonce | ciphertext and tag`. Raises ValueError for bytes of another form."""

    data: bytes

    def __post_init__(self) -> None:
        if len(self.data) < _SHORTEST or self.data[0] != VERSION:
            raise ValueError("not a sealed value")

    @property
    def key_id(self) -> bytes:
        """The id of the key that opens the value."""
        return self.data[1:HEADER_BYTES]

    @property
    def header(self) -> bytes:
        return self.data[:HEADER_BYTES]

    @property
    def nonce(self) -> bytes:
        return self.data[HEADER_BYTES : HEADER_BYTES + NONCE_BYTES]

    @property
    def ciphertext(self) -> bytes:
        """The encrypted value with its tag."""
        return self.data[HEADER_BYTES + NONCE_BYTES :]


def key_id_of(column: sa.Column[Any]) -> sa.Function[bytes]:
    """Return SQL that reads the id of the key that opens a stored value; NULL without a value."""
    return sa.func.substr(column, 2, KEY_ID_BYTES, type_=sa.LargeBinary())


class SealedValue(sa.types.TypeDecorator[Sealed]):
    """A column of sealed values, each up to 16 MiB. Raises TypeError for anything else.

    A stored value that has another form is read as None, so that altering a value has the effect of deleting
    it.
    """

    impl = sa.LargeBinary
    cache_ok = True

    def load_dialect_impl(self, dialect: Dialect) -> sa.types.TypeEngine[bytes]:
        if dialect.name in {"mysql", "mariadb"}:
            return dialect.type_descriptor(mysql.MEDIUMBLOB())
        return dialect.type_descriptor(sa.LargeBinary())

    def process_bind_param(self, value: Sealed | None, _dialect: Dialect) -> bytes | None:
        if value is None:
            return None
        if not isinstance(value, Sealed):
            raise TypeError("only a sealed value can be stored here")
        return value.data

    def process_result_value(self, value: bytes | None, _dialect: Dialect) -> Sealed | None:
        if value is None:
            return None
        try:
            return Sealed(bytes(value))
        except ValueError:
            return None
