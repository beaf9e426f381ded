"""Back-channel logout: clients are notified of ended sessions, once, and again after a failure."""

import base64

import jwt
import pytest
import sqlalchemy as sa

from doorward_auth.oidc.token.code_exchange import MAX_SESSIONS_PER_BROWSER
from doorward_identity.tables import sessions
from integration.harness.installation import AUTH, CLIENT, USERS, Installation
from integration.harness.people import PASSWORD, People, Person
from integration.oidc.backchannel.deliveries import LONG_AGO, deliver, open_deliveries
from integration.oidc.logout_receiver import Receiver
from integration.oidc.provider import Client, allow, claims_of, register


def test_a_client_is_notified_of_a_sign_out(
    app: Client, idp: Installation, people: People, receiver: Receiver
) -> None:
    browser = app.sign_in(people.user)
    tokens = app.tokens()
    assert deliver(idp) == 0, "nothing has ended"
    app.browse(f"{AUTH}/end-session?id_token_hint={tokens['id_token']}")
    assert deliver(idp) == 1
    assert receiver.content_types == ["application/x-www-form-urlencoded"]
    [token] = receiver.tokens
    assert jwt.get_unverified_header(token)["typ"] == "logout+jwt"
    claims = claims_of(idp, token, "app")
    assert (claims["sub"], claims["sid"]) == (people.user.id, str(browser.id))
    assert claims["events"] == {"http://schemas.openid.net/event/backchannel-logout": {}}
    assert claims["jti"]
    assert "nonce" not in claims
    assert claims["exp"] - claims["iat"] == 120
    assert (deliver(idp), len(receiver.tokens)) == (0, 1), "once"


ENDS: dict[str, tuple[str, str, str, dict[str, str] | None]] = {
    "an administrator disables the user": ("admin", "PATCH", f"{USERS}/{{id}}", {"status": "disabled"}),
    "an administrator sets a password": (
        "admin",
        "PATCH",
        f"{USERS}/{{id}}",
        {"password": "somebody else has it"},
    ),
    "an administrator sets an address": ("admin", "PATCH", f"{USERS}/{{id}}", {"email": "new@example.com"}),
    "an administrator ends all sessions": ("admin", "DELETE", f"{AUTH}/users/{{id}}/sessions", None),
    "the user ends all sessions": ("user", "DELETE", f"{AUTH}/sessions", None),
    "the user changes the password": (
        "user",
        "POST",
        f"{AUTH}/password",
        {"current_password": PASSWORD, "new_password": "another engine of 1843"},
    ),
    "the user withdraws the consent": ("user", "DELETE", f"{AUTH}/consents/app", None),
}


@pytest.mark.databases("sqlite")
@pytest.mark.parametrize("end", ENDS)
def test_a_client_is_notified_whatever_ends_the_session(
    idp: Installation, installation: Installation, people: People, receiver: Receiver, end: str
) -> None:
    """Offline sessions, too, and what the users service ended."""
    register(idp, backchannel_logout_uri=receiver.uri, first_party=False)
    app = Client(idp)
    app.sign_in(people.user)
    allow(app, scope="openid offline_access")
    app.tokens(scope="openid offline_access")
    who, method, path, body = ENDS[end]
    caller: Person = getattr(people, who)
    where = path.format(id=people.user.id)
    ended = installation.call(method, where, caller.access, **({} if body is None else {"json": body}))
    assert ended.status_code in {200, 204}, ended.text
    assert deliver(idp) == 1
    assert [claims_of(idp, token, "app")["sub"] for token in receiver.tokens] == [people.user.id]


def test_a_client_is_notified_of_a_deleted_user_once(
    app: Client, installation: Installation, idp: Installation, people: People, receiver: Receiver
) -> None:
    """The sessions are gone: one token says that all of them have ended."""
    register(idp, "silent")
    app.sign_in(people.user)
    app.tokens()
    app.tokens(scope="openid offline_access")
    Client(idp, "silent", token=app.token).tokens()
    other = Client(idp)
    other.sign_in(people.other)
    other.tokens()
    assert installation.call("DELETE", people.user.path, people.admin.access).status_code == 204
    assert deliver(idp) == 1
    [token] = receiver.tokens
    claims = claims_of(idp, token, "app")
    assert claims["sub"] == people.user.id
    assert "sid" not in claims
    assert (deliver(idp), len(receiver.tokens), open_deliveries(idp)) == (0, 1, 0)


@pytest.mark.databases("sqlite")
def test_other_clients_are_not_notified(
    app: Client, installation: Installation, idp: Installation, people: People, receiver: Receiver
) -> None:
    register(idp, "silent")
    silent = Client(idp, "silent", token=app.sign_in(people.user))
    silent.tokens()
    app.tokens(scope="openid offline_access")
    installation.call("DELETE", f"{AUTH}/sessions/{silent.token and silent.token.id}", people.user.access)
    assert deliver(idp) == 0, "an offline session goes on, and the other client has no endpoint"
    assert receiver.tokens == []


@pytest.mark.databases("sqlite")
@pytest.mark.parametrize("scope", ["openid email", "openid offline_access"])
def test_no_client_is_notified_of_a_session_that_the_limit_ends_while_its_user_is_signed_in(
    app: Client, installation: Installation, idp: Installation, people: People, receiver: Receiver, scope: str
) -> None:
    browser = app.sign_in(people.user)
    opened = [app.tokens(scope=scope) for _ in range(MAX_SESSIONS_PER_BROWSER + 2)]
    assert deliver(idp) == 0
    assert open_deliveries(idp) == 0
    assert app.refresh(opened[-1]["refresh_token"]).status_code == 200
    # The client is still notified when the browser session ends, once for each session that ends with it.
    app.tokens(scope="openid email")
    installation.call("DELETE", f"{AUTH}/sessions/{browser.id}", people.user.access)
    assert deliver(idp) > 0
    assert {claims_of(idp, token, "app")["sid"] for token in receiver.tokens} == {str(browser.id)}


@pytest.mark.databases("sqlite")
@pytest.mark.parametrize(
    ("change", "told"),
    [
        ("UPDATE sessions SET auth_version = auth_version", 0),
        ("UPDATE sessions SET auth_version = auth_version + 1 WHERE ended_at IS NULL", 1),
        ("UPDATE users SET status = 'disabled'", 1),
    ],
)
def test_clients_are_notified_despite_a_session_that_cannot_be_refreshed(
    app: Client, idp: Installation, people: People, receiver: Receiver, change: str, told: int
) -> None:
    """Such as one that opened on another node of a cluster while the password was changed."""
    app.sign_in(people.user)
    app.tokens()
    app.tokens()
    [last] = idp.execute(sa.select(sa.func.max(sessions.c.id)))
    idp.execute(sessions.update().where(sessions.c.id == last[0]).values(ended_at=LONG_AGO))
    idp.execute(change)
    assert (deliver(idp), len(receiver.tokens)) == (told, told)


@pytest.mark.databases("sqlite")
@pytest.mark.parametrize("kind", ["access_token", "refresh_token"])
def test_a_client_is_not_notified_of_what_it_revoked_itself(
    app: Client, idp: Installation, people: People, receiver: Receiver, kind: str
) -> None:
    app.sign_in(people.user)
    for tokens in (app.tokens(), app.tokens()):
        own = {"client_id": app.client_id, "client_secret": app.secret, "token": tokens[kind]}
        assert idp.call("POST", f"{AUTH}/revoke", data=own).status_code == 200
        assert app.refresh(tokens["refresh_token"]).status_code == 400
    assert (deliver(idp), receiver.tokens) == (0, [])


@pytest.mark.databases("sqlite")
def test_a_client_is_notified_of_what_a_service_revoked(
    app: Client, idp: Installation, people: People, receiver: Receiver
) -> None:
    app.sign_in(people.user)
    tokens = app.tokens()
    service = "Basic " + base64.b64encode(":".join(CLIENT).encode()).decode()
    form, headers = {"token": tokens["refresh_token"]}, {"authorization": service}
    assert idp.call("POST", f"{AUTH}/revoke", data=form, headers=headers).status_code == 200
    assert (deliver(idp), len(receiver.tokens)) == (1, 1)
