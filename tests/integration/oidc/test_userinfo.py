"""The userinfo endpoint: the claims of each scope, and the clients that get them."""

import uuid

import pytest
import sqlalchemy as sa

from doorward_auth.oidc.userinfo.repository import TokenKey, find_users
from doorward_identity.tables import sessions, users
from integration.harness.installation import AUTH, Installation, Tokens, tokens_of
from integration.harness.people import PASSWORD, People
from integration.harness.problems import assert_problem
from integration.oidc.provider import Client, claims_of, join_group, register

pytestmark = pytest.mark.databases("sqlite")
USERINFO = f"{AUTH}/userinfo"


def direct_login(idp: Installation, people: People) -> Tokens:
    body = {"email": people.user.email, "password": PASSWORD}
    return tokens_of(idp.call("POST", f"{AUTH}/token", json=body))


@pytest.mark.parametrize("method", ["GET", "POST"])
@pytest.mark.parametrize(
    ("scope", "names"),
    [
        ("openid", set()),
        ("openid profile", {"name", "preferred_username"}),
        ("openid email", {"email", "email_verified"}),
        ("openid groups", {"groups"}),
        (
            "openid profile email groups",
            {"name", "preferred_username", "email", "email_verified", "groups"},
        ),
    ],
)
def test_a_scope_tells_its_claims(
    app: Client, idp: Installation, people: People, method: str, scope: str, names: set[str]
) -> None:
    join_group(idp, people.user, "ops")
    app.sign_in(people.user)
    token = app.tokens(scope=scope)["access_token"]
    claims = idp.call(method, USERINFO, token).json()
    assert claims.keys() == {"sub", *names}
    known = {
        "sub": people.user.id,
        "email": people.user.email,
        "preferred_username": people.user.email,
        "email_verified": True,
        "groups": ["ops"],
    }
    assert {name: claims[name] for name in claims.keys() & known.keys()}.items() <= known.items()


def test_an_address_that_is_not_proven_is_no_name_of_a_user(
    app: Client, idp: Installation, people: People
) -> None:
    """An upstream's user chooses it: an application would take that user for its owner."""
    idp.execute(users.update().where(users.c.id == uuid.UUID(people.user.id)).values(email_verified_at=None))
    app.sign_in(people.user)
    tokens = app.tokens(scope="openid profile email")
    claims = idp.call("GET", USERINFO, tokens["access_token"]).json()
    for told in (claims, claims_of(idp, tokens["id_token"], app.client_id)):
        assert "preferred_username" not in told
        assert (told["email"], told["email_verified"]) == (people.user.email, False)


def test_more_groups_than_fit_are_reported(app: Client, idp: Installation, people: People) -> None:
    join_group(idp, people.user, *(f"group{n:02}" for n in range(51)))
    app.sign_in(people.user)
    claims = idp.call("GET", USERINFO, app.tokens(scope="openid groups")["access_token"]).json()
    assert (len(claims["groups"]), claims["groups_overage"]) == (50, True)


def test_a_token_in_the_body_is_no_token(app: Client, idp: Installation, people: People) -> None:
    app.sign_in(people.user)
    token = app.tokens()["access_token"]
    response = idp.call("POST", USERINFO, data={"access_token": token})
    assert_problem(response, 401, "not_authenticated")
    assert response.headers["www-authenticate"].startswith("Bearer")
    in_query = idp.call("GET", f"{USERINFO}?access_token={token}")
    assert_problem(in_query, 401, "not_authenticated")


def test_other_tokens_are_rejected(idp: Installation, people: People) -> None:
    register(idp, audiences="https://reports.example.com", scopes="openid email doorward")
    app = Client(idp)
    app.sign_in(people.user)
    body = app.tokens()
    of_another_audience = app.tokens(resource="https://reports.example.com")["access_token"]
    for token in (
        body["id_token"],
        body["refresh_token"],
        of_another_audience,
        "x",
        f"{body['access_token']}x",
    ):
        response = idp.call("GET", USERINFO, token)
        assert_problem(response, 401, "invalid_token")
        assert 'error="invalid_token"' in response.headers["www-authenticate"]
    for token in (app.tokens(scope="email")["access_token"], direct_login(idp, people).access):
        response = idp.call("GET", USERINFO, token)
        assert_problem(response, 403, "insufficient_scope")
        assert 'scope="openid"' in response.headers["www-authenticate"]
    first_party = app.tokens(scope="openid doorward")["access_token"]
    assert idp.call("GET", USERINFO, first_party).json() == {"sub": people.user.id}


def test_the_end_of_the_session_counts_at_once(app: Client, idp: Installation, people: People) -> None:
    app.sign_in(people.user)
    token = app.tokens()["access_token"]
    # Behind the services' backs: no list of revocations has it.
    idp.execute(sessions.update().values(ended_at=sa.text("created_at")))
    assert_problem(idp.call("GET", USERINFO, token), 401, "invalid_token")


def test_tokens_that_share_a_statement_are_told_apart(idp: Installation, people: People) -> None:
    join_group(idp, people.user, "ops")
    found = sa.select(sessions.c.id, sessions.c.user_id)
    owners = {str(user_id): (session_id, user_id) for session_id, user_id in idp.execute(found)}
    mine, others = owners[people.user.id], owners[people.other.id]
    valid = [TokenKey(*mine, 0, True), TokenKey(*mine, 0, False), TokenKey(*others, 0, True)]
    wrong = [
        TokenKey(mine[0], others[1], 0, True),
        TokenKey(*mine, 1, False),
        TokenKey(uuid.uuid4(), mine[1], 0, False),
    ]
    with idp.engine.connect() as connection:
        users = find_users(connection, [*wrong, *valid])
    assert [(users[key].email, users[key].group_names) for key in valid] == [
        (people.user.email, ["ops"]),
        (people.user.email, None),
        (people.other.email, ()),
    ]
    assert users.keys() == set(valid)


def test_a_session_of_older_credentials_tells_nothing(app: Client, idp: Installation, people: People) -> None:
    app.sign_in(people.user)
    token = app.tokens()["access_token"]
    # As if another node of a cluster had opened it while the credentials were changed.
    idp.execute(sessions.update().values(auth_version=sessions.c.auth_version - 1))
    assert_problem(idp.call("GET", USERINFO, token), 401, "invalid_token")


@pytest.mark.parametrize("change", ["SET status = 'disabled'", "SET token_version = token_version + 1"])
def test_a_change_of_the_account_counts_at_once(
    app: Client, idp: Installation, people: People, change: str
) -> None:
    app.sign_in(people.user)
    token = app.tokens()["access_token"]
    idp.execute(f"UPDATE users {change}")
    assert_problem(idp.call("GET", USERINFO, token), 401, "invalid_token")


def test_without_a_provider_it_is_not_there(installation: Installation, people: People) -> None:
    response = installation.call("GET", USERINFO, people.user.access)
    assert_problem(response, 404, "oidc_not_configured")
