"""Rows read as JSON equal the rows that the driver reads, on every database and for all values."""

import uuid
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import pytest
import sqlalchemy as sa
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from doorward_kit.column_types import TABLE_OPTIONS, JsonObject, UtcDateTime, Uuid, exact_text
from doorward_kit.database import create_engine
from doorward_kit.json_columns import JsonRows
from integration.harness.databases import NewDatabase

THINGS = sa.Table(
    "json_rows_things",
    sa.MetaData(),
    sa.Column("id", Uuid(), primary_key=True),
    sa.Column("text", exact_text(100), nullable=True),
    sa.Column("owner", Uuid(), nullable=True),
    sa.Column("number", sa.BigInteger, nullable=False),
    sa.Column("at", UtcDateTime, nullable=True),
    sa.Column("object", JsonObject(2_000), nullable=True),
    **TABLE_OPTIONS,
)

# Services reject NUL and lone surrogates in all stored text.
texts = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=100)
ids = st.uuids()
times = st.datetimes(datetime(1000, 1, 1), timezones=st.just(UTC))  # noqa: DTZ001 - it gets UTC there
things: st.SearchStrategy[dict[str, Any]] = st.fixed_dictionaries(
    {
        "id": ids,
        "text": st.none() | texts,
        "owner": st.none() | ids,
        "number": st.integers(-(2**63), 2**63 - 1),
        "at": st.none() | times | times.map(lambda value: value.replace(microsecond=0)),
        "object": st.none()
        | st.dictionaries(st.just("x"), texts | st.integers() | st.booleans(), max_size=1),
    }
)


@pytest.fixture
def connection(new_database: NewDatabase, backend: str) -> Iterator[sa.Connection]:
    engine = create_engine(new_database(backend, "json"), pool_size=1, timeout=10)
    THINGS.create(engine)
    with engine.connect() as connection:
        yield connection
    engine.dispose()


def read_both(connection: sa.Connection) -> tuple[list[list[Any]], list[list[Any]]]:
    """Return the rows as the driver reads them, and as JSON texts."""
    rows = JsonRows(list, tuple(THINGS.c))
    plain = connection.execute(sa.select(THINGS).order_by(THINGS.c.id)).all()
    written = connection.execute(sa.select(rows.column).order_by(THINGS.c.id))
    return [list(values) for values in plain], rows.read(written)


@settings(max_examples=100, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(things, max_size=5, unique_by=lambda thing: thing["id"]))
def test_json_rows_equal_selected_rows(connection: sa.Connection, stored: list[dict[str, Any]]) -> None:
    connection.execute(THINGS.delete())
    if stored:
        connection.execute(THINGS.insert(), stored)
    plain, from_json = read_both(connection)
    assert len(plain) == len(stored)
    assert from_json == plain
    assert [[type(value) for value in row] for row in from_json] == [
        [type(value) for value in row] for row in plain
    ]


@pytest.mark.parametrize(
    "text", ["", '"', "\\", "null", "[1]", "\x01\x1f\x7f", "\u2028", "\U0001f600", "\ufeff"]
)
def test_texts_with_json_syntax_are_read_unchanged(connection: sa.Connection, text: str) -> None:
    connection.execute(THINGS.delete())
    connection.execute(THINGS.insert(), [{"id": uuid.uuid4(), "text": text, "number": 0}])
    plain, [[_, read, *_]] = read_both(connection)
    assert read == plain[0][1] == text
