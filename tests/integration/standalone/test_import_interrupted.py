"""An import of many users that is killed on the way, and repeated, on both databases."""

import json
import os
import signal
import time
import uuid
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final, cast

import pytest
import sqlalchemy as sa
from argon2 import PasswordHasher

from doorward_identity.accounts import EmailTakenError, NewAccount, Status, create_account
from doorward_identity.audit.repository import AuditAction, record
from doorward_identity.bulk_accounts import BulkAccount, create_missing
from doorward_identity.directory_index import find_outdated
from doorward_identity.emails import email_key
from doorward_identity.tables import audit_events, credentials, user_search_terms, users
from doorward_kit.column_types import UtcDateTime, Uuid
from doorward_kit.database import create_engine
from integration.harness.databases import NewDatabase
from integration.harness.installation import Installation
from support import preloaded
from support.processes import inherited_environment
from support.services import migrate

USERS: Final = 4_000
HASH: Final = PasswordHasher(time_cost=1, memory_cost=64).hash("a long enough phrase")


@pytest.fixture
def url(new_database: NewDatabase, backend: str) -> str:
    url = new_database(backend, "imported")
    migrate(url)
    return url


@pytest.fixture
def engine(url: str) -> Iterator[sa.Engine]:
    engine = create_engine(url, pool_size=1, timeout=30)
    yield engine
    engine.dispose()


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "people.jsonl"
    people = (
        {"email": f"p{n}@example.com", "name": f"Zoë {n}", **({"password_hash": HASH} if n % 2 else {})}
        for n in range(USERS)
    )
    path.write_text("\n".join(map(json.dumps, people)))
    return path


def count(engine: sa.Engine, table: sa.Table) -> int:
    with engine.connect() as connection:
        return connection.execute(sa.select(sa.func.count()).select_from(table)).scalar_one()


def start(url: str, file: Path, output: Path) -> preloaded.PreloadedProcess:
    environment = {**inherited_environment(), "DOORWARD_DATABASE_URL": url}
    with output.open("wb") as stream:
        return preloaded.PreloadedProcess(
            "doorward", ["import-users", str(file)], env=environment, stdout=stream
        )


def test_a_killed_import_is_repeated_to_its_end(
    url: str, engine: sa.Engine, file: Path, tmp_path: Path
) -> None:
    first = start(url, file, tmp_path / "killed")
    while not count(engine, users):
        assert first.poll() is None, (tmp_path / "killed").read_text()
        time.sleep(0.001)  # leave the processor to the import
    os.kill(first.pid, signal.SIGKILL)
    first.wait(60)
    assert 0 < (kept := count(engine, users)) < USERS
    # Each transaction is whole: users with their events, passwords and terms.
    assert count(engine, audit_events) == kept
    second = start(url, file, tmp_path / "repeated")
    assert second.wait(240) == 0
    said = (tmp_path / "repeated").read_text()
    assert said == f"doorward: imported {USERS - kept} users; {kept} existed already\n"
    counted = [count(engine, table) for table in (users, audit_events, credentials)]
    assert counted == [USERS, USERS, USERS // 2]
    with engine.connect() as connection:
        outdated, _ = find_outdated(connection, uuid.UUID(int=0), USERS)
    assert outdated == []


def new_accounts() -> list[NewAccount]:
    """Return accounts with every kind of value."""
    named = [f"{name}@exämple.com" for name in ("ada", "bob", "cyd")]
    kinds: list[dict[str, Any]] = [
        {},
        {"is_verified": False, "status": Status.DISABLED},
        {"password_hash": HASH, "must_change": True},
    ]
    common: dict[str, Any] = {"name": "Zoë 🐘 \"'\\ %s :rows", "is_verified": True}
    return [
        NewAccount(**{"id": uuid.uuid4(), "email": email, **common, **kind})
        for email, kind in zip(named, kinds, strict=True)
    ]


def stored(connection: sa.Connection) -> dict[str, list[tuple[Any, ...]]]:
    """Return what is stored of accounts, without ids and times."""
    found = {}
    for table in (users, credentials, user_search_terms, audit_events):
        columns = [one for one in table.c if not isinstance(one.type, (Uuid, UtcDateTime))]
        verified = [table.c.email_verified_at.is_(None)] if table is users else []
        found[table.name] = sorted(map(tuple, connection.execute(sa.select(*columns, *verified))))
    return found


def test_accounts_in_bulk_are_those_created_one_by_one(installation: Installation) -> None:
    """MariaDB reads those in bulk from JSON: every type of column, and NULL."""
    with installation.transaction() as connection:
        for account in new_accounts():
            create_account(connection, account)
            record(connection, AuditAction.ACCOUNT_IMPORTED, actor=None, target=account.id)
        expected = stored(connection)
    installation.wipe()
    with installation.transaction() as connection:
        bulk = [BulkAccount(new_account, email_key(new_account.email)) for new_account in new_accounts()]
        assert create_missing(connection, bulk, AuditAction.ACCOUNT_IMPORTED) == 3
        assert stored(connection) == expected
        assert create_missing(connection, bulk, AuditAction.ACCOUNT_IMPORTED) == 0
        assert stored(connection) == expected


def test_an_import_keeps_the_time_of_creation(installation: Installation) -> None:
    moment = datetime(2020, 1, 2, 3, 4, 5, 678, tzinfo=UTC)
    one = new_accounts()[0]
    with installation.transaction() as connection:
        create_missing(
            connection, [BulkAccount(one, email_key(one.email), moment)], AuditAction.ACCOUNT_IMPORTED
        )
    [(row_id, created_at, updated_at)] = installation.execute(
        sa.select(users.c.id, users.c.created_at, users.c.updated_at)
    )
    assert (row_id, created_at) == (one.id, moment)
    assert updated_at > moment


def test_an_address_that_is_taken_meanwhile_is_named(installation: Installation) -> None:
    ada, bob, _ = new_accounts()
    with installation.transaction() as connection, pytest.raises(EmailTakenError):
        create_missing(
            connection,
            [BulkAccount(one, "ada@example.com") for one in (ada, bob)],
            AuditAction.ACCOUNT_IMPORTED,
        )


def test_another_rule_of_the_database_is_no_taken_address(installation: Installation) -> None:
    without_key = BulkAccount(new_accounts()[0], cast("str", None))
    with installation.transaction() as connection, pytest.raises(sa.exc.IntegrityError, match="email_key"):
        create_missing(connection, [without_key], AuditAction.ACCOUNT_IMPORTED)
