"""What users may do to their own accounts is limited, so that they cannot fill the audit log."""

import uuid
from collections import Counter
from collections.abc import Callable, Mapping
from datetime import timedelta
from typing import Any, Final

import httpx2
import pytest
import sqlalchemy as sa

from doorward_identity.audit.own_events import CHANGES, require_room
from doorward_identity.audit.repository import AuditAction, record
from doorward_identity.tables import audit_events
from integration.harness.bulk_users import enrol
from integration.harness.installation import AUTH, USERS, Installation, tokens_of
from integration.harness.people import PASSWORD, People, Person
from integration.harness.problems import assert_problem
from integration.harness.statements import rows_read
from integration.self_service.race_setup import RaceSetup, at_once
from support.images import png

ME: Final = f"{USERS}/me"
PNG: Final = {"Content-Type": "image/png"}
RACERS: Final = 20
ROOM: Final = 5

Act = Callable[[Installation, Person], httpx2.Response]


def rename(installation: Installation, caller: Person, name: str = "Renamed") -> httpx2.Response:
    return installation.call("PATCH", ME, caller.access, json={"name": name})


def set_picture(installation: Installation, caller: Person) -> httpx2.Response:
    return installation.call("PUT", f"{ME}/avatar", caller.access, headers=PNG, content=png())


def delete_picture(installation: Installation, caller: Person) -> httpx2.Response:
    return installation.call("DELETE", f"{ME}/avatar", caller.access)


def step_up(installation: Installation, caller: Person) -> httpx2.Response:
    return installation.call("POST", f"{AUTH}/step-up", caller.access, json={"password": PASSWORD})


def change_password(installation: Installation, caller: Person) -> httpx2.Response:
    body = {"current_password": PASSWORD, "new_password": "another phrase of the owner"}
    return installation.call("POST", f"{AUTH}/password", caller.access, json=body)


ACTS: Final[Mapping[AuditAction, tuple[Act, int]]] = {
    AuditAction.ACCOUNT_UPDATED: (rename, 200),
    AuditAction.AVATAR_SET: (set_picture, 200),
    AuditAction.STEP_UP_SUCCEEDED: (step_up, 200),
    AuditAction.PASSWORD_CHANGED: (change_password, 204),
}


def fill(installation: Installation, action: AuditAction, user_id: str, count: int, **who: str) -> None:
    """Add earlier events of a user about the own account; `actor` or `target` is another."""
    actor, target = (uuid.UUID(who.get(name, user_id)) for name in ("actor", "target"))
    with installation.transaction() as connection:
        for _ in range(count):
            record(connection, action, actor=actor, target=target)


def count(installation: Installation, action: AuditAction, user_id: str) -> int:
    mine = audit_events.c.action == action.value, audit_events.c.target_id == uuid.UUID(user_id)
    return int(installation.execute(sa.select(sa.func.count()).where(*mine))[0][0])


def age(installation: Installation, by: timedelta) -> None:
    """Let every event have happened earlier."""
    for (event_id,) in installation.execute(sa.select(audit_events.c.id)):
        moved = (int.from_bytes(event_id.bytes[:6], "big") - int(by.total_seconds() * 1000)).to_bytes(
            6, "big"
        )
        older = audit_events.update().where(audit_events.c.id == event_id)
        installation.execute(older.values(id=uuid.UUID(bytes=moved + event_id.bytes[6:])))


@pytest.mark.parametrize("action", ACTS)
def test_own_changes_are_limited(installation: Installation, people: People, action: AuditAction) -> None:
    act, status = ACTS[action]
    fill(installation, action, people.user.id, CHANGES.most)
    rejected = act(installation, people.user)
    assert_problem(rejected, 429, "too_many_attempts")
    assert 0 < int(rejected.headers["retry-after"]) <= CHANGES.window.total_seconds()
    assert count(installation, action, people.user.id) == CHANGES.most
    age(installation, CHANGES.window)
    answer = act(installation, people.user)
    assert answer.status_code == status, answer.text
    assert count(installation, action, people.user.id) == CHANGES.most + 1


def test_neither_others_nor_other_actions_are_counted(installation: Installation, people: People) -> None:
    action, mine = AuditAction.ACCOUNT_UPDATED, people.user.id
    fill(installation, action, mine, CHANGES.most, actor=people.admin.id)
    fill(installation, action, people.other.id, CHANGES.most)
    fill(installation, AuditAction.LOGIN_SUCCEEDED, mine, CHANGES.most)
    assert rename(installation, people.user).status_code == 200


def test_administrators_change_other_accounts_without_a_limit(
    installation: Installation, people: People
) -> None:
    admin, user = people.admin, people.user
    for action in (AuditAction.ACCOUNT_UPDATED, AuditAction.AVATAR_SET):
        fill(installation, action, user.id, CHANGES.most, actor=admin.id)
        fill(installation, action, admin.id, CHANGES.most)
    changed = installation.call("PATCH", user.path, admin.access, json={"name": "Changed"})
    assert changed.status_code == 200, changed.text
    shown = installation.call("PUT", f"{user.path}/avatar", admin.access, headers=PNG, content=png())
    assert shown.status_code == 200, shown.text
    own = installation.call("PATCH", admin.path, admin.access, json={"name": "Changed"})
    assert_problem(own, 429, "too_many_attempts")


def test_what_changes_nothing_is_not_recorded(installation: Installation, people: People) -> None:
    renamed = rename(installation, people.user)
    fill(installation, AuditAction.ACCOUNT_UPDATED, people.user.id, CHANGES.most - 1)
    again = rename(installation, people.user)
    assert again.status_code == 200
    assert (again.json(), again.headers["etag"]) == (renamed.json(), renamed.headers["etag"])
    unchanged: dict[str, Any] = {"name": "Renamed", "role": "user", "status": "active"}
    answer = installation.call("PATCH", people.user.path, people.admin.access, json=unchanged)
    assert answer.status_code == 200
    assert count(installation, AuditAction.ACCOUNT_UPDATED, people.user.id) == CHANGES.most
    assert delete_picture(installation, people.user).status_code == 204
    assert count(installation, AuditAction.AVATAR_DELETED, people.user.id) == 0


def test_of_parallel_changes_no_more_are_made_than_in_sequence(race_setup: RaceSetup) -> None:
    """Exactly, because each waits for the lock of the account."""
    [member] = enrol(race_setup.behind.database_url, 1)
    access = tokens_of(race_setup.flows().log_in(member.email, PASSWORD)).access
    user_id = str(member.id)
    fill(race_setup.behind, AuditAction.ACCOUNT_UPDATED, user_id, CHANGES.most - ROOM)

    def change(number: int) -> int:
        body = {"name": f"Number {number}"}
        return race_setup.api.call("PATCH", ME, access, json=body).status_code

    assert Counter(at_once(RACERS, change)) == {200: ROOM, 429: RACERS - ROOM}
    assert count(race_setup.behind, AuditAction.ACCOUNT_UPDATED, user_id) == CHANGES.most


def test_parallel_changes_through_two_processes_are_limited(race_setup: RaceSetup) -> None:
    """On MariaDB two processes of auth answer in turn: each waits for the lock of the session."""
    [member] = enrol(race_setup.behind.database_url, 1)
    access = tokens_of(race_setup.flows().log_in(member.email, PASSWORD)).access
    user_id = str(member.id)
    fill(race_setup.behind, AuditAction.STEP_UP_SUCCEEDED, user_id, CHANGES.most - ROOM)

    def act(_number: int) -> int:
        body = {"password": PASSWORD}
        return race_setup.api.call("POST", f"{AUTH}/step-up", access, json=body).status_code

    assert Counter(at_once(RACERS, act)) == {200: ROOM, 429: RACERS - ROOM}
    assert count(race_setup.behind, AuditAction.STEP_UP_SUCCEEDED, user_id) == CHANGES.most


def test_a_picture_can_always_be_deleted(installation: Installation, people: People) -> None:
    assert set_picture(installation, people.user).status_code == 200
    fill(installation, AuditAction.AVATAR_DELETED, people.user.id, CHANGES.most)
    assert delete_picture(installation, people.user).status_code == 204


@pytest.mark.databases("mariadb")
def test_only_events_of_the_user_are_read(installation: Installation, people: People) -> None:
    """Whatever else the log has: what others do to the user, and to themselves at the same time."""
    fill(installation, AuditAction.LOGIN_FAILED, people.user.id, 300, actor=people.other.id)
    fill(installation, AuditAction.ACCOUNT_UPDATED, people.other.id, 300)
    fill(installation, AuditAction.ACCOUNT_UPDATED, people.user.id, 20)
    theirs = sa.select(sa.func.count()).where(audit_events.c.actor_id == uuid.UUID(people.user.id))
    [(mine,)] = installation.execute(theirs)
    with installation.transaction() as connection:
        shown = [rows_read(connection) for _ in range(2)]
        require_room(connection, AuditAction.ACCOUNT_UPDATED, uuid.UUID(people.user.id))
        read = rows_read(connection) - shown[1] - (shown[1] - shown[0])
    assert 20 <= read <= mine + 1
