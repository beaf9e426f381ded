"""Paging through the directory in every order and with every filter, while users change."""

import random
import re
import unicodedata
import uuid
from collections.abc import Callable, Iterator
from datetime import datetime
from typing import Any

import pytest
import sqlalchemy as sa

from doorward_identity.directory_index import update_terms
from doorward_identity.emails import email_key
from doorward_identity.names import name_key
from doorward_identity.tables import credentials, users
from doorward_users.directory.schemas import DirectorySort
from integration.harness.installation import USERS, Installation
from integration.harness.people import People
from integration.harness.problems import assert_problem

NAMES = [
    "Ada",
    "ada",
    "ADA",
    "Ädä",
    "Zoë",
    "zoe",
    "Émile",
    "%",
    "_",
    "100% _sure_",
    "a",
    "Ørsted",
    "李",
    "\U0001f600",
]
FILTERS: list[dict[str, str]] = [
    {},
    {"role": "user"},
    {"role": "admin", "status": "active"},
    {"status": "disabled"},
    {"q": "a"},
    {"q": "AD", "role": "user", "status": "active"},
]


def fill(installation: Installation, count: int, seed: int) -> list[uuid.UUID]:
    """Insert users into the database directly; like imported ones, many share a name and a time."""
    chance = random.Random(seed)
    moments = [f"2026-01-01 00:00:0{second}.00000{micro}" for second in range(3) for micro in range(2)]
    identities: list[uuid.UUID] = []
    rows, secrets = [], []
    for number in range(count):
        identity = uuid.UUID(int=chance.getrandbits(128), version=4)
        identities.append(identity)
        email, name = (
            f"{chance.choice(['a', 'b', 'Ä', 'ad'])}{seed}x{number}@example.com",
            chance.choice(NAMES),
        )
        rows.append(
            {
                "id": identity.bytes,
                "email": email,
                "email_key": email_key(email),
                "name": name,
                "name_key": name_key(name),
                "role": chance.choice(["user", "user", "admin"]),
                "status": chance.choice(["active", "active", "disabled"]),
                "moment": chance.choice(moments),
            }
        )
        secrets.append({"user_id": identity.bytes, "moment": rows[-1]["moment"]})
    with installation.transaction() as connection:
        connection.execute(
            sa.text(
                "INSERT INTO users (id, email, email_key, name, name_key, role, status, token_version,"
                " version,"
                " created_at, updated_at) VALUES (:id, :email, :email_key, :name, :name_key, :role, :status,"
                " 0, 1, :moment, :moment)"
            ),
            rows,
        )
        connection.execute(
            sa.text(
                "INSERT INTO credentials (user_id, password_hash, updated_at) VALUES (:user_id, 'x', :moment)"
            ),
            secrets,
        )
        update_terms(connection, identities)
    return identities


def walk(
    installation: Installation, token: str, query: dict[str, Any], between: Callable[[], None] = lambda: None
) -> Iterator[dict[str, Any]]:
    """Yield the items of all pages, calling `between` after each page."""
    cursor = None
    for _ in range(1000):
        sent = {**query, **({} if cursor is None else {"cursor": cursor})}
        response = installation.call("GET", USERS, token, params=sent)
        assert response.status_code == 200, response.text
        page = response.json()
        assert len(page["items"]) <= query["limit"]
        yield from page["items"]
        cursor = page["next_cursor"]
        if cursor is None:
            return
        assert len(page["items"]) == query["limit"]
        between()
    raise AssertionError("the walk does not end")


def matches(item: dict[str, Any], criteria: dict[str, str]) -> bool:
    """Whether an entry matches a filter, computed without the database."""
    start = plain(criteria.get("q", ""))
    starts = [*re.findall(r"\w+", plain(item["name"])), *re.findall(r"\w+@?", plain(item["email"]))]
    return (
        criteria.get("role") in {None, item["role"]}
        and criteria.get("status") in {None, item["status"]}
        and any(one.startswith(start) for one in starts)
    )


def plain(text: str) -> str:
    """Return a text without case and accents."""
    return "".join(one for one in unicodedata.normalize("NFKD", text.casefold()) if one.isascii())


def sort_value(item: dict[str, Any], sort: str) -> Any:
    """Return the sort key of an item, computed without the database."""
    values = {
        "created_at": datetime.fromisoformat(item["created_at"]),
        "email": email_key(item["email"]),
        "name": name_key(item["name"]),
    }
    return (values[sort.removeprefix("-")], uuid.UUID(item["id"]))


@pytest.mark.parametrize("sort", [one.value for one in DirectorySort])
def test_pages_together_are_the_whole_ordered_list(
    installation: Installation, people: People, sort: str
) -> None:
    fill(installation, 30, seed=1)
    all_users = list(walk(installation, people.admin.access, {"limit": 200}))
    assert len(all_users) == 34
    for criteria in FILTERS:
        for limit in (1, 7, 34):
            seen = list(walk(installation, people.admin.access, {**criteria, "sort": sort, "limit": limit}))
            wanted = [all_user for all_user in all_users if matches(all_user, criteria)]
            assert seen == sorted(wanted, key=lambda one: sort_value(one, sort), reverse=sort.startswith("-"))


@pytest.mark.parametrize("sort", [one.value for one in DirectorySort])
def test_paging_returns_each_lasting_user_exactly_once_while_others_change(
    installation: Installation, people: People, sort: str
) -> None:
    for number, criteria in enumerate(FILTERS):
        installation.execute(sa.delete(users).where(users.c.version == 1, users.c.name.in_(NAMES)))
        chance = random.Random(f"{sort}{number}")
        stays = set(map(str, fill(installation, 40, seed=100 + number)))
        changing = fill(installation, 30, seed=200 + number)
        chance.shuffle(changing)
        rounds = iter(range(300 + number * 50, 350 + number * 50))

        def churn(
            changing: list[uuid.UUID] = changing,
            rounds: Iterator[int] = rounds,
            chance: random.Random = chance,
        ) -> None:
            gone = [changing.pop() for _ in range(min(3, len(changing)))]
            installation.execute(sa.delete(credentials).where(credentials.c.user_id.in_(gone)))
            installation.execute(sa.delete(users).where(users.c.id.in_(gone)))
            seed = next(rounds, None)
            if seed is not None:
                changing += fill(installation, 2, seed=seed)
                chance.shuffle(changing)

        unchanged = {
            user["id"]
            for user in walk(installation, people.admin.access, {"limit": 200})
            if user["id"] in stays and matches(user, criteria)
        }
        seen = [
            user["id"]
            for user in walk(installation, people.admin.access, {**criteria, "sort": sort, "limit": 3}, churn)
        ]
        assert len(seen) == len(set(seen))
        assert unchanged <= set(seen)


@pytest.mark.parametrize(
    ("q", "names"),
    [
        ("%", {"%"}),
        ("_", {"_", "100% _sure_"}),
        ("100%", {"100% _sure_"}),
        ("/", set()),
        ("\\", set()),
        ("'", set()),
        ('" OR 1=1 --', set()),
        ("ädä", {"Ada", "ada", "ADA", "Ädä"}),
        ("Émi", {"Émile"}),
        ("\u0000", set()),
        ("\U0001f600", {"\U0001f600"}),
    ],
)
def test_search_treats_every_character_literally(
    installation: Installation, people: People, q: str, names: set[str]
) -> None:
    fill(installation, 60, seed=3)
    found = list(walk(installation, people.admin.access, {"q": q, "limit": 200}))
    by_name = {user["name"] for user in found if not plain(user["email"]).startswith(plain(q) or "-")}
    assert by_name == names


def test_a_full_last_page_has_no_cursor(installation: Installation, people: People) -> None:
    page = installation.call("GET", USERS, people.admin.access, params={"limit": 4}).json()
    assert len(page["items"]) == 4
    assert page["next_cursor"] is None


def test_cursor_belongs_to_its_query(installation: Installation, people: People) -> None:
    fill(installation, 10, seed=4)
    query = {"limit": 3, "sort": "name", "q": "a"}
    cursor = installation.call("GET", USERS, people.admin.access, params=query).json()["next_cursor"]
    for change in ({"sort": "-name"}, {"sort": "email"}, {"q": "b"}, {"role": "user"}, {"status": "active"}):
        params = {**query, **change, "cursor": cursor}
        assert_problem(
            installation.call("GET", USERS, people.admin.access, params=params), 400, "invalid_cursor"
        )
    params = {**query, "limit": 5, "cursor": cursor}
    assert installation.call("GET", USERS, people.admin.access, params=params).status_code == 200


def test_cursor_of_a_deleted_row_still_works(installation: Installation, people: People) -> None:
    fill(installation, 10, seed=5)
    params = {"limit": 5, "sort": "email"}
    page = installation.call("GET", USERS, people.admin.access, params=params).json()
    rest = [
        user["email"] for user in walk(installation, people.admin.access, {"limit": 200, "sort": "email"})
    ][5:]
    last = uuid.UUID(page["items"][-1]["id"])
    installation.execute(sa.delete(users).where(users.c.id == last))
    params["cursor"] = page["next_cursor"]
    after = installation.call("GET", USERS, people.admin.access, params=params).json()
    assert [item["email"] for item in after["items"]] == rest[:5]


def test_every_altered_cursor_is_rejected(installation: Installation, people: People) -> None:
    params: dict[str, Any] = {"limit": 1}
    cursor = installation.call("GET", USERS, people.admin.access, params=params).json()["next_cursor"]
    altered = [
        cursor[:at] + ("A" if cursor[at] != "A" else "B") + cursor[at + 1 :] for at in range(len(cursor))
    ]
    altered += [cursor + more for more in ("=", "A", "AAAA", "!", "\n")]
    altered += [cursor[:-1], cursor[1:], cursor[::-1], "", "x", "AAAA", "é", "A" * 1024, cursor.swapcase()]
    for one in altered:
        response = installation.call("GET", USERS, people.admin.access, params={**params, "cursor": one})
        assert response.status_code == 400, f"{one!r} was made of {cursor!r}"
        assert_problem(response, 400, "invalid_cursor")
