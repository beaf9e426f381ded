"""Discovery: one document that says what is there, and the keys of both sets."""

import json
from pathlib import Path
from typing import Any

import pytest
from pydantic import SecretStr
from starlette.testclient import TestClient

from doorward_auth.main import create_app
from doorward_client.keys.key_set import ES256, HS256, RS256, KeySet
from doorward_kit.key_rotation import new_jwk
from integration.harness.installation import auth_settings
from integration.harness.problems import assert_problem

ORIGIN = "https://id.example.com"
ISSUER = f"{ORIGIN}/api/v1/auth"
ADDRESSES = (
    "/api/v1/auth/.well-known/openid-configuration",
    "/api/v1/auth/.well-known/oauth-authorization-server",
    "/.well-known/oauth-authorization-server/api/v1/auth",
)
RSA, EC, NEXT = new_jwk(RS256), new_jwk(ES256), new_jwk(RS256, activate_at=4_000_000_000)


def auth(folder: Path, *main_keys: dict[str, Any], **overrides: object) -> TestClient:
    path = folder / "oidc.json"
    path.write_text(json.dumps({"keys": [RSA, EC, NEXT, {**new_jwk(RS256), "retire_at": 1}]}))
    keys = {"secret_key": None, "jwks": SecretStr(json.dumps({"keys": main_keys or [new_jwk(HS256)]}))}
    on = {"public_url": ORIGIN, "issuer": ISSUER, "oidc_jwks_file": path}
    return TestClient(create_app(auth_settings(f"sqlite:///{folder}/empty.db", **keys | on | overrides)))


@pytest.mark.parametrize("address", ADDRESSES)
def test_one_document_describes_the_provider_exactly(tmp_path: Path, address: str) -> None:
    assert auth(tmp_path).get(address).json() == {
        "issuer": ISSUER,
        "authorization_endpoint": f"{ISSUER}/authorize",
        "token_endpoint": f"{ISSUER}/token",
        "userinfo_endpoint": f"{ISSUER}/userinfo",
        "jwks_uri": f"{ISSUER}/jwks.json",
        "end_session_endpoint": f"{ISSUER}/end-session",
        "revocation_endpoint": f"{ISSUER}/revoke",
        "introspection_endpoint": f"{ISSUER}/introspect",
        "scopes_supported": ["openid", "profile", "email", "groups", "offline_access"],
        "response_types_supported": ["code"],
        "response_modes_supported": ["query"],
        "grant_types_supported": ["authorization_code", "refresh_token", "client_credentials"],
        "subject_types_supported": ["public"],
        "id_token_signing_alg_values_supported": ["RS256", "ES256"],
        "token_endpoint_auth_methods_supported": ["client_secret_basic", "client_secret_post", "none"],
        "revocation_endpoint_auth_methods_supported": ["client_secret_basic", "client_secret_post", "none"],
        "introspection_endpoint_auth_methods_supported": ["client_secret_basic", "client_secret_post"],
        "code_challenge_methods_supported": ["S256"],
        "prompt_values_supported": ["none", "login", "consent", "select_account"],
        "acr_values_supported": ["aal1"],
        "claims_supported": [
            *("iss", "sub", "aud", "exp", "iat", "auth_time", "acr", "amr", "nonce", "at_hash", "sid"),
            *("name", "preferred_username", "email", "email_verified", "groups"),
        ],
        "authorization_response_iss_parameter_supported": True,
        "backchannel_logout_supported": True,
        "backchannel_logout_session_supported": True,
        "claims_parameter_supported": False,
        "request_parameter_supported": False,
        "request_uri_parameter_supported": False,
        "require_request_uri_registration": False,
    }


def test_the_keys_of_both_sets_are_published_and_no_secret(tmp_path: Path) -> None:
    main = new_jwk(ES256)
    client = auth(tmp_path, main, new_jwk(HS256))
    response = client.get("/api/v1/auth/jwks.json")
    published = {key["kid"]: key for key in response.json()["keys"]}
    # The next key is published before it signs, a retired one no more.
    assert published.keys() == {main["kid"], RSA["kid"], EC["kid"], NEXT["kid"]}
    assert published[RSA["kid"]] == {name: RSA[name] for name in ("kty", "n", "e", "alg", "use", "kid")}
    assert published[EC["kid"]] == {name: EC[name] for name in ("kty", "crv", "x", "y", "alg", "use", "kid")}
    assert KeySet.parse_published(response.content).keys.keys() == published.keys()
    headers = {"If-None-Match": response.headers["etag"]}
    assert client.get("/api/v1/auth/jwks.json", headers=headers).status_code == 304


@pytest.mark.parametrize("address", ADDRESSES)
@pytest.mark.parametrize("missing", ["public_url", "oidc_jwks_file"])
def test_without_a_setting_there_is_no_provider(tmp_path: Path, address: str, missing: str) -> None:
    off = {missing: None} | ({"issuer": "doorward"} if missing == "public_url" else {})
    client = auth(tmp_path, **off)
    problem = assert_problem(client.get(address), 404)
    assert problem["code"] == "oidc_not_configured"
    assert f"DOORWARD_{missing.upper()}" in problem["detail"]
    assert client.get("/api/v1/auth/jwks.json").json() == {"keys": []}
