"""Listing and ending sessions; tokens of ended sessions are revoked on both services."""

import uuid

import pytest
import sqlalchemy as sa

from doorward_auth.cleanup import cleanup_task
from doorward_identity.tables import revocations, sessions
from integration.harness.installation import AUTH, USERS, Installation
from integration.harness.people import PASSWORD, People, Person
from integration.harness.problems import assert_problem

SESSIONS = f"{AUTH}/sessions"


def is_signed_in(installation: Installation, access: str) -> bool:
    """Whether both services accept a token; they must agree."""
    answers = {installation.call("GET", path, access).status_code for path in (f"{AUTH}/me", f"{USERS}/me")}
    assert len(answers) == 1
    return answers == {200}


def test_listing_returns_the_own_sessions(installation: Installation, people: People) -> None:
    elsewhere = installation.log_in(people.user.email, PASSWORD)
    listed = installation.call("GET", SESSIONS, elsewhere.access).json()["items"]
    assert len(listed) == 2
    assert [session["current"] for session in listed] == [True, False]
    assert listed[0]["device"] == "testclient"
    assert listed[0]["created_at"] <= listed[0]["last_used_at"] < listed[0]["expires_at"]
    assert installation.call("GET", SESSIONS, people.other.access).json()["items"][0]["id"] not in {
        session["id"] for session in listed
    }


def test_ending_one_session_keeps_the_others(installation: Installation, people: People) -> None:
    elsewhere = installation.log_in(people.user.email, PASSWORD)
    listed = installation.call("GET", SESSIONS, people.user.access).json()["items"]
    [other] = [session["id"] for session in listed if not session["current"]]
    assert installation.call("DELETE", f"{SESSIONS}/{other}", people.user.access).status_code == 204
    assert not is_signed_in(installation, elsewhere.access)
    assert is_signed_in(installation, people.user.access)
    again = installation.call("DELETE", f"{SESSIONS}/{other}", people.user.access)
    assert_problem(again, 404, "session_not_found")
    assert len(installation.call("GET", SESSIONS, people.user.access).json()["items"]) == 1


def test_a_session_of_another_user_is_not_found(installation: Installation, people: People) -> None:
    theirs = installation.call("GET", f"{AUTH}/me", people.other.access).json()["session_id"]
    for access in (people.user.access, people.admin.access):
        assert_problem(installation.call("DELETE", f"{SESSIONS}/{theirs}", access), 404, "session_not_found")
    assert is_signed_in(installation, people.other.access)


def test_ending_all_sessions_ends_only_the_own_ones(installation: Installation, people: People) -> None:
    elsewhere = installation.log_in(people.user.email, PASSWORD)
    assert installation.call("DELETE", SESSIONS, people.user.access).status_code == 204
    for tokens in (people.user, elsewhere):
        assert not is_signed_in(installation, tokens.access)
        assert_problem(installation.refresh(tokens.refresh), 401, "invalid_refresh_token")
    assert is_signed_in(installation, people.other.access)
    assert is_signed_in(installation, installation.log_in(people.user.email, PASSWORD).access)


def test_an_administrator_ends_the_sessions_of_another_user(
    installation: Installation, people: People
) -> None:
    where = f"{AUTH}/users/{people.user.id}/sessions"
    assert installation.call("DELETE", where, people.admin.access).status_code == 204
    assert not is_signed_in(installation, people.user.access)
    assert is_signed_in(installation, people.admin.access)
    unknown = f"{AUTH}/users/{uuid.uuid4()}/sessions"
    assert installation.call("DELETE", unknown, people.admin.access).status_code == 204


@pytest.mark.parametrize(
    "change", [{"status": "disabled"}, {"password": "somebody else has it"}, {"role": "admin"}]
)
def test_a_change_of_the_account_revokes_its_tokens(
    installation: Installation, people: People, change: dict[str, str]
) -> None:
    assert installation.call("PATCH", people.user.path, people.admin.access, json=change).status_code == 200
    assert not is_signed_in(installation, people.user.access)
    refreshed = installation.refresh(people.user.refresh)
    # A new role requires a new access token but no new login.
    assert refreshed.status_code == (200 if "role" in change else 401)
    if "role" in change:
        assert is_signed_in(installation, refreshed.json()["access_token"])


def test_deleting_an_account_revokes_its_tokens(installation: Installation, people: People) -> None:
    installation.call("DELETE", people.user.path, people.admin.access)
    assert not is_signed_in(installation, people.user.access)


def test_a_reused_refresh_token_revokes_the_sessions_tokens(
    installation: Installation, people: People
) -> None:
    person: Person = people.user
    fresh = installation.refresh(person.refresh).json()
    installation.execute(sa.text("UPDATE sessions SET rotated_at = '2020-01-01 00:00:00.000000'"))
    assert installation.refresh(person.refresh).status_code == 401
    installation.sync_revocations()
    assert not is_signed_in(installation, fresh["access_token"])


def test_cleanup_deletes_ended_sessions_and_keeps_live_ones(
    installation: Installation, people: People
) -> None:
    ended = installation.log_in(people.user.email, PASSWORD)
    installation.call("POST", f"{AUTH}/logout", ended.access)
    long_ago = "2020-01-01 00:00:00.000000"
    installation.execute("UPDATE sessions SET ended_at = :at WHERE ended_at IS NOT NULL", at=long_ago)
    installation.execute("UPDATE revocations SET expires_at = :at", at=long_ago)
    before = len(installation.execute(sa.select(sessions.c.id)))
    portal = installation.auth.portal
    assert portal is not None
    resources = installation.auth_app.state.resources
    portal.call(cleanup_task(resources.database, resources.avatars, dead_letter_days=30).run_once)
    assert len(installation.execute(sa.select(sessions.c.id))) == before - 1
    assert installation.execute(sa.select(revocations.c.kind)) == []
    assert is_signed_in(installation, people.user.access)
