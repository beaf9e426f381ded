"""An authorization request while what it is about goes away: its client, its user, its session, the keys.

Each goes in the moment between the reads and the write of the request.
"""

from collections.abc import Callable
from typing import Any

import pytest
import sqlalchemy as sa

from doorward_auth.oidc.authorization import decision
from doorward_auth.oidc.consents import repository as consents
from doorward_client.keys.key_set import Key
from doorward_client.keys.key_store import KeyStore, NoSigningKeyError
from doorward_identity.tables import authorization_codes, browser_sessions, oauth_clients, users
from integration.harness.installation import Installation
from integration.harness.people import People
from integration.harness.problems import assert_oauth_error
from integration.oidc.provider import Client, answer_of, assert_page, continuation_of, register, step

pytestmark = pytest.mark.databases("sqlite")


@pytest.fixture
def meanwhile(idp: Installation, monkeypatch: pytest.MonkeyPatch) -> Callable[[Any], None]:
    """Let a statement run when a request has been read and is not answered yet."""

    def run(statement: Any) -> None:
        def decided(*arguments: Any) -> Any:
            idp.execute(statement)
            return decision.decide(*arguments)

        monkeypatch.setattr("doorward_auth.oidc.authorization.service.decide", decided)

    return run


def test_a_client_that_is_deleted_gets_no_code(
    app: Client, people: People, meanwhile: Callable[[Any], None]
) -> None:
    app.sign_in(people.user)
    meanwhile(oauth_clients.delete())
    assert_page(app.authorize(), 400, "not registered")


def test_a_user_who_is_deleted_is_asked_to_sign_in(
    app: Client, people: People, meanwhile: Callable[[Any], None]
) -> None:
    app.sign_in(people.other)
    meanwhile(users.delete().where(users.c.email == people.other.email))
    continuation_of(app.authorize(), "/auth/login")


def test_a_session_that_is_ended_makes_its_code_void(
    app: Client, people: People, meanwhile: Callable[[Any], None]
) -> None:
    app.sign_in(people.user)
    meanwhile(browser_sessions.delete())
    assert_oauth_error(app.exchange(answer_of(app.authorize())["code"]), 400, "invalid_grant")


def test_no_consent_is_stored_for_a_client_that_is_deleted(
    idp: Installation, people: People, monkeypatch: pytest.MonkeyPatch
) -> None:
    register(idp, "third", first_party=False)
    third = Client(idp, "third")
    third.sign_in(people.user)
    target = continuation_of(third.authorize(), "/auth/consent")
    grant = consents.grant

    def granted(connection: sa.Connection, *arguments: Any) -> None:
        connection.execute(oauth_clients.delete())
        grant(connection, *arguments)

    monkeypatch.setattr(consents, "grant", granted)
    assert step(third, "allow", target) == target
    assert idp.execute(sa.text("SELECT * FROM consents")) == []


@pytest.mark.parametrize("is_signed_in", [True, False])
def test_without_a_signing_key_a_page_says_so_before_a_login(
    app: Client, people: People, monkeypatch: pytest.MonkeyPatch, *, is_signed_in: bool
) -> None:
    if is_signed_in:
        app.sign_in(people.user)

    def reject(_keys: KeyStore, _algorithm: str) -> Key:
        raise NoSigningKeyError

    monkeypatch.setattr(KeyStore, "signing_with", reject)
    response = app.authorize()
    assert_page(response, 503, "This is not available right now. Try again in")
    assert response.headers["retry-after"]
    silent = app.authorize(prompt="none")
    assert "error=temporarily_unavailable" in silent.headers["location"], "nobody sees a hidden frame"
    assert app.installation.execute(sa.select(authorization_codes.c.id)) == []
