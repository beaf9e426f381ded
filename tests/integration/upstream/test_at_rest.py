"""The database never gets a token in clear, and what cannot be opened hurts its own grant alone."""

import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa
from structlog.testing import capture_logs

from doorward_auth.upstream.grants.models import EndReason, GrantState
from doorward_auth.upstream.grants.resealing import forget_batch, sealed_grants
from doorward_auth.upstream.grants.service import AnswerStatus
from doorward_auth.upstream_adapters.base import FailedError, InvalidGrantError
from doorward_auth.vault.rotation import new_key
from doorward_identity.tables import metadata, upstream_grants, upstream_revocations
from doorward_kit.key_rotation import write_key_set
from integration.upstream.grant_setup import GrantSetup
from integration.upstream.revocation_rows import reject, rows, unlink
from integration.upstream.rotating_upstream import MARK, RotatingUpstream

BUDGET = 30.0


@contextmanager
def sent_to(engine: sa.Engine) -> Iterator[list[Any]]:
    """Record what an engine sends: statements and values."""
    sent: list[Any] = []

    def note(_connection: object, _cursor: object, statement: str, parameters: object, *_: object) -> None:
        sent.append((statement, parameters))

    sa.event.listen(engine, "before_cursor_execute", note)
    yield sent
    sa.event.remove(engine, "before_cursor_execute", note)


def dump(grant_setup: GrantSetup) -> bytes:
    """Return every value of every table."""
    tables = [grant_setup.execute(sa.text(f"SELECT * FROM {name}")) for name in metadata.tables]
    return b"\n".join(
        value if isinstance(value, bytes) else str(value).encode("utf-8")
        for rows in tables
        for row in rows
        for value in row
    )


async def test_a_dump_of_the_database_contains_no_token(
    grant_setup: GrantSetup, upstream: RotatingUpstream
) -> None:
    stored, refreshed, ended = (
        grant_setup.store(upstream.issue(), grant_setup.open_session()) for _ in range(3)
    )
    tokens = [grant_setup.tokens(stored)]
    given_back = grant_setup.open_session()
    rejected, wiped = upstream.issue(id_token=None), upstream.issue()
    with (
        sent_to(grant_setup.resources.database.engine) as sent,
        sent_to(grant_setup.engine) as sent_too,
        capture_logs() as log,
    ):
        grant_setup.store(wiped, given_back)
        unlink(grant_setup, given_back.user)
        reject(grant_setup, rejected)
        upstream.revocations += [FailedError(status=500)] * 2
        await grant_setup.deliver()
        for grant in (refreshed, ended):
            grant_setup.expire(grant)
        await grant_setup.ensure_fresh(refreshed, budget=BUDGET)
        tokens.append(grant_setup.tokens(refreshed))
        upstream.script.append(InvalidGrantError(status=400))
        await grant_setup.ensure_fresh(ended, budget=BUDGET)
    assert [row.attempts for row in rows(grant_setup)] == [1, 1]
    tokens += [wiped, rejected]
    contents = dump(grant_setup)
    assert b"theapi" in contents
    secrets = [text for one in tokens for text in (one.access_token, one.refresh_token, one.id_token) if text]
    assert len(secrets) == 11
    for secret in (*secrets, MARK):
        for start in range(len(secret) - 7):
            assert secret[start : start + 8].encode() not in contents
    assert MARK not in str((sent, sent_too, log))
    if grant_setup.url.startswith("sqlite"):
        files = Path(grant_setup.url.removeprefix("sqlite:///")).parent.iterdir()
        assert not [file.name for file in files if MARK.encode() in file.read_bytes()]


@pytest.mark.parametrize("column", ["refresh_token", "access_token", "id_token"])
async def test_a_value_of_another_row_ends_a_grant_or_is_replaced(
    grant_setup: GrantSetup, upstream: RotatingUpstream, column: str
) -> None:
    """An attacker who can write to the database gives a grant the tokens of another user."""
    victim, attacker = (grant_setup.store(upstream.issue(), grant_setup.open_session()) for _ in range(2))
    stolen = upstream_grants.c[column]
    [(value,)] = grant_setup.execute(sa.select(stolen).where(upstream_grants.c.id == victim))
    grant_setup.execute(
        upstream_grants.update().where(upstream_grants.c.id == attacker).values({stolen: value})
    )
    grant_setup.expire(attacker)
    with capture_logs() as lines:
        answer = await grant_setup.ensure_fresh(attacker, budget=BUDGET)
    if column == "refresh_token":
        assert (answer.status, grant_setup.row(attacker).state) == (
            AnswerStatus.REAUTH_REQUIRED,
            GrantState.REAUTH_REQUIRED,
        )
        assert [
            line
            for line in lines
            if line.get("grant") == str(attacker) and line["reason"] == EndReason.UNREADABLE
        ]
        assert upstream.requests == []
    else:
        assert answer.access_token == grant_setup.tokens(attacker).access_token
        assert answer.access_token != grant_setup.tokens(victim).access_token
    assert (await grant_setup.ensure_fresh(victim, budget=BUDGET)).status is AnswerStatus.FRESH


@pytest.mark.parametrize(
    "value", [b"", b"x", b"a token in clear, as an older system stored it", b"\x01" + bytes(60)]
)
async def test_a_damaged_value_is_no_error_of_the_caller(
    grant_setup: GrantSetup, upstream: RotatingUpstream, value: bytes
) -> None:
    grant = grant_setup.store(upstream.issue(), grant_setup.open_session())
    grant_setup.execute(sa.text("UPDATE upstream_grants SET refresh_token = :value").bindparams(value=value))
    grant_setup.expire(grant)
    answer = await grant_setup.ensure_fresh(grant, budget=BUDGET)
    assert answer.status is AnswerStatus.REAUTH_REQUIRED
    assert upstream.requests == []


async def test_a_grant_whose_key_is_not_here_yet_waits_for_it(
    grant_setup: GrantSetup, upstream: RotatingUpstream, keys: Path
) -> None:
    """This process has the old key file, or a wrong one: that must never log out all users."""
    grant = grant_setup.store(upstream.issue(), grant_setup.open_session())
    failures = {"attempts": 30}  # of other kinds, before the key was gone
    grant_setup.execute(upstream_grants.update().where(upstream_grants.c.id == grant).values(failures))
    right = keys.read_bytes()  # noqa: ASYNC240 - a small file of a test
    replace(keys, {"keys": [new_key()]})
    grant_setup.grants.keys.check()
    grant_setup.expire(grant)
    for _ in range(20):
        answer = await grant_setup.ensure_fresh(grant, budget=BUDGET)
        assert (answer.status, answer.access_token) == (AnswerStatus.PENDING, None)
        assert (grant_setup.row(grant).state, grant_setup.row(grant).last_error) == (
            GrantState.ACTIVE,
            "unknown_key",
        )
        grant_setup.pass_time(grant, 3_600)
    keys.write_bytes(right)  # noqa: ASYNC240 - a small file of a test
    assert (await grant_setup.ensure_fresh(grant, budget=BUDGET)).status is AnswerStatus.FRESH
    assert len(upstream.requests) == 1
    assert grant_setup.outcomes() == {"unknown_key": 20, "refreshed": 1}


async def test_grants_whose_key_the_operator_declares_lost_require_a_login(
    grant_setup: GrantSetup, upstream: RotatingUpstream, keys: Path
) -> None:
    lost = grant_setup.store(upstream.issue(), grant_setup.open_session())
    replace(keys, {"keys": [new_key()]})
    grant_setup.grants.keys.check()
    kept = grant_setup.store(upstream.issue(), grant_setup.open_session())
    grant_setup.expire(lost)
    await grant_setup.ensure_fresh(lost, budget=BUDGET)
    table = sealed_grants(grant_setup.grants.vault)
    with grant_setup.transaction() as connection:
        missing = table.keys_in_use(connection) - {grant_setup.grants.keys.current.id_bytes}
        assert forget_batch(table, connection, missing) == 1
    answer = await grant_setup.ensure_fresh(lost, budget=BUDGET)
    assert (answer.status, grant_setup.row(lost).last_error) == (AnswerStatus.REAUTH_REQUIRED, "unreadable")
    assert (await grant_setup.ensure_fresh(kept, budget=BUDGET)).status is AnswerStatus.FRESH


def replace(keys: Path, document: dict[str, Any]) -> None:
    write_key_set(keys, document)


def test_no_statement_can_store_a_token_that_is_not_sealed(grant_setup: GrantSetup) -> None:
    for column in ("access_token", "refresh_token"):
        with pytest.raises(sa.exc.StatementError, match="only a sealed value"):
            grant_setup.execute(upstream_revocations.update().values({column: "a token"}))
    for column in ("access_token", "refresh_token", "id_token"):
        with pytest.raises(sa.exc.StatementError, match="only a sealed value"):
            grant_setup.execute(upstream_grants.update().values({column: "a token"}))
        with pytest.raises(sa.exc.StatementError, match="only a sealed value"):
            grant_setup.execute(upstream_grants.update().values({column: uuid.uuid4().bytes}))
