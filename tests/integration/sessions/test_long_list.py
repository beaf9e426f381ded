"""Cost and memory of an extremely long revocation list."""

import random
import time
import tracemalloc
import uuid
from collections.abc import AsyncIterator, Callable, Iterator
from pathlib import Path
from statistics import median
from types import SimpleNamespace

import pytest
import sqlalchemy as sa

from doorward_client.revocations import revocation_list
from doorward_client.revocations.models import FetchedRevocations, RevocationEntries
from doorward_client.revocations.revocation_list import RevocationList
from doorward_identity.tables import revocations
from doorward_kit.database import create_engine
from integration.harness.bulk_users import enrol
from integration.harness.installation import AUTH
from integration.harness.replicas import Replicas
from support.databases import DatabaseServer

NOTHING_NEW = FetchedRevocations(RevocationEntries())
LONG = 200_000
SHORT = 200
CHECKS = 4_000
ROUNDS = 9
IN_DATABASE = 200_000
# Rows without a sequence, which MySQL does not have: five digits, and two kinds.
_DIGIT = "(SELECT 0 d" + "".join(f" UNION ALL SELECT {digit}" for digit in range(1, 10)) + ")"
FILL = f"""
INSERT INTO revocations (kind, subject_id, token_version, revoked_at, expires_at)
SELECT kind, UNHEX(MD5(CONCAT_WS('-', kind, a.d, b.d, c.d, e.d, f.d))), 1,
       UTC_TIMESTAMP(6) - INTERVAL 60 SECOND, UTC_TIMESTAMP(6) + INTERVAL 1 HOUR
FROM {_DIGIT} a, {_DIGIT} b, {_DIGIT} c, {_DIGIT} e, {_DIGIT} f,
     (SELECT 'session' kind UNION ALL SELECT 'user') kinds
"""
HURRIED_SECONDS = 1.0
"""Shorter than one statement for all these rows, so the list must be read in pages."""


def ids(count: int) -> list[uuid.UUID]:
    return [uuid.uuid4() for _ in range(count)]


def list_of(count: int) -> tuple[RevocationList, list[uuid.UUID]]:
    """Create a list of sessions and users in equal parts; return it with its subjects."""
    subjects = ids(count)
    revocations = RevocationList()
    entries = RevocationEntries(
        dict.fromkeys(subjects[::2], 300.0), dict.fromkeys(subjects[1::2], (3, 300.0))
    )
    revocations.apply(FetchedRevocations(entries))
    assert len(revocations) == count
    return revocations, subjects


def checks(revocations: RevocationList, subjects: list[uuid.UUID]) -> Callable[[], float]:
    """Return a function that times CHECKS checks, half of them of subjects in the list."""
    known = random.Random(1).choices(subjects, k=CHECKS // 2)
    asked = [*known, *ids(CHECKS // 2)]
    expected = len(known)

    def run() -> float:
        began = time.process_time()
        found = sum(revocations.is_revoked(session_id=one, user_id=one, token_version=2) for one in asked)
        took = time.process_time() - began
        assert found == expected
        return took

    return run


def test_the_cost_of_a_check_does_not_depend_on_the_length_of_the_list() -> None:
    short, long = (checks(*list_of(count)) for count in (SHORT, LONG))
    short(), long()  # warm
    # In pairs, so that a slow machine affects both. A linear search would be a thousand times slower.
    ratios = [long() / short() for _ in range(ROUNDS)]
    assert median(ratios) < 20


@pytest.fixture
def traced() -> Iterator[None]:
    tracemalloc.start()
    yield
    tracemalloc.stop()


def kept_bytes() -> int:
    return tracemalloc.get_traced_memory()[0]


@pytest.mark.usefixtures("traced")
def test_repeated_entries_use_no_more_memory() -> None:
    """Every poll repeats the entries of the previous one."""
    fetched = FetchedRevocations(
        RevocationEntries(dict.fromkeys(ids(2_000), 300.0), dict.fromkeys(ids(2_000), (1, 300.0)))
    )
    revocations = RevocationList()
    revocations.apply(fetched)
    before = kept_bytes()
    for _ in range(10):
        revocations.apply(fetched)
    assert len(revocations) == 4_000
    assert kept_bytes() < before * 1.2


@pytest.mark.usefixtures("traced")
def test_expired_entries_are_removed_and_their_memory_is_reused(monkeypatch: pytest.MonkeyPatch) -> None:
    now = time.monotonic()
    monkeypatch.setattr(revocation_list, "time", SimpleNamespace(monotonic=lambda: now))
    revocations = RevocationList()
    most: list[int] = []
    for generation in range(1, 9):
        entries = RevocationEntries(dict.fromkeys(ids(2_000), 300.0), dict.fromkeys(ids(2_000), (1, 300.0)))
        revocations.apply(FetchedRevocations(entries))
        assert len(revocations) == 4_000
        assert all(
            revocations.is_revoked(session_id=session, user_id=session, token_version=0)
            for session in entries.sessions
        )
        del entries
        most.append(kept_bytes())
        now += 299
        revocations.apply(NOTHING_NEW)
        assert len(revocations) == 4_000, f"generation {generation} was dropped while its tokens live"
        now += 2
        revocations.apply(NOTHING_NEW)
        assert len(revocations) == 0
        assert revocations.fingerprint == RevocationList().fingerprint
    assert max(most) < most[0] * 1.5


def seconds_of_all(url: str) -> float:
    """Return the seconds of one statement for the whole list on this machine."""
    engine = create_engine(url, pool_size=1, timeout=60)
    with engine.connect() as connection:
        began = time.monotonic()
        assert len(connection.execute(sa.select(revocations)).all()) == IN_DATABASE
        took = time.monotonic() - began
    engine.dispose()
    return took


@pytest.fixture
async def replicas_with_long_list(mariadb_server: DatabaseServer, tmp_path: Path) -> AsyncIterator[Replicas]:
    """Processes that start with 200,000 valid revocations, as after a logout of all users."""
    with mariadb_server.create_database("hurried") as database:
        replicas = Replicas(database, tmp_path)
        database.execute(FILL)
        patience = str(max(HURRIED_SECONDS, seconds_of_all(database.url) / 2))
        for replica in replicas.all:
            replica.service.env["DOORWARD_DATABASE_TIMEOUT_SECONDS"] = patience
        with replicas:  # ready: they have read the list
            yield replicas
            await replicas.close()


async def test_processes_starting_with_a_long_list_become_ready_and_revoke_in_time(
    replicas_with_long_list: Replicas,
) -> None:
    [(count,)] = replicas_with_long_list.database.execute(
        "SELECT COUNT(*) FROM revocations WHERE expires_at > UTC_TIMESTAMP(6)"
    )
    assert count == IN_DATABASE
    [member] = enrol(replicas_with_long_list.database.url, 1)
    tokens = await replicas_with_long_list.log_in(member)
    assert await replicas_with_long_list.accepted_by(tokens.access) == ["auth-1", "auth-2", "users"]
    assert (
        await replicas_with_long_list.auths[0].call("POST", f"{AUTH}/logout", tokens.access)
    ).status == 204
    await replicas_with_long_list.until_rejected_everywhere(tokens.access)
