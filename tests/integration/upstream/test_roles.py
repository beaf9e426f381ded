"""The groups of an upstream give roles at every login, where its settings say so."""

import json
from typing import Any

import pytest
import sqlalchemy as sa
from structlog.testing import capture_logs

from doorward_identity.audit.repository import AuditAction
from doorward_identity.tables import audit_events
from integration.harness.installation import USERS
from integration.harness.people import Person, bootstrap, disable, enrol, sign_in
from integration.harness.problems import assert_problem
from integration.upstream.installation import UPSTREAM
from integration.upstream.redirect_client import VERIFIER, Client, redirect_client

pytestmark = pytest.mark.databases("sqlite")


@pytest.fixture
def client(running_client: Client) -> Client:
    running_client.api.wipe()
    running_client.provider.claims = {}
    return running_client


@pytest.fixture
def admin(client: Client) -> Person:
    bootstrap(client.api, "root@example.com")
    return sign_in(client.api, "root@example.com")


def log_in(client: Client, *groups: str) -> Person:
    return log_in_with(client, {"groups": list(groups)})


def log_in_with(client: Client, claims: dict[str, Any]) -> Person:
    client.provider.claims = claims
    pair = client.redeem(client.code()).json()
    me = client.api.call("GET", f"{USERS}/me", pair["access_token"]).json()
    return Person(me["id"], me["email"], pair["access_token"], pair["refresh_token"])


def role(client: Client, access: str) -> str:
    return str(client.api.call("GET", f"{USERS}/me", access).json()["role"])


def may_read_audit(client: Client, access: str) -> bool:
    """What a token permits: the answer depends on its own role."""
    return client.api.call("GET", "/api/v1/auth/audit", access).status_code == 200


def changes(client: Client) -> list[list[str]]:
    action = audit_events.c.action == AuditAction.UPSTREAM_ROLE_CHANGED.value
    rows = client.api.execute(sa.select(audit_events.c.details).where(action).order_by(audit_events.c.id))
    return [json.loads(details)["role"] for (details,) in rows]


def test_a_role_comes_and_goes_with_the_groups(client: Client) -> None:
    first = log_in(client)
    assert role(client, first.access) == "user"
    second = log_in(client, "auditors")
    assert (second.id, role(client, second.access)) == (first.id, "auditor")
    assert role(client, log_in(client, "auditors", "others").access) == "auditor"
    assert role(client, log_in(client, "others").access) == "user"
    assert changes(client) == [["user", "auditor"], ["auditor", "user"]]


def test_tokens_of_other_sessions_get_the_new_role(client: Client) -> None:
    old = log_in(client, "auditors")
    assert may_read_audit(client, old.access)
    assert not may_read_audit(client, log_in(client).access)
    assert client.api.call("GET", f"{USERS}/me", old.access).status_code == 401
    refreshed = client.api.refresh(old.refresh).json()["access_token"]
    assert role(client, refreshed) == "user"
    assert not may_read_audit(client, refreshed)


def test_a_login_without_the_claim_is_one_without_groups(
    client: Client,
) -> None:
    """Providers leave an empty claim out: a user whom they removed from every group must lose the role."""
    log_in(client, "auditors")
    with capture_logs() as lines:
        assert role(client, log_in_with(client, {}).access) == "user"
    assert "upstream.groups_missing" in {line["event"] for line in lines}


def test_a_login_without_the_claim_keeps_the_role_where_the_settings_say_so(
    tmp_path_factory: pytest.TempPathFactory,
) -> None:
    with redirect_client(tmp_path_factory.mktemp("keep-role"), {"missing_groups": "keep_role"}) as client:
        assert role(client, log_in_with(client, {}).access) == "user"
        log_in(client, "auditors")
        assert role(client, log_in_with(client, {}).access) == "auditor"
        assert role(client, log_in(client).access) == "user"


def test_the_last_administrator_stays_one(client: Client) -> None:
    log_in(client, "admins")
    assert role(client, log_in(client).access) == "admin"
    assert changes(client) == []
    bootstrap(client.api, "root@example.com")
    assert role(client, log_in(client).access) == "user"
    assert changes(client) == [["admin", "user"]]


def test_a_disabled_account_gets_no_role(client: Client, admin: Person) -> None:
    user = log_in(client)
    disable(client.api, admin, user)
    client.provider.claims = {"groups": ["admins"]}
    assert_problem(client.redeem(client.code()), 403, "account_disabled")
    assert changes(client) == []
    assert client.api.call("GET", user.path, admin.access).json()["role"] == "user"


def test_a_link_gives_no_role(client: Client, admin: Person) -> None:
    user = enrol(client.api, admin)
    client.provider.claims = {"groups": ["admins"]}
    body = {"code": client.code(), "code_verifier": VERIFIER}
    assert client.api.call("POST", f"{UPSTREAM}/kc/link", user.access, json=body).status_code == 204
    assert role(client, user.access) == "user"


def test_an_upstream_without_roles_changes_none(tmp_path_factory: pytest.TempPathFactory) -> None:
    without: dict[str, Any] = {"groups": None, "roles": {}}
    with redirect_client(tmp_path_factory.mktemp("no-roles"), without) as client:
        bootstrap(client.api, "root@example.com")
        admin = sign_in(client.api, "root@example.com")
        user = log_in(client, "admins")
        assert role(client, user.access) == "user"
        promoted = client.api.call("PATCH", user.path, admin.access, json={"role": "auditor"})
        assert promoted.status_code == 200
        assert role(client, log_in(client, "admins").access) == "auditor"
