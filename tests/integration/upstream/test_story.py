"""The whole story of people who live at another identity API: they register, log in, act, and leave."""

import base64
import json
from collections.abc import Iterator
from typing import Any

import pytest
import sqlalchemy as sa

from doorward_identity.audit.repository import AuditAction
from doorward_identity.tables import audit_events, metadata
from integration.harness.installation import AUTH, CLIENT, TICKETS, USERS
from integration.harness.people import bootstrap, sign_in
from integration.harness.problems import assert_problem
from integration.upstream.installation import SECRET, UPSTREAM, Scene, installed
from support.example_upstream import ExampleUpstream
from support.images import png

pytestmark = pytest.mark.databases("sqlite")


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Scene]:
    folder = tmp_path_factory.mktemp("upstream")
    with ExampleUpstream(folder) as example, installed(folder, example) as scene:
        yield scene


@pytest.fixture
def scene(running: Scene) -> Scene:
    running.api.wipe()
    running.example.will("ok")
    return running


def claims_of(token: str) -> dict[str, Any]:
    payload = token.split(".")[1]
    claims: dict[str, Any] = json.loads(base64.urlsafe_b64decode(payload + "=" * (-len(payload) % 4)))
    return claims


def fresh_email(scene: Scene) -> str:
    return f"ada{sum(scene.example.requests().values())}@example.com"


def test_a_person_registers_with_a_picture_and_acts_as_any_other(scene: Scene) -> None:
    email = fresh_email(scene)
    response = scene.register(email, image=png(40, 40))
    assert response.status_code == 201, response.text
    pair = response.json()
    me = scene.api.call("GET", f"{USERS}/me", pair["access_token"]).json()
    assert (me["email"], me["email_verified"], me["name"], me["role"]) == (email, False, "Ada", "user")
    picture = scene.api.call("GET", me["picture"], pair["access_token"])
    assert (picture.status_code, picture.headers["content-type"]) == (200, "image/webp")
    ticket = scene.api.call(
        "POST", TICKETS, pair["access_token"], json={"subject": "Printer", "body": "It smokes."}
    )
    assert ticket.status_code == 201, ticket.text
    assert scene.api.call("POST", f"{AUTH}/logout", pair["access_token"]).status_code == 204
    assert scene.api.call("GET", f"{USERS}/me", pair["access_token"]).status_code == 401
    again = scene.log_in(email)
    assert again.status_code == 200, again.text
    assert claims_of(again.json()["access_token"])["sub"] == claims_of(pair["access_token"])["sub"]


def test_the_custom_payload_survives_refreshes(scene: Scene) -> None:
    pair = scene.register(fresh_email(scene)).json()
    claims = claims_of(pair["access_token"])
    assert claims["ext"] == {"plan": "free"}
    assert claims["amr"] == ["fed"]
    for _ in range(3):
        pair = scene.api.refresh(pair["refresh_token"]).json()
        assert claims_of(pair["access_token"])["ext"] == {"plan": "free"}
    caller = scene.api.call("GET", f"{AUTH}/me", pair["access_token"]).json()
    assert caller["ext"] == {"plan": "free"}


def test_a_fresh_access_token_of_the_upstream_is_for_its_user_and_for_services(scene: Scene) -> None:
    pair = scene.register(fresh_email(scene)).json()
    me = claims_of(pair["access_token"])["sub"]
    own = scene.api.call("GET", f"{UPSTREAM}/theapi/token", pair["access_token"]).json()
    assert own["token_type"] == "Bearer"
    assert 0 < own["expires_in"] <= 60
    assert "refresh_token" not in own
    basic = {"Authorization": "Basic " + base64.b64encode(":".join(CLIENT).encode()).decode()}
    service = scene.api.call("GET", f"{UPSTREAM}/theapi/token", headers=basic, params={"subject": me})
    assert service.json()["access_token"] == own["access_token"]
    read = sa.select(audit_events.c.target_id, audit_events.c.details).where(
        audit_events.c.action == AuditAction.UPSTREAM_TOKEN_READ.value
    )
    recorded = [(str(target), json.loads(details)) for target, details in scene.api.execute(read)]
    assert recorded == [(me, {"provider": "theapi", "by": by}) for by in (me, CLIENT[0])]
    nobody = scene.api.call("GET", f"{UPSTREAM}/theapi/token", headers=basic)
    assert_problem(nobody, 422, "validation_error")
    stranger = scene.register(fresh_email(scene)).json()["access_token"]
    foreign = scene.api.call("GET", f"{UPSTREAM}/theapi/token", stranger, params={"subject": me})
    assert_problem(foreign, 422, "validation_error")


def test_links_are_listed_and_removed(scene: Scene) -> None:
    bootstrap(scene.api, "admin@example.com")
    admin = sign_in(scene.api, "admin@example.com")
    email = fresh_email(scene)
    only = scene.register(email).json()["access_token"]
    listed = scene.api.call("GET", UPSTREAM, only).json()
    assert listed["providers"] == ["theapi"]
    assert [(one["provider"], one["username"], one["state"]) for one in listed["items"]] == [
        ("theapi", email, "active")
    ]
    assert_problem(scene.api.call("DELETE", f"{UPSTREAM}/theapi", only), 409, "only_sign_in")
    body = {"email": email, "password": SECRET}
    linked = scene.api.call("POST", f"{UPSTREAM}/theapi/link", admin.access, json=body)
    assert_problem(linked, 409, "upstream_already_linked")


def test_a_signed_in_person_links_an_upstream_and_logs_in_by_it(scene: Scene) -> None:
    bootstrap(scene.api, "admin@example.com")
    admin = sign_in(scene.api, "admin@example.com")
    email = fresh_email(scene)
    scene.register(email)
    scene.api.wipe()  # the account stays at the upstream
    bootstrap(scene.api, "admin@example.com")
    admin = sign_in(scene.api, "admin@example.com")
    body = {"email": email, "password": SECRET}
    assert scene.api.call("POST", f"{UPSTREAM}/theapi/link", admin.access, json=body).status_code == 204
    pair = scene.log_in(email).json()
    assert claims_of(pair["access_token"])["sub"] == admin.id
    assert scene.api.call("DELETE", f"{UPSTREAM}/theapi", admin.access).status_code == 204
    assert scene.api.call("GET", UPSTREAM, admin.access).json()["items"] == []
    assert scene.api.call("GET", f"{UPSTREAM}/theapi/token", admin.access).status_code == 404


def test_an_address_at_the_upstream_opens_no_account_here(scene: Scene) -> None:
    """A stranger who registers a victim's address there gets an account of their own here."""
    bootstrap(scene.api, "admin@example.com")
    victim = sign_in(scene.api, "admin@example.com")
    stranger = scene.register("admin@example.com").json()
    assert claims_of(stranger["access_token"])["sub"] != victim.id
    assert claims_of(stranger["access_token"])["role"] == "user"
    assert scene.api.log_in("admin@example.com", victim.password).access


def test_a_strangers_account_does_not_reserve_an_address(scene: Scene) -> None:
    scene.register("eve@example.com")
    body = {"email": "eve@example.com", "password": SECRET, "name": "The owner"}
    answer = scene.api.call("POST", f"{AUTH}/register", json=body)
    assert answer.status_code == 202, answer.text


def test_no_token_of_the_upstream_is_in_the_database_in_clear(scene: Scene) -> None:
    pair = scene.register(fresh_email(scene)).json()
    token = scene.api.call("GET", f"{UPSTREAM}/theapi/token", pair["access_token"]).json()["access_token"]
    for table in metadata.sorted_tables:
        for row in scene.api.execute(sa.select(table)):
            assert token.encode() not in b"".join(
                value if isinstance(value, bytes) else str(value).encode() for value in row
            )
