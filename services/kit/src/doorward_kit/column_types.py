"""Column types and values that are the same on MariaDB, MySQL and SQLite, and the database's clock."""

import json
import uuid
from collections.abc import Callable, Mapping
from dataclasses import fields
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Final

import sqlalchemy as sa
from sqlalchemy.dialects import mysql
from sqlalchemy.engine import Dialect
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.sql.compiler import SQLCompiler
from sqlalchemy.sql.functions import GenericFunction

if TYPE_CHECKING:
    from _typeshed import DataclassInstance

NAMING: Final = {
    "ix": "ix_%(table_name)s_%(column_0_N_name)s",
    "uq": "uq_%(table_name)s_%(column_0_N_name)s",
    "fk": "fk_%(table_name)s_%(column_0_name)s",
    "pk": "pk_%(table_name)s",
}
"""Names of constraints and indexes. A migration can only change a constraint with a known name."""

TABLE_OPTIONS: Final[dict[str, Any]] = {
    f"{dialect}_{option}": value
    for dialect in ("mysql", "mariadb")
    for option, value in (("engine", "InnoDB"), ("charset", "utf8mb4"), ("collate", "utf8mb4_bin"))
}
"""For every sa.Table, so that comparisons do not depend on the server's default collation."""


def ascii_text(length: int) -> sa.types.TypeEngine[Any]:
    """ASCII text compared byte by byte."""
    return sa.String(length).with_variant(
        mysql.VARCHAR(length, charset="ascii", collation="ascii_bin"), "mysql", "mariadb"
    )


def exact_text(length: int) -> sa.types.TypeEngine[Any]:
    """Unicode text compared byte by byte, because default collations treat ä and a as equal."""
    return sa.String(length).with_variant(
        mysql.VARCHAR(length, charset="utf8mb4", collation="utf8mb4_bin"), "mysql", "mariadb"
    )


def fixed_bytes(length: int) -> sa.types.TypeEngine[Any]:
    """Bytes of a fixed length, such as a hash."""
    return sa.LargeBinary(length).with_variant(mysql.BINARY(length), "mysql", "mariadb")


def medium_bytes() -> sa.types.TypeEngine[Any]:
    """Bytes of up to 16 MiB, where a plain BLOB ends at 64 KiB."""
    return sa.LargeBinary().with_variant(mysql.MEDIUMBLOB(), "mysql", "mariadb")


class Uuid(sa.types.TypeDecorator[uuid.UUID]):
    """A UUID in 16 bytes. The bytes of UUIDv7 sort by time (RFC 9562)."""

    impl = sa.LargeBinary
    cache_ok = True

    def load_dialect_impl(self, dialect: Dialect) -> sa.types.TypeEngine[Any]:
        if dialect.name in {"mysql", "mariadb"}:
            return dialect.type_descriptor(mysql.BINARY(16))
        return dialect.type_descriptor(sa.LargeBinary(16))

    def process_bind_param(self, value: uuid.UUID | None, _dialect: Dialect) -> bytes | None:
        return None if value is None else value.bytes

    def process_result_value(self, value: bytes | None, _dialect: Dialect) -> uuid.UUID | None:
        return None if value is None else uuid.UUID(bytes=value)


def json_text(value: Mapping[str, Any]) -> str:
    """Return the text that JsonObject stores: ASCII, so its length is that in bytes."""
    return json.dumps(dict(value), allow_nan=False, separators=(",", ":"))


class JsonObject(sa.types.TypeDecorator[Mapping[str, Any]]):
    """A JSON object of at most `length` bytes in ASCII; NULL is the empty one."""

    impl = sa.String
    cache_ok = True

    def __init__(self, length: int) -> None:
        super().__init__(length)
        self.length = length

    def load_dialect_impl(self, dialect: Dialect) -> sa.types.TypeEngine[Any]:
        return dialect.type_descriptor(ascii_text(self.length))

    def process_bind_param(self, value: Mapping[str, Any] | None, _dialect: Dialect) -> str | None:
        """Raise ValueError for an object that is too long."""
        if not value:
            return None
        text = json_text(value)
        if len(text) > self.length:
            raise ValueError(f"a JSON object of {len(text)} bytes")
        return text

    def process_result_value(self, value: str | None, _dialect: Dialect) -> Mapping[str, Any]:
        return {} if value is None else json.loads(value)


class UtcDateTime(sa.types.TypeDecorator[datetime]):
    """An aware datetime in UTC with microseconds."""

    impl = sa.DateTime
    cache_ok = True

    def load_dialect_impl(self, dialect: Dialect) -> sa.types.TypeEngine[Any]:
        """Use DATETIME(6) where plain DATETIME would drop the fraction."""
        if dialect.name in {"mysql", "mariadb"}:
            return dialect.type_descriptor(mysql.DATETIME(fsp=6))
        return dialect.type_descriptor(sa.DateTime())

    def process_bind_param(self, value: datetime | None, _dialect: Dialect) -> datetime | None:
        """Store UTC without an offset; raises ValueError for a naive datetime."""
        if value is None:
            return None
        if value.tzinfo is None:
            raise ValueError("a naive datetime cannot be stored")
        return value.astimezone(UTC).replace(tzinfo=None)

    def result_processor(
        self, dialect: Dialect, coltype: object
    ) -> Callable[[datetime | None], datetime | None] | None:
        """Skip the conversion on MariaDB and MySQL, where the driver has done it (`read_utc`)."""
        return None if dialect.name in {"mysql", "mariadb"} else super().result_processor(dialect, coltype)

    def process_result_value(self, value: datetime | None, _dialect: Dialect) -> datetime | None:
        return None if value is None else value.replace(tzinfo=UTC)


def read_utc(text: str) -> datetime:
    """Convert a DATETIME as the server writes it, in place of the driver's own converter.

    PyMySQL's takes seventeen times as long. Adding the offset afterwards takes six times as long: a tenth
    of a request for fifty rows with two times each.
    """
    return datetime.fromisoformat(f"{text}Z")


def first_id_of(moment: datetime) -> uuid.UUID:
    """Return the lowest id of a millisecond: ids are UUIDv7, so they order by time (RFC 9562)."""
    milliseconds = max(0, int(moment.timestamp() * 1000))
    return uuid.UUID(bytes=milliseconds.to_bytes(6, "big") + bytes(10))


def moment_of(identifier: uuid.UUID) -> datetime:
    """Return when a UUIDv7 was made."""
    return datetime.fromtimestamp(int.from_bytes(identifier.bytes[:6], "big") / 1000, UTC)


class utc_now(GenericFunction[datetime]):  # noqa: N801 - reads as the SQL function that it is
    """The database's clock in UTC, which all replicas share.

    `utc_now()` is now, `utc_now(seconds)` that many seconds later.
    """

    type = UtcDateTime()
    inherit_cache = True


@compiles(utc_now, "mysql", "mariadb")
def _utc_now_mysql(element: utc_now, compiler: SQLCompiler, **options: Any) -> str:
    later = [compiler.process(seconds, **options) for seconds in element.clauses]
    return f"(UTC_TIMESTAMP(6) + INTERVAL {later[0]} SECOND)" if later else "UTC_TIMESTAMP(6)"


@compiles(utc_now, "sqlite")
def _utc_now_sqlite(element: utc_now, compiler: SQLCompiler, **options: Any) -> str:
    later = [compiler.process(seconds, **options) for seconds in element.clauses]
    modifier = f", {later[0]} || ' seconds'" if later else ""
    return f"strftime('%Y-%m-%d %H:%M:%f000', 'now'{modifier})"


class this_node(GenericFunction[str]):  # noqa: N801 - as utc_now
    """Host and port of the server that runs the statement; one text on SQLite."""

    type = sa.String()
    inherit_cache = True


@compiles(this_node, "mysql", "mariadb")
def _this_node_mysql(_element: this_node, _compiler: SQLCompiler, **_options: Any) -> str:
    return "concat(@@hostname, ':', @@port)"


@compiles(this_node, "sqlite")
def _this_node_sqlite(_element: this_node, _compiler: SQLCompiler, **_options: Any) -> str:
    return "'file'"


def field_values(row: "DataclassInstance") -> dict[str, Any]:
    """Return the fields of a row by name. `asdict` would copy values, which a MappingProxyType rejects."""
    return {field.name: getattr(row, field.name) for field in fields(row)}
