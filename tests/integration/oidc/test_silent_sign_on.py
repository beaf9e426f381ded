"""Applications that sign in silently again and again end no session of others, and keep few of their own."""

from collections.abc import Iterator
from pathlib import Path

import pytest
import sqlalchemy as sa

from doorward_auth.oidc.token.code_exchange import MAX_SESSIONS_PER_BROWSER
from doorward_identity.audit.repository import AuditAction
from doorward_identity.tables import audit_events, sessions
from integration.harness.installation import Installation
from integration.harness.people import PASSWORD, People
from integration.oidc.provider import Client, live_sessions, provider, register

pytestmark = pytest.mark.databases("sqlite")

LIMIT = 13
MORE = LIMIT + 3
"""Sign-ons of one application: one too many for it, and for its user if all sessions counted together."""

ONLINE, OFFLINE = "openid email", "openid offline_access"


@pytest.fixture
def idp(installation: Installation, people: People, tmp_path: Path) -> Iterator[Installation]:
    """A provider whose users have few sessions; the people are there."""
    del people
    with provider(installation, tmp_path, max_sessions=LIMIT) as limited:
        yield limited


@pytest.fixture
def phone(idp: Installation, people: People) -> Client:
    """An application on another device, with a browser of its own."""
    register(idp, "phone", kind="public")
    phone = Client(idp, "phone", secret=None)
    phone.sign_in(people.user)
    return phone


def evictions(installation: Installation) -> int:
    ended = sa.select(audit_events.c.id).where(audit_events.c.action == AuditAction.SESSION_ENDED.value)
    return len(installation.execute(ended))


@pytest.mark.parametrize("scope", [ONLINE, OFFLINE])
def test_the_sessions_of_an_application_in_one_browser_are_few(
    idp: Installation, people: People, phone: Client, scope: str
) -> None:
    program = idp.log_in(people.user.email, PASSWORD)
    offline = phone.tokens(scope=OFFLINE)
    spa_id = register(idp, "spa", kind="public")
    spa = Client(idp, "spa", secret=None)
    spa.sign_in(people.user)
    opened = [spa.tokens(scope=scope) for _ in range(MORE)]
    assert live_sessions(idp, spa_id) == MAX_SESSIONS_PER_BROWSER
    assert spa.refresh(opened[-1]["refresh_token"]).status_code == 200
    assert spa.refresh(opened[-MAX_SESSIONS_PER_BROWSER]["refresh_token"]).status_code == 200
    assert spa.refresh(opened[0]["refresh_token"]).status_code == 400
    assert phone.refresh(offline["refresh_token"]).status_code == 200
    assert idp.refresh(program.refresh).status_code == 200
    assert evictions(idp) == 0, "the user is as signed in as before"


def test_a_second_browser_has_sessions_of_its_own(idp: Installation, people: People) -> None:
    register(idp, "spa", kind="public")
    first, second = (Client(idp, "spa", secret=None) for _ in range(2))
    first.sign_in(people.user)
    early = first.tokens()
    second.sign_in(people.user)
    for _ in range(MAX_SESSIONS_PER_BROWSER):
        second.tokens()
    assert first.refresh(early["refresh_token"]).status_code == 200


def test_sessions_that_end_with_a_browser_have_a_limit_of_their_own(
    idp: Installation, people: People, phone: Client
) -> None:
    program = idp.log_in(people.user.email, PASSWORD)
    offline = phone.tokens(scope=OFFLINE)
    browser = phone.token
    for name in ("a", "b"):
        register(idp, name)
        client = Client(idp, name, token=browser)
        for _ in range(MAX_SESSIONS_PER_BROWSER):
            client.tokens(scope=ONLINE)
    online = sa.select(sessions.c.id).where(sessions.c.scope == ONLINE, sessions.c.ended_at.is_(None))
    assert len(idp.execute(online)) == LIMIT
    assert phone.refresh(offline["refresh_token"]).status_code == 200
    assert idp.refresh(program.refresh).status_code == 200
    assert evictions(idp) == 2 * MAX_SESSIONS_PER_BROWSER - LIMIT
    for _ in range(LIMIT):
        idp.log_in(people.user.email, PASSWORD)
    assert len(idp.execute(online)) == LIMIT, "nor do others end these"
