"""Queries by several keys, whose statements are built once."""

from collections.abc import Sequence
from functools import lru_cache
from typing import Any

import sqlalchemy as sa


class SelectByKeys:
    """A query of rows by their keys in `column`.

    It is built for 1, 2, 4, ... keys, and the last key is repeated. SQLAlchemy writes an IN of any length
    anew at each execution, which takes longer than all else that it does.
    """

    def __init__(self, query: "sa.Select[*tuple[Any, ...]]", column: sa.ColumnElement[Any]) -> None:
        self._query = query
        self._column = column
        self._of_size = lru_cache(self._build)

    def execute(self, connection: sa.Connection, keys: Sequence[Any]) -> "sa.CursorResult[*tuple[Any, ...]]":
        """Read the rows of one key or more."""
        size = 1 << (len(keys) - 1).bit_length()
        padded = [*keys, *[keys[-1]] * (size - len(keys))]
        return connection.execute(
            self._of_size(size), {f"key_{number}": key for number, key in enumerate(padded)}
        )

    def _build(self, size: int) -> "sa.Select[*tuple[Any, ...]]":
        keys = [sa.bindparam(f"key_{number}", type_=self._column.type) for number in range(size)]
        return self._query.where(self._column.in_(keys))
