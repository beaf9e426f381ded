"""The whole story of people who live at another identity API: they register, log in, act, and leave."""

import base64
import json
from typing import Any

import pytest
import sqlalchemy as sa

from doorward_identity.audit.repository import AuditAction
from doorward_identity.tables import audit_events, metadata
from integration.harness.installation import AUTH, CLIENT, TICKETS, USERS
from integration.harness.people import bootstrap, sign_in
from integration.harness.problems import assert_problem
from integration.upstream.installation import SECRET, UPSTREAM, UpstreamSetup
from support.images import png

pytestmark = pytest.mark.databases("sqlite")


@pytest.fixture
def setup(running_setup: UpstreamSetup) -> UpstreamSetup:
    running_setup.api.wipe()
    running_setup.example.will("ok")
    return running_setup


def claims_of(token: str) -> dict[str, Any]:
    payload = token.split(".")[1]
    claims: dict[str, Any] = json.loads(base64.urlsafe_b64decode(payload + "=" * (-len(payload) % 4)))
    return claims


def fresh_email(setup: UpstreamSetup) -> str:
    return f"ada{sum(setup.example.requests().values())}@example.com"


def test_a_person_registers_with_a_picture_and_acts_as_any_other(setup: UpstreamSetup) -> None:
    email = fresh_email(setup)
    response = setup.register(email, image=png(40, 40))
    assert response.status_code == 201, response.text
    pair = response.json()
    me = setup.api.call("GET", f"{USERS}/me", pair["access_token"]).json()
    assert (me["email"], me["email_verified"], me["name"], me["role"]) == (email, False, "Ada", "user")
    picture = setup.api.call("GET", me["picture"], pair["access_token"])
    assert (picture.status_code, picture.headers["content-type"]) == (200, "image/webp")
    ticket = setup.api.call(
        "POST", TICKETS, pair["access_token"], json={"subject": "Printer", "body": "It smokes."}
    )
    assert ticket.status_code == 201, ticket.text
    assert setup.api.call("POST", f"{AUTH}/logout", pair["access_token"]).status_code == 204
    assert setup.api.call("GET", f"{USERS}/me", pair["access_token"]).status_code == 401
    again = setup.log_in(email)
    assert again.status_code == 200, again.text
    assert claims_of(again.json()["access_token"])["sub"] == claims_of(pair["access_token"])["sub"]


def test_the_custom_payload_survives_refreshes(setup: UpstreamSetup) -> None:
    pair = setup.register(fresh_email(setup)).json()
    claims = claims_of(pair["access_token"])
    assert claims["ext"] == {"plan": "free"}
    assert claims["amr"] == ["fed"]
    for _ in range(3):
        pair = setup.api.refresh(pair["refresh_token"]).json()
        assert claims_of(pair["access_token"])["ext"] == {"plan": "free"}
    caller = setup.api.call("GET", f"{AUTH}/me", pair["access_token"]).json()
    assert caller["ext"] == {"plan": "free"}


def test_a_fresh_access_token_of_the_upstream_is_for_its_user_and_for_services(setup: UpstreamSetup) -> None:
    pair = setup.register(fresh_email(setup)).json()
    me = claims_of(pair["access_token"])["sub"]
    own = setup.api.call("GET", f"{UPSTREAM}/theapi/token", pair["access_token"]).json()
    assert own["token_type"] == "Bearer"
    assert 0 < own["expires_in"] <= 60
    assert "refresh_token" not in own
    basic = {"Authorization": "Basic " + base64.b64encode(":".join(CLIENT).encode()).decode()}
    service = setup.api.call("GET", f"{UPSTREAM}/theapi/token", headers=basic, params={"subject": me})
    assert service.json()["access_token"] == own["access_token"]
    read = sa.select(audit_events.c.target_id, audit_events.c.details).where(
        audit_events.c.action == AuditAction.UPSTREAM_TOKEN_READ.value
    )
    recorded = [(str(target), json.loads(details)) for target, details in setup.api.execute(read)]
    assert recorded == [(me, {"provider": "theapi", "by": by}) for by in (me, CLIENT[0])]
    nobody = setup.api.call("GET", f"{UPSTREAM}/theapi/token", headers=basic)
    assert_problem(nobody, 422, "validation_error")
    other_user = setup.register(fresh_email(setup)).json()["access_token"]
    foreign = setup.api.call("GET", f"{UPSTREAM}/theapi/token", other_user, params={"subject": me})
    assert_problem(foreign, 422, "validation_error")


def test_links_are_listed_and_removed(setup: UpstreamSetup) -> None:
    bootstrap(setup.api, "admin@example.com")
    admin = sign_in(setup.api, "admin@example.com")
    email = fresh_email(setup)
    only = setup.register(email).json()["access_token"]
    listed = setup.api.call("GET", UPSTREAM, only).json()
    assert listed["providers"] == ["theapi"]
    assert [(item["provider"], item["username"], item["state"]) for item in listed["items"]] == [
        ("theapi", email, "active")
    ]
    assert_problem(setup.api.call("DELETE", f"{UPSTREAM}/theapi", only), 409, "only_sign_in")
    body = {"email": email, "password": SECRET}
    linked = setup.api.call("POST", f"{UPSTREAM}/theapi/link", admin.access, json=body)
    assert_problem(linked, 409, "upstream_already_linked")


def test_a_signed_in_person_links_an_upstream_and_logs_in_by_it(setup: UpstreamSetup) -> None:
    bootstrap(setup.api, "admin@example.com")
    admin = sign_in(setup.api, "admin@example.com")
    email = fresh_email(setup)
    setup.register(email)
    setup.api.wipe()  # the account stays at the upstream
    bootstrap(setup.api, "admin@example.com")
    admin = sign_in(setup.api, "admin@example.com")
    body = {"email": email, "password": SECRET}
    assert setup.api.call("POST", f"{UPSTREAM}/theapi/link", admin.access, json=body).status_code == 204
    pair = setup.log_in(email).json()
    assert claims_of(pair["access_token"])["sub"] == admin.id
    assert setup.api.call("DELETE", f"{UPSTREAM}/theapi", admin.access).status_code == 204
    assert setup.api.call("GET", UPSTREAM, admin.access).json()["items"] == []
    assert setup.api.call("GET", f"{UPSTREAM}/theapi/token", admin.access).status_code == 404


def test_an_address_at_the_upstream_opens_no_account_here(setup: UpstreamSetup) -> None:
    """Another user who registers a victim's address there gets an account of their own here."""
    bootstrap(setup.api, "admin@example.com")
    victim = sign_in(setup.api, "admin@example.com")
    other_user = setup.register("admin@example.com").json()
    assert claims_of(other_user["access_token"])["sub"] != victim.id
    assert claims_of(other_user["access_token"])["role"] == "user"
    assert setup.api.log_in("admin@example.com", victim.password).access


def test_another_users_account_does_not_reserve_an_address(setup: UpstreamSetup) -> None:
    setup.register("eve@example.com")
    body = {"email": "eve@example.com", "password": SECRET, "name": "The owner"}
    answer = setup.api.call("POST", f"{AUTH}/register", json=body)
    assert answer.status_code == 202, answer.text


def test_no_token_of_the_upstream_is_in_the_database_in_clear(setup: UpstreamSetup) -> None:
    pair = setup.register(fresh_email(setup)).json()
    token = setup.api.call("GET", f"{UPSTREAM}/theapi/token", pair["access_token"]).json()["access_token"]
    for table in metadata.sorted_tables:
        for row in setup.api.execute(sa.select(table)):
            assert token.encode() not in b"".join(
                value if isinstance(value, bytes) else str(value).encode() for value in row
            )
