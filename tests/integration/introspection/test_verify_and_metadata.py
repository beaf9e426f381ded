"""Verification for proxies, and the public metadata and keys."""

import json
from pathlib import Path

import pytest
from pydantic import SecretStr
from starlette.testclient import TestClient

from doorward_auth.main import create_app
from doorward_client.keys.key_set import ES256, HS256
from doorward_kit.key_rotation import new_jwk
from integration.harness.installation import AUTH, Installation, auth_settings
from integration.harness.people import People, enrol
from integration.harness.problems import assert_problem

pytestmark = pytest.mark.databases("sqlite")


def test_verify_returns_the_caller_to_a_proxy(installation: Installation, people: People) -> None:
    response = installation.call("GET", f"{AUTH}/verify", people.user.access)
    assert response.status_code == 204
    assert response.content == b""
    assert response.headers["x-doorward-user"] == people.user.id
    assert response.headers["x-doorward-role"] == "user"
    assert response.headers["x-doorward-session"]
    assert response.headers["cache-control"] == "no-store"


def test_verify_can_require_a_role(installation: Installation, people: People) -> None:
    assert installation.call("GET", f"{AUTH}/verify?role=admin", people.admin.access).status_code == 204
    rejected = installation.call("GET", f"{AUTH}/verify?role=admin", people.user.access)
    assert assert_problem(rejected, 403)["code"] == "insufficient_permission"
    assert rejected.json()["required"] == "role:admin"
    assert "x-doorward-user" not in rejected.headers
    assert installation.call("GET", f"{AUTH}/verify?role=user", people.user.access).status_code == 204
    # An administrator does not have the role `user`, because roles are compared exactly.
    assert_problem(installation.call("GET", f"{AUTH}/verify?role=user", people.admin.access), 403)
    for both in ("?role=admin&role=user", "?role=user&role=admin"):
        assert_problem(installation.call("GET", f"{AUTH}/verify{both}", people.user.access), 403)
    # No user has a role that this release does not know.
    assert_problem(installation.call("GET", f"{AUTH}/verify?role=sorcerer", people.admin.access), 403)
    for typo in ("?role=Admin", "?role="):
        assert_problem(installation.call("GET", f"{AUTH}/verify{typo}", people.user.access), 422)


def test_verify_can_require_a_permission(installation: Installation, people: People) -> None:
    asked = f"{AUTH}/verify?permission=audit:read"
    auditor = enrol(installation, people.admin, role="auditor")
    assert installation.call("GET", asked, people.admin.access).status_code == 204
    assert installation.call("GET", asked, auditor.access).status_code == 204
    rejected = assert_problem(installation.call("GET", asked, people.user.access), 403)
    assert (rejected["code"], rejected["required"]) == ("insufficient_permission", "audit:read")
    both = f"{asked}&permission=users:write"
    assert_problem(installation.call("GET", both, auditor.access), 403)
    assert_problem(installation.call("GET", f"{AUTH}/verify?permission=audit", people.admin.access), 422)


def test_verify_without_a_valid_token_returns_a_challenge(installation: Installation, people: People) -> None:
    for path in ("/verify", "/verify?role=admin"):
        response = installation.call("GET", AUTH + path)
        assert assert_problem(response, 401)["code"] == "not_authenticated"
        assert response.headers["www-authenticate"] == 'Bearer realm="doorward"'
        assert_problem(installation.call("GET", AUTH + path, "garbage"), 401)
    assert installation.call("POST", f"{AUTH}/logout", people.user.access).status_code == 204
    assert_problem(installation.call("GET", f"{AUTH}/verify", people.user.access), 401)


def auth_with(key_set: list[dict[str, object]], tmp_path: Path, **overrides: object) -> TestClient:
    keys = {"secret_key": None, "jwks": SecretStr(json.dumps({"keys": key_set}))}
    return TestClient(create_app(auth_settings(f"sqlite:///{tmp_path}/empty.db", **keys, **overrides)))


def test_jwks_contains_public_keys_and_no_secret(tmp_path: Path) -> None:
    old, new = new_jwk(ES256), new_jwk(ES256, activate_at=4_000_000_000)
    client = auth_with([old, new, new_jwk(HS256), {**new_jwk(ES256), "retire_at": 1}], tmp_path)
    response = client.get(f"{AUTH}/jwks.json")
    published = {key["kid"]: key for key in response.json()["keys"]}
    assert published.keys() == {old["kid"], new["kid"]}  # the next key is published before it signs
    for key in published.values():
        assert key.keys() == {"kty", "crv", "x", "y", "alg", "use", "kid"}
    again = client.get(f"{AUTH}/jwks.json", headers={"If-None-Match": response.headers["etag"]})
    assert again.status_code == 304
    assert client.get(f"{AUTH}/jwks.json", headers={"If-None-Match": '"other"'}).status_code == 200
