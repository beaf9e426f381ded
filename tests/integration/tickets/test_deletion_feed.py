"""The feed of deletions: authorization, content, and expiry of old entries."""

import uuid

import pytest
import sqlalchemy as sa

from doorward_identity import deleted_users_feed as feed
from doorward_identity.tables import deleted_users
from doorward_tickets.tables import user_snapshots as snapshot
from doorward_tickets.users import repository
from integration.harness.installation import AUTH, CLIENT, Installation
from integration.harness.people import People, enrol
from integration.harness.problems import assert_problem
from integration.harness.statements import recorded
from integration.harness.tickets import open_ticket, tickets_execute
from integration.tickets.deletion_feed import age_all, ask, clean_up, delete, read_feed


def test_each_deletion_is_listed_once_and_in_order(installation: Installation, people: People) -> None:
    assert read_feed(installation) == {"items": [], "next_cursor": None, "has_more": False}
    gone = [enrol(installation, people.admin) for _ in range(3)]
    for person in gone:
        delete(installation, people, person)
    page = read_feed(installation)
    assert [item["id"] for item in page["items"]] == [user.id for user in gone]
    assert read_feed(installation, page["next_cursor"])["items"] == []
    delete(installation, people, people.other)
    assert read_feed(installation, page["next_cursor"])["items"] == [{"id": people.other.id}]


def test_the_feed_is_read_in_pages(
    installation: Installation, people: People, monkeypatch: pytest.MonkeyPatch
) -> None:
    gone = [enrol(installation, people.admin) for _ in range(5)]
    for person in gone:
        open_ticket(installation, person)
        delete(installation, people, person)
    monkeypatch.setattr(feed, "PAGE_SIZE", 2)
    found, cursor = [], None
    while True:
        page = read_feed(installation, cursor)
        found += [item["id"] for item in page["items"]]
        cursor = page["next_cursor"]
        if not page["has_more"]:
            break
    assert found == [user.id for user in gone]
    installation.follow_deletions()
    assert tickets_execute(installation, sa.select(snapshot.c.name).where(snapshot.c.name.is_not(None))) == []


def test_a_poll_without_changes_is_304(installation: Installation, people: People) -> None:
    delete(installation, people, people.other)
    first = ask(installation, "deleted-users")
    assert first.headers["cache-control"] == "private, no-cache"
    again = ask(
        installation,
        "deleted-users",
        params={"after": first.json()["next_cursor"]},
        headers={"If-None-Match": first.headers["etag"]},
    )
    assert again.status_code == 304


def test_a_page_of_deletions_is_applied_in_two_statements(installation: Installation, people: People) -> None:
    """A statement for each deletion would exceed the timeout of a unit of work, and be retried forever."""
    open_ticket(installation, people.user)
    unknown = [uuid.uuid4() for _ in range(feed.PAGE_SIZE - 1)]
    gone = [uuid.UUID(people.user.id), *unknown]
    with installation.tickets_engine.connect() as connection:
        connection.exec_driver_sql("BEGIN")
        with recorded(installation.tickets_engine) as seen:
            repository.mark_deleted(connection, gone)
        connection.commit()
    assert [statement.split(maxsplit=1)[0] for statement in seen] == ["INSERT", "DELETE"]
    kept = tickets_execute(installation, sa.select(snapshot.c.name, snapshot.c.deleted_at))
    assert len(kept) == feed.PAGE_SIZE
    assert all(name is None and deleted_at is not None for name, deleted_at in kept)


@pytest.mark.parametrize("path", ["deleted-users", f"users?id={uuid.UUID(int=1)}"])
def test_the_feed_requires_a_registered_client(installation: Installation, people: People, path: str) -> None:
    for auth in (None, (CLIENT[0], "wrong"), ("nobody", CLIENT[1])):
        assert_problem(installation.auth.get(f"{AUTH}/{path}", auth=auth), 401, "invalid_client")
    assert_problem(installation.call("GET", f"{AUTH}/{path}", people.admin.access), 401, "invalid_client")


@pytest.mark.parametrize("cursor", ["x", "1-" + "0" * 32, "999-" + "0" * 32, "0-", "9" * 64])
def test_an_unknown_cursor_is_410(installation: Installation, people: People, cursor: str) -> None:
    delete(installation, people, people.other)
    assert_problem(ask(installation, "deleted-users", params={"after": cursor}), 410, "cursor_expired")


def test_cursors_before_expired_deletions_are_410(installation: Installation, people: People) -> None:
    gone = [enrol(installation, people.admin) for _ in range(4)]
    cursors = []
    for person in gone:
        delete(installation, people, person)
        cursors.append(read_feed(installation)["next_cursor"])
    assert clean_up(installation) == 0
    age_all(installation, gone[:3])
    assert clean_up(installation) == 2
    assert clean_up(installation) == 0
    assert [item["id"] for item in read_feed(installation)["items"]] == [user.id for user in gone[2:]]
    assert read_feed(installation, cursors[2])["items"] == [{"id": gone[3].id}], "the last old one is kept"
    (gate,) = installation.execute(sa.select(deleted_users.c.id).where(deleted_users.c.position == 0))[0]
    for cursor in (f"0-{gate.hex}", *cursors[:2]):
        assert_problem(ask(installation, "deleted-users", params={"after": cursor}), 410, "cursor_expired")
    age_all(installation, gone)
    assert clean_up(installation) == 1
    assert read_feed(installation, cursors[3])["items"] == [], (
        "the cursor was never returned with missing entries"
    )


def test_accounts_are_returned_with_their_address(installation: Installation, people: People) -> None:
    ids = [people.user.id, people.admin.id, str(uuid.uuid4())]
    found = ask(installation, "users", params={"id": ids}).json()["items"]
    assert sorted((user["email"], user["role"], user["status"]) for user in found) == [
        ("admin@example.com", "admin", "active"),
        ("user@example.com", "user", "active"),
    ]
    assert_problem(ask(installation, "users"), 422, "validation_error")
    many = [str(uuid.uuid4()) for _ in range(101)]
    assert_problem(ask(installation, "users", params={"id": many}), 422, "validation_error")
