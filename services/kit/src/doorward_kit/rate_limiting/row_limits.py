"""Limits of rows that are kept anyway: they are counted themselves, for all replicas together.

No further row is written, and none is locked: of requests at the same moment a few more may pass, unless they
wait for one lock. A query reads no more rows than the index has of its conditions in the time.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

import sqlalchemy as sa

from doorward_kit.column_types import first_id_of, moment_of


@dataclass(frozen=True, slots=True)
class RowLimit:
    """`most` rows in any time of length `window`."""

    most: int
    window: timedelta

    def seconds_to_wait(
        self, connection: sa.Connection, recent: "sa.Select[*tuple[Any, ...]]", values: Mapping[str, Any]
    ) -> float | None:
        """Return how long a further row has to wait; None if it may be made. `recent` is of `recent_rows`."""
        now = datetime.now(UTC)
        asked = {**values, "since": first_id_of(now - self.window), "others": self.most - 1}
        oldest = connection.execute(recent, asked).scalar_one_or_none()
        return None if oldest is None else max(1.0, (moment_of(oldest) + self.window - now).total_seconds())


def recent_rows(
    identifier: sa.Column[Any], *conditions: sa.ColumnElement[bool]
) -> "sa.Select[*tuple[Any, ...]]":
    """Return the query for the rows that a limit counts. Their ids are UUIDv7, which order by time."""
    return (
        sa.select(identifier)
        .where(*conditions, identifier >= sa.bindparam("since"))
        .order_by(identifier.desc())
        .offset(sa.bindparam("others"))
        .limit(1)
    )
