"""Column types that convert values, on SQLite in memory."""

from collections.abc import Iterator, Mapping
from types import MappingProxyType
from typing import Any

import pytest
import sqlalchemy as sa

from doorward_kit.column_types import JsonObject

OBJECTS = sa.Table("objects", sa.MetaData(), sa.Column("value", JsonObject(16)))


@pytest.fixture
def connection() -> Iterator[sa.Connection]:
    engine = sa.create_engine("sqlite://")
    with engine.connect() as connection:
        OBJECTS.create(connection)
        yield connection
    engine.dispose()


def stored(connection: sa.Connection, value: Mapping[str, Any]) -> tuple[Any, Any]:
    """Return what is read, and the text behind it."""
    connection.execute(OBJECTS.insert().values(value=value))
    raw = connection.execute(sa.text("SELECT value FROM objects")).scalar_one()
    return connection.execute(sa.select(OBJECTS.c.value)).scalar_one(), raw


def test_an_object_is_stored_as_short_ascii(connection: sa.Connection) -> None:
    assert stored(connection, MappingProxyType({"a": "é"})) == ({"a": "é"}, r'{"a":"\u00e9"}')


def test_an_empty_object_is_null(connection: sa.Connection) -> None:
    assert stored(connection, MappingProxyType({})) == ({}, None)


def test_an_object_past_its_length_is_not_cut(connection: sa.Connection) -> None:
    assert stored(connection, {"a": "12345678"}) == ({"a": "12345678"}, '{"a":"12345678"}')
    with pytest.raises(sa.exc.StatementError, match="17 bytes"):
        stored(connection, {"a": "123456789"})
