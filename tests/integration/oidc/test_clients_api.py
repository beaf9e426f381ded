"""Registered clients through the API: what administrators can do, and what is rejected."""

import uuid
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import sqlalchemy as sa

from doorward_auth.client_secrets import hash_secret
from doorward_identity.tables import audit_events, oauth_client_secrets, oauth_clients, sessions
from integration.harness.installation import AUTH, Installation
from integration.harness.people import PASSWORD, People
from integration.harness.problems import assert_problem, pointers

pytestmark = pytest.mark.databases("sqlite")

CLIENTS = f"{AUTH}/clients"
GRAFANA: dict[str, Any] = {
    "client_id": "grafana",
    "name": "Grafana",
    "kind": "confidential",
    "redirect_uris": ["https://grafana.example.com/login/generic_oauth"],
    "scopes": ["openid", "profile", "email", "groups"],
    "allowed_groups": ["ops"],
}
MACHINE: dict[str, Any] = {
    "client_id": "nightly",
    "name": "Nightly report",
    "kind": "machine",
    "audiences": ["https://reports.example.com"],
    "scopes": ["reports:write"],
}
SPA: dict[str, Any] = {
    "client_id": "spa",
    "name": "App",
    "kind": "public",
    "redirect_uris": ["https://app.example.com/callback"],
    "origins": ["https://app.example.com"],
}


def register(installation: Installation, people: People, **members: Any) -> dict[str, Any]:
    response = installation.call("POST", CLIENTS, people.admin.access, json=members)
    assert response.status_code == 201, response.text
    assert response.headers["cache-control"] == "no-store"
    created: dict[str, Any] = response.json()
    assert response.headers["location"] == f"{CLIENTS}/{created['id']}"
    return created


def test_a_new_client_shows_its_secret_once(installation: Installation, people: People) -> None:
    created = register(installation, people, **GRAFANA)
    secret = created.pop("client_secret")
    assert created.items() >= GRAFANA.items()
    assert created["require_pkce"] is True
    assert (created["first_party"], created["disabled"], created["managed_by"]) == (False, False, None)
    assert (created["id_token_alg"], created["id_token_claims"]) == ("RS256", "full")
    read = installation.call("GET", f"{CLIENTS}/{created['id']}", people.admin.access)
    assert read.json() == created
    assert [one["id"] for one in created["secrets"]] == [str(id_) for id_, _ in stored_secrets(installation)]
    assert [found for _, found in stored_secrets(installation)] == [hash_secret(secret)]
    assert secret not in str(installation.execute(sa.select(audit_events)))
    listed = installation.call("GET", CLIENTS, people.admin.access)
    assert listed.json() == {"items": [created], "next_cursor": None}


def stored_secrets(installation: Installation) -> list[tuple[Any, ...]]:
    columns = oauth_client_secrets.c
    return installation.execute(sa.select(columns.id, columns.secret_hash).order_by(columns.id))


def test_a_public_client_has_no_secret_and_a_machine_no_scopes_of_users(
    installation: Installation, people: People
) -> None:
    public = register(installation, people, **SPA)
    assert "client_secret" not in public
    assert public["secrets"] == []
    assert public["scopes"] == ["openid", "profile", "email"]
    unscoped = {name: value for name, value in MACHINE.items() if name != "scopes"}
    machine = register(installation, people, **unscoped)
    assert machine["scopes"] == []
    assert machine["client_secret"].startswith("dwc_")
    path = f"{CLIENTS}/{public['id']}/secrets"
    assert_problem(installation.call("POST", path, people.admin.access), 409, "secret_limit")


def test_the_list_has_pages_by_client_id(installation: Installation, people: People) -> None:
    for name in ("c", "a", "B", "b"):
        register(installation, people, **{**SPA, "client_id": name})
    first = installation.call("GET", f"{CLIENTS}?limit=3", people.admin.access).json()
    query = f"limit=3&cursor={first['next_cursor']}"
    second = installation.call("GET", f"{CLIENTS}?{query}", people.admin.access).json()
    pages = [[item["client_id"] for item in page["items"]] for page in (first, second)]
    assert pages == [["B", "a", "b"], ["c"]]
    assert second["next_cursor"] is None


@pytest.mark.parametrize(
    ("base", "changed", "pointer"),
    [
        (GRAFANA, {"client_id": "not an id"}, "/client_id"),
        (GRAFANA, {"client_id": "x" * 65}, "/client_id"),
        (GRAFANA, {"name": "two\nlines"}, "/name"),
        (GRAFANA, {"kind": "service"}, "/kind"),
        (GRAFANA, {"redirect_uris": ["https://a.example/", "http://a.example/"]}, "/redirect_uris/1"),
        (GRAFANA, {"redirect_uris": ["https://a.example/", "https://a.example/"]}, "/redirect_uris"),
        (
            GRAFANA,
            {"redirect_uris": [f"https://a.example/{number}" for number in range(21)]},
            "/redirect_uris",
        ),
        (GRAFANA, {"redirect_uris": []}, "/redirect_uris"),
        (GRAFANA, {"post_logout_redirect_uris": ["javascript:alert(1)"]}, "/post_logout_redirect_uris/0"),
        (GRAFANA, {"backchannel_logout_uri": "com.example.app:/logout"}, "/backchannel_logout_uri"),
        # Not this machine, but that of auth: another program of its pod.
        (GRAFANA, {"backchannel_logout_uri": "http://127.0.0.1:9/logout"}, "/backchannel_logout_uri"),
        *((GRAFANA, {"client_id": taken}, "/client_id") for taken in ("doorward", "reports")),
        (MACHINE, {"audiences": ["grafana"]}, "/audiences"),
        (MACHINE, {"audiences": ["https:"]}, "/audiences"),
        (GRAFANA, {"redirect_uris": ["https://a.example/%2e%2E/b"]}, "/redirect_uris/0"),
        (GRAFANA, {"scopes": ["two words"]}, "/scopes/0"),
        (GRAFANA, {"scopes": [f"{number:0100}" for number in range(6)]}, "/scopes"),
        (GRAFANA, {"scopes": ["doorward"]}, "/scopes"),
        (GRAFANA, {"audiences": ["doorward"]}, "/audiences"),
        (GRAFANA, {"audiences": ["https://a.example/#x"]}, "/audiences/0"),
        (GRAFANA, {"allowed_groups": ["two words"]}, "/allowed_groups/0"),
        (GRAFANA, {"origins": ["https://grafana.example.com"]}, "/origins"),
        (GRAFANA, {"id_token_alg": "HS256"}, "/id_token_alg"),
        (GRAFANA, {"id_token_alg": "none"}, "/id_token_alg"),
        (GRAFANA, {"client_secret": "mine"}, "/client_secret"),
        (SPA, {"origins": ["https://app.example.com/"]}, "/origins/0"),
        (SPA, {"require_pkce": False}, "/require_pkce"),
        (MACHINE, {"redirect_uris": ["https://a.example/"]}, "/redirect_uris"),
        (MACHINE, {"allowed_groups": ["ops"]}, "/allowed_groups"),
        (MACHINE, {"first_party": True}, "/first_party"),
        (MACHINE, {"audiences": ["doorward"]}, "/audiences"),
        (MACHINE, {"scopes": ["openid"]}, "/scopes"),
        (MACHINE, {"backchannel_logout_uri": "https://a.example/logout"}, "/backchannel_logout_uri"),
    ],
)
def test_a_mistake_is_named_by_its_place(
    installation: Installation, people: People, base: dict[str, Any], changed: dict[str, Any], pointer: str
) -> None:
    response = installation.call("POST", CLIENTS, people.admin.access, json={**base, **changed})
    assert pointers(assert_problem(response, 422)) == {pointer}
    assert installation.execute(sa.select(oauth_clients.c.id)) == []


@pytest.mark.parametrize(
    ("changed", "code"),
    [
        ({"redirect_uris": ["ftp://a.example/"]}, "redirect_uri_invalid"),
        ({"redirect_uris": ["https://a.example/"] * 2}, "value_repeated"),
        ({"backchannel_logout_uri": "https://a.example/#x"}, "backchannel_logout_uri_invalid"),
        ({"backchannel_logout_uri": "http://127.0.0.1/"}, "backchannel_logout_uri_invalid"),
        ({"client_id": "doorward"}, "client_id_reserved"),
        ({"audiences": ["reports"]}, "audience_invalid"),
    ],
)
def test_a_mistake_has_a_code_of_its_own(
    installation: Installation, people: People, changed: dict[str, Any], code: str
) -> None:
    response = installation.call("POST", CLIENTS, people.admin.access, json={**GRAFANA, **changed})
    assert [error["code"] for error in assert_problem(response, 422)["errors"]] == [code]


def test_a_client_id_is_taken_once(installation: Installation, people: People) -> None:
    register(installation, people, **SPA)
    response = installation.call("POST", CLIENTS, people.admin.access, json=SPA)
    assert_problem(response, 409, "client_id_taken")
    # Client ids are case-sensitive, in the API as in requests.
    register(installation, people, **{**SPA, "client_id": "SPA"})


def test_a_change_replaces_what_it_names_and_nothing_else(installation: Installation, people: People) -> None:
    created = register(installation, people, **GRAFANA)
    created.pop("client_secret")
    path = f"{CLIENTS}/{created['id']}"
    before = installation.call("GET", path, people.admin.access)
    changed = {"scopes": ["openid"], "require_pkce": False, "name": "Graphs"}
    headers = {"If-Match": before.headers["etag"]}
    response = installation.call("PATCH", path, people.admin.access, headers=headers, json=changed)
    assert response.status_code == 200, response.text
    after = response.json()
    assert {**created, **changed, "updated_at": after["updated_at"]} == after
    assert response.headers["etag"] != before.headers["etag"]
    stale = installation.call("PATCH", path, people.admin.access, headers=headers, json={"name": "Other"})
    assert_problem(stale, 412, "precondition_failed")
    unchanged = {"If-None-Match": response.headers["etag"]}
    assert installation.call("GET", path, people.admin.access, headers=unchanged).status_code == 304
    wrong: list[dict[str, Any]] = [
        {"name": None},
        {"kind": "public"},
        {"client_id": "x"},
        {"redirect_uris": []},
    ]
    for rejected in wrong:
        assert_problem(installation.call("PATCH", path, people.admin.access, json=rejected), 422)
    assert installation.call("GET", path, people.admin.access).json() == after


def test_one_secret_replaces_another(installation: Installation, people: People) -> None:
    created = register(installation, people, **GRAFANA)
    path = f"{CLIENTS}/{created['id']}/secrets"
    first = created["secrets"][0]["id"]
    last = installation.call("DELETE", f"{path}/{first}", people.admin.access)
    assert_problem(last, 409, "secret_limit")
    response = installation.call("POST", path, people.admin.access)
    assert response.status_code == 201, response.text
    assert response.headers["cache-control"] == "no-store"
    second = response.json()
    assert second["client_secret"] != created["client_secret"]
    assert_problem(installation.call("POST", path, people.admin.access), 409, "secret_limit")
    assert_problem(installation.call("DELETE", f"{path}/{uuid.uuid4()}", people.admin.access), 404)
    assert installation.call("DELETE", f"{path}/{first}", people.admin.access).status_code == 204
    shown = installation.call("GET", f"{CLIENTS}/{created['id']}", people.admin.access).json()["secrets"]
    assert shown == [{"id": second["id"], "created_at": second["created_at"]}]
    assert [found for _, found in stored_secrets(installation)] == [hash_secret(second["client_secret"])]


@pytest.mark.parametrize("act", ["disable", "delete"])
def test_a_client_that_goes_takes_its_sessions_along_and_no_others(
    installation: Installation, people: People, act: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("doorward_auth.oidc.clients.repository.SESSIONS_AT_ONCE", 2)
    created = register(installation, people, **GRAFANA)
    path = f"{CLIENTS}/{created['id']}"
    theirs = [installation.log_in(people.user.email, people.user.password) for _ in range(5)]
    for tokens in theirs:
        installation.execute(
            sessions.update()
            .where(sessions.c.id == session_of(installation, tokens.access))
            .values(oauth_client_id=uuid.UUID(created["id"]))
        )
    if act == "disable":
        response = installation.call("PATCH", path, people.admin.access, json={"disabled": True})
        assert response.json()["disabled"] is True
    else:
        assert installation.call("DELETE", path, people.admin.access).status_code == 204
        assert_problem(installation.call("GET", path, people.admin.access), 404)
        assert stored_secrets(installation) == []
    for tokens in theirs:
        assert_problem(installation.call("GET", f"{AUTH}/me", tokens.access), 401)
        assert_problem(installation.refresh(tokens.refresh), 401)
    assert installation.call("GET", f"{AUTH}/me", people.user.access).status_code == 200
    reasons = sa.select(sessions.c.end_reason).where(sessions.c.end_reason.is_not(None))
    assert installation.execute(reasons) == [("client_removed",)] * 5


def session_of(installation: Installation, access: str) -> uuid.UUID:
    shown = installation.call("GET", f"{AUTH}/verify", access).headers["x-doorward-session"]
    return uuid.UUID(shown)


def test_a_disabled_client_can_be_enabled_again(installation: Installation, people: People) -> None:
    path = f"{CLIENTS}/{register(installation, people, **GRAFANA)['id']}"
    for disabled in (True, True, False, False):
        response = installation.call("PATCH", path, people.admin.access, json={"disabled": disabled})
        assert response.json()["disabled"] is disabled
    versions = installation.execute(sa.select(oauth_clients.c.token_version, oauth_clients.c.disabled_at))
    assert versions == [(1, None)]


def test_a_client_of_a_list_is_changed_in_the_list(installation: Installation, people: People) -> None:
    path = f"{CLIENTS}/{register(installation, people, **GRAFANA)['id']}"
    installation.execute(oauth_clients.update().values(managed_by="chart"))
    for method, sub, body in (
        ("PATCH", "", {"json": {"name": "Other"}}),
        ("DELETE", "", {}),
        ("POST", "/secrets", {}),
        ("DELETE", f"/secrets/{uuid.uuid4()}", {}),
    ):
        response = installation.call(method, path + sub, people.admin.access, **body)
        assert_problem(response, 409, "client_is_managed")
    assert installation.call("GET", path, people.admin.access).json()["managed_by"] == "chart"


def test_what_was_done_is_in_the_audit_log(installation: Installation, people: People) -> None:
    created = register(installation, people, **GRAFANA)
    path = f"{CLIENTS}/{created['id']}"
    installation.call("PATCH", path, people.admin.access, json={"name": "Graphs", "disabled": True})
    installation.call("POST", f"{path}/secrets", people.admin.access)
    installation.call("DELETE", f"{path}/secrets/{created['secrets'][0]['id']}", people.admin.access)
    installation.call("DELETE", path, people.admin.access)
    events = installation.call("GET", f"{AUTH}/audit?actor={people.admin.id}", people.admin.access).json()[
        "items"
    ]
    found = [
        (event["action"], event["details"].get("changed")) for event in events if "client" in event["action"]
    ]
    assert found == [
        ("auth:client:deleted", None),
        ("auth:client_secret:removed", None),
        ("auth:client_secret:added", None),
        ("auth:client:updated", ["disabled", "name"]),
        ("auth:client:created", None),
    ]
    assert all(event["details"]["client"] == "grafana" for event in events if "client" in event["action"])


def test_there_is_a_limit(
    installation: Installation, people: People, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("doorward_auth.oidc.clients.registration.MAX_CLIENTS", 1)
    register(installation, people, **SPA)
    response = installation.call("POST", CLIENTS, people.admin.access, json=GRAFANA)
    assert_problem(response, 409, "too_many_clients")


def test_changes_need_a_recent_login(installation: Installation, people: People) -> None:
    """RFC 9470. Reading needs none, and a proof of the password is enough."""
    created = register(installation, people, **GRAFANA)
    where = f"{CLIENTS}/{created['id']}"
    old = datetime.now(UTC) - timedelta(seconds=901)
    installation.execute(sessions.update().values(auth_time=old))
    refresh = {"refresh_token": people.admin.refresh}
    access = installation.call("POST", f"{AUTH}/refresh-token", json=refresh).json()["access_token"]
    assert installation.call("GET", where, access).status_code == 200
    for method, path, body in (
        ("POST", CLIENTS, SPA),
        ("PATCH", where, {"name": "Dashboards"}),
        ("POST", f"{where}/secrets", None),
        ("DELETE", f"{where}/secrets/{created['secrets'][0]['id']}", None),
        ("DELETE", where, None),
    ):
        rejected = installation.call(method, path, access, **({} if body is None else {"json": body}))
        assert assert_problem(rejected, 401, "insufficient_user_authentication")["max_age"] == 900
        challenge = rejected.headers["www-authenticate"]
        assert 'error="insufficient_user_authentication"' in challenge
        assert 'max_age="900"' in challenge
    assert (
        installation.call("GET", where, access).json()
        == installation.call("GET", where, people.admin.access).json()
    )
    renewed = installation.call("POST", f"{AUTH}/step-up", access, json={"password": PASSWORD}).json()
    assert installation.call("DELETE", where, renewed["access_token"]).status_code == 204
