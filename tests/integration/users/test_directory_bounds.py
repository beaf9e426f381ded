"""The number of rows that searches of the directory read, counted by MariaDB, and pages cut by the bounds."""

import uuid
from collections.abc import Iterator
from typing import Any

import pytest
import sqlalchemy as sa

from doorward_identity.accounts import NewAccount, create_account
from doorward_kit import bounded_search
from doorward_users.directory.list_query import DirectoryQuery
from doorward_users.directory.schemas import DirectoryFilter, DirectorySort
from doorward_users.directory.search import list_users
from integration.harness.installation import USERS, Installation
from integration.harness.people import People
from integration.harness.statements import rows_read
from integration.users.test_directory import fill

STORED = 300
PAGE = 5
SHORT, LONG, RARE = 20, 40, 10


@pytest.fixture(autouse=True)
def _small_bounds(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, bound in (("SHORT_SCAN_SIZE", SHORT), ("LONG_SCAN_SIZE", LONG), ("RARE_WORD_LIMIT", RARE)):
        monkeypatch.setattr(bounded_search, name, bound)


@pytest.fixture
def connection(installation: Installation, people: People) -> Iterator[sa.Connection]:  # noqa: ARG001 - created first
    fill(installation, STORED, seed=6)
    with installation.engine.connect() as connection:
        connection.exec_driver_sql("ANALYZE TABLE users, user_search_terms")
        yield connection


@pytest.mark.databases("mariadb")  # SQLite counts nothing
@pytest.mark.parametrize("sort", [DirectorySort.CREATED_AT, DirectorySort.EMAIL_DESC, DirectorySort.NAME])
@pytest.mark.parametrize("q", ["zoe", "emile ad", "@example.com emile", "none", "b"])
def test_a_search_reads_a_bounded_number_of_rows(
    connection: sa.Connection, q: str, sort: DirectorySort
) -> None:
    query = DirectoryQuery(DirectoryFilter(search=q), sort, searches_addresses=True)
    position, pages = None, 0
    parts = len(q.split())
    while True:
        before = rows_read(connection)
        found, stopped_at = list_users(connection, query, position, PAGE)
        # Of each scanned user: its row, an entry of the order's index, and a few terms a part of the search.
        allowed = (SHORT + LONG) * (2 + 7 * parts) + (RARE + 1) * 4 * parts + 30
        assert rows_read(connection) - before <= allowed
        pages += 1
        if len(found) < PAGE and stopped_at is None:
            break
        position = stopped_at or query.position(found[-1])
    assert pages <= STORED / PAGE + 2


@pytest.mark.parametrize("sort", ["created_at", "-email", "name", "-name"])
@pytest.mark.parametrize("q", ["zoe", "b @example", "李", "ada ad"])
def test_pages_cut_by_the_bounds_are_the_whole_list(
    installation: Installation, people: People, sort: str, q: str
) -> None:
    fill(installation, 120, seed=7)
    all_users = walk(installation, people, {"sort": sort, "limit": 200})
    found = walk(installation, people, {"sort": sort, "limit": 3, "q": q})
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(bounded_search, "SHORT_SCAN_SIZE", 10_000)
        wanted = {user["id"] for user in walk(installation, people, {"limit": 200, "q": q})}
    assert wanted
    assert found == [user for user in all_users if user["id"] in wanted]


def test_all_words_of_a_part_must_match(
    installation: Installation, people: People, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(bounded_search, "RARE_WORD_LIMIT", 100)
    fill(installation, 60, seed=8)
    account = NewAccount(id=uuid.uuid4(), email="both@example.com", name="Zoë-Émile", is_verified=True)
    with installation.transaction() as connection:
        create_account(connection, account)
    assert [user["name"] for user in walk(installation, people, {"q": "emile-zoe"})] == ["Zoë-Émile"]


def walk(installation: Installation, people: People, params: dict[str, Any]) -> list[dict[str, Any]]:
    """Read all pages; a page may be short, or empty, before the last one."""
    items: list[dict[str, Any]] = []
    cursor: dict[str, str] = {}
    for _ in range(1_000):
        page = installation.call("GET", USERS, people.admin.access, params={**params, **cursor}).json()
        items += page["items"]
        if page["next_cursor"] is None:
            return items
        cursor = {"cursor": page["next_cursor"]}
    raise AssertionError("the walk does not end")
