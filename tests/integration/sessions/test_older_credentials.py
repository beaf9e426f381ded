"""A session remembers the version of the credentials it opened under, and a refresh compares it.

On one server a lock keeps a login and a change of the password apart. On two nodes of a cluster a session may
open at the moment of the change, which these tests do by hand.
"""

from typing import Any

import pytest
import sqlalchemy as sa

from doorward_auth.sessions import repository
from doorward_auth.sessions.repository import SessionRow
from doorward_identity.tables import audit_events, sessions
from integration.harness.installation import AUTH, CLIENT, Installation
from integration.harness.people import PASSWORD, People
from integration.harness.problems import assert_problem


def age_sessions(installation: Installation) -> None:
    """Let every session be one that another node opened while the credentials were changed."""
    installation.execute(sa.update(sessions).values(auth_version=sessions.c.auth_version - 1))


def introspect(installation: Installation, token: str) -> Any:
    return installation.call("POST", f"{AUTH}/introspect", auth=CLIENT, data={"token": token}).json()


def end_reasons(installation: Installation) -> set[Any]:
    return {reason for (reason,) in installation.execute(sa.select(sessions.c.end_reason))}


def test_a_session_of_older_credentials_ends_at_its_refresh(
    installation: Installation, people: People
) -> None:
    age_sessions(installation)
    assert_problem(installation.refresh(people.user.refresh), 401, "invalid_refresh_token")
    assert end_reasons(installation) == {None, "credentials_changed"}
    installation.sync_revocations()
    assert_problem(installation.call("GET", f"{AUTH}/me", people.user.access), 401, "invalid_token")


def test_introspection_knows_a_session_of_older_credentials(
    installation: Installation, people: People
) -> None:
    assert introspect(installation, people.user.refresh)["active"]
    age_sessions(installation)
    assert introspect(installation, people.user.refresh) == {"active": False}


def test_a_session_of_the_release_before_goes_on(installation: Installation, people: People) -> None:
    installation.execute(sa.update(sessions).values(auth_version=None))
    assert installation.refresh(people.user.refresh).status_code == 200


@pytest.mark.parametrize("change", [{"role": "admin"}, {"status": "active"}, {"name": "Another"}])
def test_sessions_that_stay_after_a_change_are_of_the_new_version(
    installation: Installation, people: People, change: dict[str, str]
) -> None:
    answer = installation.call("PATCH", people.user.path, people.admin.access, json=change)
    assert answer.status_code == 200
    assert installation.refresh(people.user.refresh).status_code == 200


def test_the_session_that_changes_the_password_stays(installation: Installation, people: People) -> None:
    body = {"current_password": PASSWORD, "new_password": "another phrase, long enough"}
    answer = installation.call("POST", f"{AUTH}/password", people.user.access, json=body)
    assert answer.status_code == 204
    assert installation.refresh(people.user.refresh).status_code == 200


def test_a_later_change_does_not_revive_it(installation: Installation, people: People) -> None:
    age_sessions(installation)
    promoted = installation.call("PATCH", people.user.path, people.admin.access, json={"role": "admin"})
    assert promoted.status_code == 200
    assert_problem(installation.refresh(people.user.refresh), 401, "invalid_refresh_token")


def test_a_first_look_that_knew_no_rotation_yet_ends_no_session(
    installation: Installation, people: People, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As on a node that had not applied it: the look in the transaction that ends the session decides."""
    token = installation.refresh(people.user.refresh).json()["refresh_token"]
    looks = 0

    def find(connection: sa.Connection, session_id: Any) -> SessionRow | None:
        nonlocal looks
        looks += 1
        row = found(connection, session_id)
        assert row is not None
        return row._replace(current_hash=bytes(32), previous_hash=None) if looks == 1 else row

    found = repository.find_session
    monkeypatch.setattr(repository, "find_session", find)
    assert installation.refresh(token).status_code == 200
    assert looks == 2
    reused = sa.select(audit_events.c.id).where(audit_events.c.action == "auth:refresh_token:reused")
    assert installation.execute(reused) == []
