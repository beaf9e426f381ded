"""The queries on the tokens to revoke read indexes: an outage of an upstream makes the outbox long."""

import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, Final

import pytest
import sqlalchemy as sa

from doorward_auth.upstream.revocations import repository
from doorward_identity.tables import upstream_revocations
from doorward_kit.column_types import utc_now
from integration.upstream.grant_setup import PROVIDER, GrantSetup
from integration.upstream.revocation_rows import reject
from integration.upstream.rotating_upstream import RotatingUpstream

BY_DUE: Final = "ix_upstream_revocations_provider_due_at"
BY_EXPIRY: Final = "ix_upstream_revocations_expires_at"
A_PART: Final = {"ref", "range"}
"""The types of plans that read a part of an index, and not all of it."""


@contextmanager
def explained(target: sa.Connection | sa.Engine) -> Iterator[list[tuple[str, sa.RowMapping]]]:
    """Collect each SELECT on the outbox that runs during the block, with its plan."""
    plans: list[tuple[str, sa.RowMapping]] = []

    def explain(connection: sa.Connection, _cursor: object, statement: str, parameters: Any, *_: Any) -> None:
        if statement.startswith("SELECT") and "upstream_revocations" in statement:
            # MySQL's default is a tree.
            plan = connection.exec_driver_sql(f"EXPLAIN FORMAT=TRADITIONAL {statement}", parameters)
            plans.append((statement, plan.mappings().one()))

    sa.event.listen(target, "before_cursor_execute", explain)
    yield plans
    sa.event.remove(target, "before_cursor_execute", explain)


def plans_of(
    grant_setup: GrantSetup, run: Callable[[sa.Connection], object]
) -> list[tuple[str, sa.RowMapping]]:
    with grant_setup.transaction() as connection, explained(connection) as plans:
        run(connection)
    return plans


@pytest.fixture
def outbox(grant_setup: GrantSetup, upstream: RotatingUpstream) -> GrantSetup:
    """300 rows of a provider, of which few are due and few have expired, and 300 of another."""
    for _ in range(3):
        reject(grant_setup, upstream.issue())
    grant_setup.execute(upstream_revocations.update().values(expires_at=utc_now(-1)))
    [row, *_] = grant_setup.execute(sa.select(upstream_revocations))
    with grant_setup.transaction() as connection:
        for provider in (PROVIDER, "another"):
            connection.execute(
                upstream_revocations.insert().values(
                    provider=provider,
                    subject=None,
                    access_token=row.access_token,
                    refresh_token=row.refresh_token,
                    key_id=row.key_id,
                    attempts=1,
                    due_at=utc_now(3_600),
                    created_at=utc_now(),
                    expires_at=utc_now(86_400),
                    id=sa.bindparam("row_id"),
                ),
                [{"row_id": uuid.uuid4()} for _ in range(300)],
            )
    grant_setup.execute(sa.text("ANALYZE TABLE upstream_revocations"))
    return grant_setup


@pytest.mark.databases("mariadb")
def test_the_lease_reads_due_rows_in_the_order_of_an_index(outbox: GrantSetup) -> None:
    plans = plans_of(outbox, lambda c: repository.lease(c, PROVIDER, count=4, seconds=60.0))
    [plan] = [plan for statement, plan in plans if "SKIP LOCKED" in statement]
    assert (plan["key"], plan["type"] in A_PART) == (BY_DUE, True)
    assert "filesort" not in plan["Extra"]


@pytest.mark.databases("mariadb")
def test_looking_for_due_rows_and_counting_read_an_index_alone(outbox: GrantSetup) -> None:
    for run in (repository.is_any_due, repository.count_pending):
        [(_, plan)] = plans_of(outbox, lambda c, run=run: run(c, PROVIDER))  # type: ignore[misc]
        assert (plan["key"], plan["type"] in A_PART) == (BY_DUE, True)
        assert "Using index" in plan["Extra"]


@pytest.mark.databases("mariadb")
async def test_giving_up_finds_expired_rows_by_an_index(outbox: GrantSetup) -> None:
    with explained(outbox.resources.database.engine) as plans:
        assert await outbox.grants.revocations.give_up(count=100) == 3
    [plan] = [plan for statement, plan in plans if "expires_at <=" in statement.partition("WHERE")[2]]
    assert (plan["key"], plan["type"] in A_PART) == (BY_EXPIRY, True)
