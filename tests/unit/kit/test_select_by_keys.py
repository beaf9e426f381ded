"""Rows are read by any number of keys, with few statements."""

import uuid

import sqlalchemy as sa

from doorward_kit.column_types import Uuid
from doorward_kit.select_by_keys import SelectByKeys

METADATA = sa.MetaData()
THINGS = sa.Table("things", METADATA, sa.Column("id", Uuid(), primary_key=True), sa.Column("n", sa.Integer))
BY_IDS = SelectByKeys(sa.select(THINGS.c.n), THINGS.c.id)


def test_each_row_is_read_once_with_few_statements() -> None:
    engine = sa.create_engine("sqlite://")
    METADATA.create_all(engine)
    statements: set[str] = set()
    sa.event.listen(engine, "before_cursor_execute", lambda *event: statements.add(event[2]))
    with engine.connect() as connection:
        rows = [{"id": uuid.UUID(int=n), "n": n} for n in range(20)]
        connection.execute(THINGS.insert(), rows)
        statements.clear()
        for count in range(1, 17):
            keys = [uuid.UUID(int=n) for n in range(count)]
            found = BY_IDS.execute(connection, [*keys, uuid.UUID(int=99)]).scalars().all()
            assert sorted(found) == list(range(count))
    assert len(statements) == 5  # for 2, 4, 8, 16 and 32 keys
    engine.dispose()
