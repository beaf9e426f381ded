"""Everything that auth and users do with clients, codes, consents and groups, for tests of privileges."""

import time
from datetime import UTC, datetime, timedelta

import sqlalchemy as sa

from doorward_auth.oidc.backchannel.deleted_users import DELETED_USERS
from doorward_identity.tables import browser_sessions, logout_deliveries, oauth_clients
from integration.harness.installation import AUTH, USERS, Installation
from integration.harness.people import People
from integration.oidc.logout_receiver import receiving
from integration.oidc.provider import REDIRECT, Client, allow

CLIENTS = f"{AUTH}/clients"
GROUPS = f"{USERS}/groups"


def live(installation: Installation, idp: Installation, people: People) -> None:
    """Register a client, sign a user in to it, sign out, and leave only what the cleanup deletes.

    `idp` is the same installation with OpenID Connect on.
    """
    admin = people.admin.access
    group = installation.call("POST", GROUPS, admin, json={"name": "ops"}).json()["id"]
    for method, path, body, status in (
        ("PATCH", f"{GROUPS}/{group}", {"name": "operations"}, 200),
        ("PUT", f"{GROUPS}/{group}/members/{people.user.id}", None, 204),
    ):
        assert installation.call(method, path, admin, json=body).status_code == status, path
    row, secret = _register(installation, admin)
    app = Client(idp, "grafana", secret=secret)
    app.sign_in(people.user)
    allow(app, scope="openid groups")
    an_hour_ago = datetime.now(UTC) - timedelta(hours=1)
    installation.execute(browser_sessions.update().values(last_used_at=an_hour_ago))
    allow(app, scope="openid groups email")
    tokens = app.tokens(scope="openid groups")
    assert idp.call("GET", f"{AUTH}/userinfo", tokens["access_token"]).json()["groups"] == ["operations"]
    assert app.refresh(tokens["refresh_token"]).status_code == 200
    assert installation.call("GET", f"{AUTH}/consents", people.user.access).status_code == 200
    withdrawn = installation.call("DELETE", f"{AUTH}/consents/grafana", people.user.access)
    assert withdrawn.status_code == 204
    allow(app, scope="openid")
    tokens = app.tokens(scope="openid")
    assert app.browse(f"{AUTH}/end-session?id_token_hint={tokens['id_token']}").status_code == 303
    _delete_a_user_and_tell(installation, idp, people, secret)
    for method, path, status in (
        ("DELETE", f"{GROUPS}/{group}/members/{people.user.id}", 204),
        ("DELETE", f"{GROUPS}/{group}", 204),
        ("DELETE", f"{CLIENTS}/{row}", 204),
    ):
        assert installation.call(method, path, admin).status_code == status, path
    _leave_expired_rows(installation, idp, people)


def _register(installation: Installation, admin: str | None) -> tuple[str, str]:
    body = {
        "client_id": "grafana",
        "name": "Grafana",
        "kind": "confidential",
        "redirect_uris": [REDIRECT],
        "scopes": ["openid", "email", "groups"],
    }
    created = installation.call("POST", CLIENTS, admin, json=body).json()
    where = f"{CLIENTS}/{created['id']}"
    assert installation.call("PATCH", where, admin, json={"name": "Dashboards"}).status_code == 200
    second = installation.call("POST", f"{where}/secrets", admin)
    assert second.status_code == 201, second.text
    first = created["secrets"][0]["id"]
    assert installation.call("DELETE", f"{where}/secrets/{first}", admin).status_code == 204
    return created["id"], second.json()["client_secret"]


def _delete_a_user_and_tell(
    installation: Installation, idp: Installation, people: People, secret: str
) -> None:
    app = Client(idp, "grafana", secret=secret)
    with receiving() as receiver:
        with installation.transaction() as connection:
            connection.execute(oauth_clients.update().values(backchannel_logout_uri=receiver.uri))
        app.sign_in(people.other)
        allow(app, scope="openid")
        app.tokens(scope="openid")
        deleted = installation.call("DELETE", people.other.path, people.admin.access)
        assert deleted.status_code == 204
        portal = idp.auth.portal
        assert portal is not None
        while not receiver.tokens:  # the background of the process may have leased it
            portal.call(idp.auth_app.state.services.backchannel.deliver_batch, DELETED_USERS)
        while installation.execute(sa.select(logout_deliveries.c.id)):
            time.sleep(0.01)


def _leave_expired_rows(installation: Installation, idp: Installation, people: People) -> None:
    _, secret = _register(installation, people.admin.access)
    app = Client(idp, "grafana", secret=secret)
    app.sign_in(people.user)
    allow(app, scope="openid")
    app.code(scope="openid")
    long_ago = "2020-01-01 00:00:00.000000"
    for table, column in (
        ("authorization_codes", "expires_at"),
        ("browser_sessions", "absolute_expires_at"),
        ("browser_sessions", "idle_expires_at"),
    ):
        with installation.transaction() as connection:
            connection.execute(sa.text(f"UPDATE {table} SET {column} = '{long_ago}'"))
