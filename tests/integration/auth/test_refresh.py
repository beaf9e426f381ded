"""Refresh tokens: rotation, retries within the grace period, reuse after it, lifetimes, logout."""

from concurrent.futures import ThreadPoolExecutor

import pytest

from integration.harness.installation import AUTH, USERS, Installation, reconfigured, tokens_of
from integration.harness.people import PASSWORD, People, disable
from integration.harness.problems import assert_problem

INVALID = "invalid_refresh_token"


def test_every_refresh_returns_a_new_token(installation: Installation, people: People) -> None:
    seen = {people.user.refresh}
    refresh = people.user.refresh
    for _ in range(5):
        response = installation.refresh(refresh)
        assert response.status_code == 200
        tokens = tokens_of(response)
        assert tokens.refresh not in seen
        seen.add(tokens.refresh)
        refresh = tokens.refresh
        me = installation.call("GET", f"{AUTH}/me", tokens.access)
        assert me.json()["id"] == people.user.id


def test_retry_within_the_grace_period_returns_the_same_successor(
    installation: Installation, people: People
) -> None:
    first = tokens_of(installation.refresh(people.user.refresh))
    again = tokens_of(installation.refresh(people.user.refresh))
    assert again.refresh == first.refresh
    assert installation.refresh(first.refresh).status_code == 200


def test_twenty_parallel_retries_return_one_successor(installation: Installation, people: People) -> None:
    with ThreadPoolExecutor(20) as threads:
        answers = list(threads.map(installation.refresh, [people.user.refresh] * 20))
    assert {answer.status_code for answer in answers} == {200}
    assert len({tokens_of(answer).refresh for answer in answers}) == 1


def test_reuse_after_the_grace_period_ends_the_session(installation: Installation, people: People) -> None:
    with reconfigured(installation, refresh_grace_seconds=0) as strict:
        first = tokens_of(strict.refresh(people.user.refresh))
        assert_problem(strict.refresh(people.user.refresh), 401, INVALID)
        # The successor is invalid too, because its holder may be the attacker.
        assert_problem(strict.refresh(first.refresh), 401, INVALID)
    reason = installation.execute(
        "SELECT end_reason FROM sessions JOIN users ON users.id = user_id WHERE email_key = :key",
        key=people.user.email,
    )
    assert reason == [("refresh_token_reuse",)]


def test_reuse_of_an_older_token_ends_the_session_within_the_grace_period(
    installation: Installation, people: People
) -> None:
    second = tokens_of(installation.refresh(people.user.refresh)).refresh
    third = tokens_of(installation.refresh(second)).refresh
    assert_problem(installation.refresh(people.user.refresh), 401, INVALID)
    assert_problem(installation.refresh(third), 401, INVALID)


def test_reuse_ends_no_other_session(installation: Installation, people: People) -> None:
    elsewhere = installation.log_in(people.user.email, PASSWORD)
    with reconfigured(installation, refresh_grace_seconds=0) as strict:
        strict.refresh(people.user.refresh)
        strict.refresh(people.user.refresh)
    assert installation.refresh(elsewhere.refresh).status_code == 200


def test_guessed_secret_of_a_known_session_ends_the_session(
    installation: Installation, people: People
) -> None:
    """Every access token contains the session id, so a guess with it could be a theft."""
    guess = people.user.refresh[:-8] + "AAAAAAAA"
    assert_problem(installation.refresh(guess), 401, INVALID)


@pytest.mark.parametrize("column", ["idle_expires_at", "absolute_expires_at"])
def test_expired_session_is_rejected(installation: Installation, people: People, column: str) -> None:
    installation.execute(f"UPDATE sessions SET {column} = '2020-01-01 00:00:00.000000'")
    assert_problem(installation.refresh(people.user.refresh), 401, INVALID)


def test_refresh_extends_the_idle_lifetime_up_to_the_absolute_one(
    installation: Installation, people: People
) -> None:
    with reconfigured(installation, refresh_idle_seconds=600, refresh_absolute_seconds=1000) as short:
        tokens = short.log_in(people.user.email, PASSWORD)
        first = short.refresh(tokens.refresh).json()
        assert 598 <= first["refresh_expires_in"] <= 600
        # Near the end of the absolute lifetime the idle one is shortened.
        rows = installation.execute("SELECT MIN(absolute_expires_at) FROM sessions")
        installation.execute(
            "UPDATE sessions SET absolute_expires_at = idle_expires_at WHERE absolute_expires_at = :end",
            end=rows[0][0],
        )
        second = short.refresh(first["refresh_token"]).json()
        assert 590 <= second["refresh_expires_in"] <= first["refresh_expires_in"]


def test_login_returns_an_idle_lifetime_within_the_absolute_one(
    installation: Installation, people: People
) -> None:
    """Login shortens and returns an idle lifetime that exceeds the absolute one."""
    with reconfigured(installation, refresh_idle_seconds=1000, refresh_absolute_seconds=600) as short:
        body = {"email": people.user.email, "password": PASSWORD}
        answer = short.call("POST", f"{AUTH}/token", json=body).json()
        assert answer["refresh_expires_in"] <= 600


def test_refresh_issues_a_token_with_the_current_role(installation: Installation, people: People) -> None:
    installation.call("PATCH", people.user.path, people.admin.access, json={"role": "admin"})
    renewed = tokens_of(installation.refresh(people.user.refresh))
    assert installation.call("GET", f"{AUTH}/me", renewed.access).json()["role"] == "admin"


def test_disabled_and_deleted_people_cannot_refresh(installation: Installation, people: People) -> None:
    disable(installation, people.admin, people.user)
    assert_problem(installation.refresh(people.user.refresh), 401, INVALID)
    installation.call("DELETE", people.other.path, people.admin.access)
    assert_problem(installation.refresh(people.other.refresh), 401, INVALID)


def test_enabling_an_account_does_not_restore_its_sessions(
    installation: Installation, people: People
) -> None:
    disable(installation, people.admin, people.user)
    installation.call("PATCH", people.user.path, people.admin.access, json={"status": "active"})
    assert_problem(installation.refresh(people.user.refresh), 401, INVALID)
    installation.log_in(people.user.email, PASSWORD)


def test_new_password_ends_every_session(installation: Installation, people: People) -> None:
    elsewhere = installation.log_in(people.user.email, PASSWORD)
    changed = {"password": "another long phrase"}
    installation.call("PATCH", people.user.path, people.admin.access, json=changed)
    for refresh in (people.user.refresh, elsewhere.refresh):
        assert_problem(installation.refresh(refresh), 401, INVALID)
    body = {"email": people.user.email, "password": PASSWORD}
    assert_problem(installation.call("POST", f"{AUTH}/token", json=body), 401, "invalid_credentials")
    installation.log_in(people.user.email, changed["password"])


@pytest.mark.parametrize("method", ["POST", "DELETE"])
def test_logout_revokes_the_refresh_token(installation: Installation, people: People, method: str) -> None:
    elsewhere = installation.log_in(people.user.email, PASSWORD)
    assert installation.call(method, f"{AUTH}/logout", people.user.access).status_code == 204
    assert_problem(installation.refresh(people.user.refresh), 401, INVALID)
    assert installation.refresh(elsewhere.refresh).status_code == 200
    # The access token is invalid without its session.
    assert_problem(installation.call(method, f"{AUTH}/logout", people.user.access), 401, "invalid_token")
    assert installation.call("GET", f"{USERS}/me", people.user.access).status_code == 401
    assert installation.call("GET", f"{USERS}/me", elsewhere.access).status_code == 200


def test_logout_ends_the_grace_period(installation: Installation, people: People) -> None:
    installation.refresh(people.user.refresh)
    installation.call("POST", f"{AUTH}/logout", people.user.access)
    assert_problem(installation.refresh(people.user.refresh), 401, INVALID)


def test_logout_wins_against_parallel_refreshes(installation: Installation, people: People) -> None:
    for _ in range(10):
        tokens = installation.log_in(people.user.email, PASSWORD)
        with ThreadPoolExecutor(6) as threads:
            answers = [threads.submit(installation.refresh, tokens.refresh) for _ in range(5)]
            leaving = threads.submit(installation.call, "POST", f"{AUTH}/logout", tokens.access)
        assert leaving.result().status_code == 204
        held = {
            tokens_of(answer.result()).refresh for answer in answers if answer.result().status_code == 200
        }
        for refresh in held | {tokens.refresh}:
            assert_problem(installation.refresh(refresh), 401, INVALID)


@pytest.mark.databases("sqlite")  # these rejections do not depend on the database
@pytest.mark.parametrize(
    "text", ["x", "dwr_", "dwr_" + "A" * 64, "dwr_" + "A" * 63 + "!", "A" * 68, "dwr_" + "é" * 64]
)
def test_forged_tokens_are_rejected(installation: Installation, text: str) -> None:
    assert_problem(installation.refresh(text), 401, INVALID)
