"""Consents: asked for once, again for more, denied, listed, and withdrawn with the client's sessions."""

import uuid

import pytest
import sqlalchemy as sa

from doorward_identity.audit.own_events import CHANGES
from doorward_identity.audit.repository import AuditAction, record
from doorward_identity.errors import TooManyAttemptsError
from doorward_identity.tables import audit_events
from integration.harness.installation import AUTH, Installation
from integration.harness.people import People
from integration.harness.problems import assert_oauth_error, assert_problem
from integration.oidc.provider import Client, allow, answer_of, continuation_of, live_sessions, register, step

CONSENTS = f"{AUTH}/consents"


@pytest.fixture
def third_party(idp: Installation) -> Client:
    """A client of another team."""
    register(idp, "third", first_party=False)
    return Client(idp, "third")


def test_it_is_asked_for_once_and_again_for_more(third_party: Client, people: People) -> None:
    third_party.sign_in(people.user)
    allow(third_party, scope="openid email")
    assert "code" in answer_of(third_party.authorize(scope="openid"))
    assert "code" in answer_of(third_party.authorize(scope="openid email", prompt="none"))
    continuation_of(third_party.authorize(scope="openid profile"), "/auth/consent")
    allow(third_party, scope="openid profile")
    assert "code" in answer_of(third_party.authorize(scope="openid email profile")), "both together"
    third_party.sign_in(people.other)
    continuation_of(third_party.authorize(), "/auth/consent")


def test_a_client_that_asks_for_nothing_is_asked_about_once(third_party: Client, people: People) -> None:
    third_party.sign_in(people.user)
    allow(third_party, scope=None)
    assert "code" in answer_of(third_party.authorize(scope=None))


@pytest.mark.parametrize("first_party", [True, False])
def test_prompt_consent_asks_each_time(idp: Installation, people: People, *, first_party: bool) -> None:
    register(idp, first_party=first_party)
    app = Client(idp)
    app.sign_in(people.user)
    for _ in range(2):
        allow(app, prompt="consent")


@pytest.mark.databases("sqlite")
def test_what_was_allowed_in_another_session_is_asked_for_again(third_party: Client, people: People) -> None:
    """By the URL that the browser's history has."""
    third_party.sign_in(people.user)
    allowed = step(
        third_party, "allow", continuation_of(third_party.authorize(prompt="consent"), "/auth/consent")
    )
    assert "code" in answer_of(third_party.browse(allowed))
    third_party.sign_in(people.user)
    again = continuation_of(third_party.browse(allowed), "/auth/consent")
    assert "code" in answer_of(third_party.browse(step(third_party, "allow", again)))


def test_a_user_who_denies_consent_is_no_error_of_the_client(
    third_party: Client, idp: Installation, people: People
) -> None:
    third_party.sign_in(people.user)
    target = continuation_of(third_party.authorize(), "/auth/consent")
    answer = answer_of(third_party.browse(step(third_party, "deny", target)))
    assert (answer["error"], answer["state"]) == ("access_denied", "xyz")
    # It says nothing about the next request.
    continuation_of(third_party.authorize(), "/auth/consent")
    assert idp.execute(sa.text("SELECT * FROM consents")) == []


def test_the_account_is_kept_where_a_choice_was_asked_for(app: Client, people: People) -> None:
    app.sign_in(people.user)
    target = continuation_of(app.authorize(prompt="select_account"), "/auth/choose-account")
    assert "code" in answer_of(app.browse(step(app, "keep_account", target)))


def test_the_consent_page_names_the_client_and_its_scopes(third_party: Client, people: People) -> None:
    anonymous = step(third_party, "describe", continuation_of(third_party.authorize(), "/auth/login"))
    assert anonymous.account is None
    third_party.sign_in(people.user)
    target = continuation_of(third_party.authorize(), "/auth/consent")
    summary = step(third_party, "describe", target)
    assert (summary.client_id, summary.client_name, summary.destination) == (
        "third",
        "Third",
        "app.example.com",
    )
    assert (summary.scopes, summary.first_party) == (("openid", "email"), False)
    assert summary.account.email == people.user.email


@pytest.mark.parametrize(
    "target",
    ["", "/", "/auth/account", "https://evil.example/", f"{AUTH}/authorize", f"{AUTH}/authorize?client_id=x"],
)
def test_what_is_no_request_is_left_as_it_is(third_party: Client, people: People, target: str) -> None:
    third_party.sign_in(people.user)
    assert step(third_party, "describe", target) is None
    assert [step(third_party, name, target) for name in ("allow", "deny", "keep_account")] == [target] * 3


def test_without_a_session_nothing_is_allowed(third_party: Client, idp: Installation, people: People) -> None:
    third_party.sign_in(people.user)
    target = continuation_of(third_party.authorize(), "/auth/consent")
    third_party.token = None
    assert step(third_party, "allow", target) == target
    assert idp.execute(sa.text("SELECT * FROM consents")) == []


def test_consents_are_listed_and_withdrawn_with_the_sessions(
    third_party: Client, installation: Installation, idp: Installation, people: People
) -> None:
    app_id = register(idp, "app")
    app = Client(idp, "app", token=third_party.sign_in(people.user))
    allow(third_party, scope="openid offline_access")
    tokens, kept = third_party.tokens(scope="openid offline_access"), app.tokens()
    [listed] = installation.call("GET", CONSENTS, people.user.access).json()["items"]
    assert listed.pop("granted_at")
    assert listed == {"client_id": "third", "name": "Third", "scopes": ["offline_access", "openid"]}
    assert installation.call("GET", CONSENTS, people.other.access).json()["items"] == []
    where = f"{CONSENTS}/third"
    assert_problem(installation.call("DELETE", where, people.other.access), 404, "consent_not_found")
    assert installation.call("DELETE", where, people.user.access).status_code == 204
    assert_oauth_error(third_party.refresh(tokens["refresh_token"]), 400, "invalid_grant")
    assert idp.call("GET", f"{AUTH}/userinfo", tokens["access_token"]).status_code == 401
    assert app.refresh(kept["refresh_token"]).status_code == 200
    assert live_sessions(idp, app_id) == 1
    continuation_of(third_party.authorize(scope="openid"), "/auth/consent")
    assert_problem(installation.call("DELETE", where, people.user.access), 404, "consent_not_found")
    recorded = idp.execute(
        sa.select(audit_events.c.action).where(audit_events.c.action.like("oidc:consent:%"))
    )
    assert sorted(recorded) == [("oidc:consent:granted",), ("oidc:consent:withdrawn",)]


@pytest.mark.databases("sqlite")
def test_consents_are_limited_and_can_always_be_withdrawn(
    third_party: Client, installation: Installation, idp: Installation, people: People
) -> None:
    third_party.sign_in(people.user)
    allow(third_party)
    target = continuation_of(third_party.authorize(prompt="consent"), "/auth/consent")
    me = uuid.UUID(people.user.id)
    with idp.transaction() as connection:
        for action in (AuditAction.CONSENT_GRANTED, AuditAction.CONSENT_WITHDRAWN):
            for _ in range(CHANGES.most):
                record(connection, action, actor=me, target=me)
    with pytest.raises(TooManyAttemptsError):
        step(third_party, "allow", target)
    assert installation.call("DELETE", f"{CONSENTS}/third", people.user.access).status_code == 204
    assert installation.call("GET", CONSENTS, people.user.access).json()["items"] == []
