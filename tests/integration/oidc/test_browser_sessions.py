"""Browser sessions: valid while their account is unchanged, listed and ended like the others."""

import json
import uuid
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
import sqlalchemy as sa

from doorward_auth.browser_sessions.tokens import BrowserSessionToken
from doorward_auth.cleanup import cleanup_task
from doorward_auth.tokens.token_pair import RefreshToken
from doorward_identity.audit.repository import AuditAction
from doorward_identity.tables import audit_events, browser_sessions, sessions
from integration.harness.installation import AUTH, USERS, Installation, reconfigured
from integration.harness.people import PASSWORD, People, Person
from integration.harness.problems import assert_problem
from integration.oidc.browser import DEVICE, current, sign_in
from integration.oidc.provider import Client, provider, register

SESSIONS = f"{AUTH}/sessions"


def attach_client_session(
    installation: Installation, person: Person, browser_session: uuid.UUID, scope: str
) -> str:
    """Turn a login into a session of a client that came from the browser session; return its access token."""
    tokens = installation.log_in(person.email, PASSWORD)
    session_id = installation.call("GET", f"{AUTH}/me", tokens.access).json()["session_id"]
    installation.execute(
        sessions.update()
        .where(sessions.c.id == uuid.UUID(session_id))
        .values(browser_session_id=browser_session, oauth_client_id=uuid.uuid4(), scope=scope)
    )
    return tokens.access


def recorded_evictions(installation: Installation) -> list[dict[str, str]]:
    """Read from the audit log which sessions the limit has ended."""
    recorded = sa.select(audit_events.c.details).where(
        audit_events.c.action == AuditAction.SESSION_ENDED.value
    )
    found = [json.loads(details) for (details,) in installation.execute(recorded.order_by(audit_events.c.id))]
    return [event for event in found if event.pop("reason", None) == "session_limit"]


def test_a_token_finds_its_session_and_no_other_token_does(
    installation: Installation, people: People
) -> None:
    token = sign_in(installation, people.user).token
    found = current(installation, token)
    assert found is not None
    assert found.account.email == people.user.email
    assert current(installation, BrowserSessionToken(token.id, bytes(32))) is None
    assert current(installation, BrowserSessionToken.issue(uuid.uuid4())) is None
    assert current(installation, None) is None
    assert sign_in(installation, people.user).token.id != token.id


@pytest.mark.parametrize(
    "change", [{"status": "disabled"}, {"password": "somebody else has it"}, {"role": "admin"}]
)
def test_a_change_of_the_account_ends_it(
    installation: Installation, people: People, change: dict[str, str]
) -> None:
    token = sign_in(installation, people.user).token
    assert installation.call("PATCH", people.user.path, people.admin.access, json=change).status_code == 200
    assert current(installation, token) is None
    if change.get("status"):
        enabled = {"status": "active"}
        installation.call("PATCH", people.user.path, people.admin.access, json=enabled)
        assert current(installation, token) is None


@pytest.mark.databases("sqlite")
@pytest.mark.parametrize(
    "change", ["status = 'disabled'", "token_version = token_version + 1", "auth_version = auth_version + 1"]
)
def test_each_sign_of_a_change_is_enough(installation: Installation, people: People, change: str) -> None:
    token = sign_in(installation, people.user).token
    installation.execute(f"UPDATE users SET {change}")
    assert current(installation, token) is None


def test_ending_all_sessions_ends_it(installation: Installation, people: People) -> None:
    token, theirs = (sign_in(installation, one).token for one in (people.user, people.other))
    assert installation.call("DELETE", SESSIONS, people.user.access).status_code == 204
    assert current(installation, token) is None
    assert current(installation, theirs) is not None
    kept = installation.execute(sa.select(browser_sessions.c.id))
    assert [one for (one,) in kept] == [theirs.id]


def test_it_ends_with_its_account(installation: Installation, people: People) -> None:
    token = sign_in(installation, people.user).token
    assert installation.call("DELETE", people.user.path, people.admin.access).status_code == 204
    assert current(installation, token) is None


def test_it_is_listed_and_ended_by_its_user_alone(installation: Installation, people: People) -> None:
    token = sign_in(installation, people.user).token
    listed = installation.call("GET", SESSIONS, people.user.access).json()["items"]
    assert [(session["kind"], session["current"]) for session in listed] == [
        ("browser", False),
        ("direct", True),
    ]
    assert (listed[0]["id"], listed[0]["device"], listed[0]["client"]) == (str(token.id), DEVICE, None)
    where = f"{SESSIONS}/{token.id}"
    assert_problem(installation.call("DELETE", where, people.other.access), 404, "session_not_found")
    assert current(installation, token) is not None
    assert installation.call("DELETE", where, people.user.access).status_code == 204
    assert current(installation, token) is None
    assert_problem(installation.call("DELETE", where, people.user.access), 404, "session_not_found")


def test_clients_sessions_end_with_it_except_offline_ones(installation: Installation, people: People) -> None:
    token = sign_in(installation, people.user).token
    online = attach_client_session(installation, people.user, token.id, "openid email")
    offline = attach_client_session(installation, people.user, token.id, "openid offline_access")
    assert installation.call("DELETE", f"{SESSIONS}/{token.id}", people.user.access).status_code == 204
    statuses = [installation.call("GET", f"{USERS}/me", one).status_code for one in (online, offline)]
    assert statuses == [401, 200]


def test_a_new_proof_of_the_same_user_replaces_the_token_and_keeps_the_clients(
    installation: Installation, people: People
) -> None:
    first = sign_in(installation, people.user, auth_time=datetime(2026, 1, 1, tzinfo=UTC)).token
    client = attach_client_session(installation, people.user, first.id, "openid")
    second = sign_in(installation, people.user, replaces=first).token
    assert second.id == first.id
    assert current(installation, first) is None
    renewed = current(installation, second)
    assert renewed is not None
    assert datetime.now(UTC) - renewed.authentication.auth_time < timedelta(minutes=1)
    assert installation.call("GET", f"{USERS}/me", client).status_code == 200


def test_of_sign_ins_at_once_in_one_browser_one_session_is_left(
    installation: Installation, people: People
) -> None:
    browser = sign_in(installation, people.user).token
    with ThreadPoolExecutor(5) as threads:
        renewed = list(
            threads.map(lambda _: sign_in(installation, people.user, replaces=browser).token, range(5))
        )
    assert {token.id for token in renewed} == {browser.id}
    [(left,)] = installation.execute(sa.select(browser_sessions.c.secret_hash))
    assert left in [token.hash() for token in renewed]


def test_an_old_token_is_no_reason_to_end_the_session_of_another_user(
    installation: Installation, people: People
) -> None:
    theirs = sign_in(installation, people.user).token
    guessed = BrowserSessionToken(theirs.id, bytes(32))
    assert sign_in(installation, people.admin, replaces=guessed).token.id != theirs.id
    assert current(installation, theirs) is not None


def test_a_sign_in_of_another_user_ends_it(installation: Installation, people: People) -> None:
    first = sign_in(installation, people.user).token
    client = attach_client_session(installation, people.user, first.id, "openid")
    second = sign_in(installation, people.other, replaces=first).token
    installation.sync_revocations()
    assert second.id != first.id
    assert current(installation, first) is None
    assert installation.call("GET", f"{USERS}/me", client).status_code == 401
    query = f"?target={people.user.id}&action=auth:session:ended"
    events = installation.call("GET", f"{AUTH}/audit{query}", people.admin.access).json()["items"]
    reason = "another_user_signed_in"
    assert [(event["actor_id"], event["details"]) for event in events] == [
        (people.other.id, {"browser_session_id": str(first.id), "reason": reason})
    ]
    of_the_client = sessions.c.browser_session_id == first.id
    assert installation.execute(sa.select(sessions.c.end_reason).where(of_the_client)) == [(reason,)]


def test_a_new_proof_of_the_same_user_is_no_end_in_the_audit_log(
    installation: Installation, people: People
) -> None:
    first = sign_in(installation, people.user).token
    sign_in(installation, people.user, replaces=first)
    ended = audit_events.c.action == AuditAction.SESSION_ENDED.value
    assert installation.execute(sa.select(audit_events.c.id).where(ended)) == []


@pytest.mark.parametrize("column", ["idle_expires_at", "absolute_expires_at"])
def test_it_expires(installation: Installation, people: People, column: str) -> None:
    token = sign_in(installation, people.user).token
    installation.execute(browser_sessions.update().values({column: datetime(2026, 1, 1, tzinfo=UTC)}))
    assert current(installation, token) is None
    listed = installation.call("GET", SESSIONS, people.user.access).json()["items"]
    assert [session["kind"] for session in listed] == ["direct"]


def test_a_use_extends_it_but_not_past_its_absolute_lifetime(
    installation: Installation, people: People
) -> None:
    token = sign_in(installation, people.user).token
    now = datetime.now(UTC)
    soon = now + timedelta(minutes=5)
    installation.execute(
        browser_sessions.update().values(
            last_used_at=now - timedelta(minutes=2),
            idle_expires_at=soon,
            absolute_expires_at=now + timedelta(hours=1),
        )
    )
    assert current(installation, token) is not None
    [(expires,)] = installation.execute(sa.select(browser_sessions.c.idle_expires_at))
    [(absolute,)] = installation.execute(sa.select(browser_sessions.c.absolute_expires_at))
    assert soon < expires == absolute


def test_one_more_than_the_limit_ends_the_least_recently_used(
    installation: Installation, people: People
) -> None:
    with reconfigured(installation, max_sessions=2) as limited:
        tokens = [sign_in(limited, people.user).token for _ in range(3)]
    valid = [current(installation, token) is not None for token in tokens]
    assert valid == [False, True, True]
    assert recorded_evictions(installation) == [{"browser_session_id": str(tokens[0].id)}]


def test_one_more_session_of_a_client_ends_the_least_recently_used(
    installation: Installation, people: People, tmp_path: Path
) -> None:
    register(installation)
    with provider(installation, tmp_path, max_sessions=2) as limited:
        app = Client(limited)
        app.sign_in(people.user)
        opened = [RefreshToken.parse(app.tokens()["refresh_token"]) for _ in range(3)]
    ids = [token.session_id for token in opened if token is not None]
    clients = sa.select(sessions.c.id).where(
        sessions.c.oauth_client_id.is_not(None), sessions.c.ended_at.is_(None)
    )
    assert {one for (one,) in installation.execute(clients)} == set(ids[1:])
    assert recorded_evictions(installation) == [{"session_id": str(ids[0])}]


def test_cleanup_deletes_expired_ones(installation: Installation, people: People) -> None:
    expired, valid = (sign_in(installation, people.user).token for _ in range(2))
    long_ago = datetime(2026, 1, 1, tzinfo=UTC)
    installation.execute(
        browser_sessions.update()
        .where(browser_sessions.c.id == expired.id)
        .values(absolute_expires_at=long_ago)
    )
    portal = installation.auth.portal
    assert portal is not None
    resources = installation.auth_app.state.resources
    portal.call(cleanup_task(resources.database, resources.avatars, dead_letter_days=30).run_once)
    assert installation.execute(sa.select(browser_sessions.c.id)) == [(valid.id,)]
