"""Tickets learns of deleted users, keeps their threads and removes their names."""

import uuid
from typing import Any

import httpx2
import pytest
import sqlalchemy as sa

from doorward_identity.tables import deleted_users
from doorward_tickets.tables import feed_cursors, idempotency_keys
from doorward_tickets.tables import user_snapshots as snapshot
from doorward_tickets.users import repository
from doorward_tickets.users.auth_client import AuthUnavailableError
from integration.harness.installation import AUTH, TICKETS, Installation
from integration.harness.people import People, enrol
from integration.harness.tickets import come_in_between, open_ticket, path_of, tickets_execute
from integration.tickets.deletion_feed import age_all, clean_up, delete, read_feed


def test_a_deletion_keeps_threads_and_removes_names(installation: Installation, people: People) -> None:
    ticket = open_ticket(installation, people.user)
    path = path_of(ticket)
    installation.call("POST", f"{path}/replies", people.user.access, json={"body": "And smoke."})
    installation.call("POST", f"{path}/replies", people.deputy.access, json={"body": "Coming."})
    installation.call("PATCH", path, people.admin.access, json={"assignee_id": people.deputy.id})
    assert ticket["author"] == {"id": people.user.id, "name": "User", "deleted": False}
    delete(installation, people, people.user)
    delete(installation, people, people.deputy)
    installation.follow_deletions()
    shown = installation.call("GET", path, people.admin.access).json()
    assert shown["author"] == {"id": people.user.id, "name": None, "deleted": True}
    assert shown["assignee"] == {"id": people.deputy.id, "name": None, "deleted": True}
    assert [
        (reply["body"], reply["author"]["name"], reply["author"]["deleted"]) for reply in shown["replies"]
    ] == [
        ("And smoke.", None, True),
        ("Coming.", None, True),
    ]
    (listed,) = installation.call("GET", TICKETS, people.admin.access).json()["items"]
    assert listed["author"] == shown["author"]


def test_paging_and_the_audit_log_work_after_a_deletion(installation: Installation, people: People) -> None:
    made = [open_ticket(installation, people.user)["id"] for _ in range(3)]
    query: dict[str, Any] = {"sort": "created_at", "limit": 2, "author": people.user.id}
    first = installation.call("GET", TICKETS, people.admin.access, params=query).json()
    delete(installation, people, people.user)
    installation.follow_deletions()
    query["cursor"] = first["next_cursor"]
    second = installation.call("GET", TICKETS, people.admin.access, params=query).json()
    assert [item["id"] for item in first["items"] + second["items"]] == made
    assert second["next_cursor"] is None
    recorded = installation.call("GET", f"{AUTH}/audit", people.admin.access).json()["items"]
    about = [event["action"] for event in recorded if event["target_id"] == people.user.id]
    assert [action for action in about if action.endswith("deleted")] == ["users:account:deleted"]


def test_a_late_write_does_not_restore_a_deleted_name(installation: Installation, people: People) -> None:
    """The writer was looked up before the deletion and is stored after it."""
    users = installation.tickets_app.state.services.users
    get_profiles = users.require_current_profile

    async def deleted_meanwhile(caller: Any) -> Any:
        profiles = await get_profiles(caller)
        delete(installation, people, people.user)
        await installation.tickets_app.state.services.deleted_users.catch_up()
        return profiles

    users.require_current_profile = deleted_meanwhile
    try:
        late = open_ticket(installation, people.user)
    finally:
        del users.require_current_profile
    assert late["author"] == {"id": people.user.id, "name": None, "deleted": True}
    assert tickets_execute(installation, sa.select(snapshot.c.name)) == [(None,)]


@pytest.mark.databases("mariadb")  # SQLite has one writer
def test_a_deletion_between_read_and_write_is_not_undone(
    installation: Installation, people: People, monkeypatch: pytest.MonkeyPatch
) -> None:
    def forget() -> None:
        with installation.tickets_engine.connect() as other:
            other.exec_driver_sql("BEGIN")
            repository.mark_deleted(other, [uuid.UUID(people.user.id)])
            other.commit()

    come_in_between(monkeypatch, forget)
    assert open_ticket(installation, people.user)["author"] == {
        "id": people.user.id,
        "name": None,
        "deleted": True,
    }


def test_a_deletion_removes_stored_responses(installation: Installation, people: People) -> None:
    for person in (people.user, people.other):
        headers = {"Idempotency-Key": "k"}
        body = {"subject": "Once", "body": "x"}
        installation.call("POST", TICKETS, person.access, json=body, headers=headers)
    delete(installation, people, people.user)
    installation.follow_deletions()
    kept = tickets_execute(installation, sa.select(idempotency_keys.c.caller_id))
    assert kept == [(uuid.UUID(people.other.id),)]


def test_without_a_cursor_all_users_are_reconciled(installation: Installation, people: People) -> None:
    gone = [enrol(installation, people.admin) for _ in range(3)]
    for person in (*gone, people.user):
        open_ticket(installation, person)
    delete(installation, people, gone[0])
    installation.follow_deletions()
    delete(installation, people, gone[1])
    delete(installation, people, gone[2])
    age_all(installation, gone)
    assert clean_up(installation) == 2
    installation.follow_deletions()
    shown = dict(tickets_execute(installation, sa.select(snapshot.c.name, sa.func.count()).group_by("name")))
    assert shown == {None: 3, "User": 1}


def test_reconciliation_restores_a_user_who_exists(installation: Installation, people: People) -> None:
    path = path_of(open_ticket(installation, people.user))
    with installation.tickets_engine.connect() as connection:
        connection.exec_driver_sql("BEGIN")
        repository.mark_deleted(connection, [uuid.UUID(people.user.id)])
        connection.commit()
    assert open_ticket(installation, people.user)["author"]["deleted"]
    reconcile_all_users(installation)
    shown = installation.call("GET", path, people.admin.access).json()["author"]
    assert shown == {"id": people.user.id, "name": None, "deleted": False}
    assert open_ticket(installation, people.user)["author"]["name"] == "User"


def test_a_deletion_during_reconciliation_is_not_undone(installation: Installation, people: People) -> None:
    """The response of auth is older than the deletion and is applied after it."""
    open_ticket(installation, people.user)
    follower = installation.tickets_app.state.services.deleted_users
    find = follower._auth.find_accounts
    with installation.tickets_engine.connect() as connection:
        connection.exec_driver_sql("BEGIN")
        repository.mark_deleted(connection, [uuid.UUID(people.user.id)])  # wrongly, and then rightly
        connection.commit()

    async def overtaken(ids: Any) -> Any:
        found = await find(ids)
        follower._auth.find_accounts = find
        delete(installation, people, people.user)
        await follower.catch_up()
        return found

    follower._auth.find_accounts = overtaken
    reconcile_all_users(installation)
    assert tickets_execute(installation, sa.select(snapshot.c.deleted_at)) != [(None,)]


def reconcile_all_users(installation: Installation) -> None:
    installation.tickets.portal.call(installation.tickets_app.state.services.deleted_users._reconcile)  # type: ignore[union-attr]  # it runs


def test_a_position_reused_after_a_restore_is_detected(installation: Installation, people: People) -> None:
    first, second = (enrol(installation, people.admin) for _ in range(2))
    for person in (first, second):
        open_ticket(installation, person)
    delete(installation, people, first)
    installation.follow_deletions()
    installation.execute(deleted_users.delete().where(deleted_users.c.position == 1))
    delete(installation, people, second)
    installation.follow_deletions()
    assert tickets_execute(installation, sa.select(snapshot.c.name).where(snapshot.c.name.is_not(None))) == []


def test_without_auth_no_user_is_marked_deleted_and_no_deletion_is_lost(
    installation: Installation, people: People
) -> None:
    open_ticket(installation, people.user)
    installation.follow_deletions()
    delete(installation, people, people.user)
    accounts = installation.tickets_app.state.services.deleted_users._auth

    async def unavailable(*_arguments: object) -> httpx2.Response:
        raise AuthUnavailableError

    accounts._get = unavailable
    try:
        with pytest.raises(AuthUnavailableError):
            installation.follow_deletions()
    finally:
        del accounts._get
    assert tickets_execute(installation, sa.select(snapshot.c.name)) == [("User",)]
    installation.follow_deletions()
    assert tickets_execute(installation, sa.select(snapshot.c.name)) == [(None,)]


def test_of_two_replicas_with_the_same_page_one_applies_it(
    installation: Installation, people: People
) -> None:
    """The response of the second replica is older than the state that the first has stored."""
    delete(installation, people, people.other)
    installation.follow_deletions()
    follower = installation.tickets_app.state.services.deleted_users
    read = follower._auth.list_deleted_users

    async def overtaken(after: str | None) -> Any:
        page = await read(after)
        follower._auth.list_deleted_users = read
        delete(installation, people, people.user)
        await follower.catch_up()
        return page

    delete(installation, people, people.deputy)
    follower._auth.list_deleted_users = overtaken
    installation.follow_deletions()
    read_so_far = sa.select(feed_cursors.c.cursor).where(feed_cursors.c.name == "deleted_users")
    ((cursor,),) = tickets_execute(installation, read_so_far)
    assert cursor == read_feed(installation)["next_cursor"], "the older answer has overwritten the newer"
