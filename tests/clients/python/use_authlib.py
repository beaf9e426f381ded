"""Authlib: sign-in with a browser, grants, errors, introspection, revocation, and the server's metadata."""

import secrets
from urllib.parse import urlencode

from authlib.integrations.base_client import OAuthError
from authlib.integrations.requests_client import OAuth2Session
from authlib.oidc.core import CodeIDToken
from installation import (
    APPLICATION,
    AUTH,
    CLIENT_ID,
    CLIENT_SECRET,
    EMAIL,
    PASSWORD,
    SERVICE_ID,
    SERVICE_SECRET,
    URL,
    report,
    visit,
)
from joserfc import jwt
from joserfc.jwk import KeySet

TOKEN = f"{AUTH}/token"


def error_of(session: OAuth2Session, **parameters: str) -> str:
    try:
        session.fetch_token(TOKEN, **parameters)
    except OAuthError as error:
        return str(error.error) if error.description else "no description"
    raise AssertionError("no error")


def claims_of(id_token: str, keys: KeySet, nonce: str) -> CodeIDToken:
    """Verify an ID token as OpenID Connect Core section 3.1.3.7 says."""
    claims = CodeIDToken(
        jwt.decode(id_token, keys, algorithms=["RS256"]).claims,
        {},
        {"iss": {"essential": True, "value": AUTH}, "aud": {"essential": True, "value": CLIENT_ID}},
        {"nonce": nonce, "client_id": CLIENT_ID},
    )
    claims.validate()
    return claims


def sign_in_and_out() -> None:
    """The way of an application's user: code with PKCE, userinfo, refresh, sign-out."""
    app = OAuth2Session(
        CLIENT_ID,
        CLIENT_SECRET,
        scope="openid profile email",
        redirect_uri=f"{APPLICATION}/signed-in",
        code_challenge_method="S256",
        token_endpoint_auth_method="client_secret_basic",
    )
    verifier, nonce = secrets.token_urlsafe(48), secrets.token_urlsafe(16)
    url, state = app.create_authorization_url(f"{AUTH}/authorize", code_verifier=verifier, nonce=nonce)
    token = app.fetch_token(TOKEN, authorization_response=visit(url), state=state, code_verifier=verifier)
    keys = KeySet.import_key_set(app.get(f"{AUTH}/jwks.json", withhold_token=True).json())
    claims = claims_of(token["id_token"], keys, nonce)
    assert claims["email"] == EMAIL
    renewed = app.refresh_token(TOKEN)
    profile = app.get(f"{AUTH}/userinfo").json()
    assert (profile["sub"], profile["email"]) == (claims["sub"], EMAIL)
    query = {
        "id_token_hint": renewed["id_token"],
        "post_logout_redirect_uri": f"{APPLICATION}/signed-out",
        "state": "left",
    }
    assert visit(f"{AUTH}/end-session?{urlencode(query)}") == f"{APPLICATION}/signed-out?state=left"
    assert (
        error_of(app, grant_type="refresh_token", refresh_token=renewed["refresh_token"]) == "invalid_grant"
    )


sign_in_and_out()
person = OAuth2Session(token_endpoint_auth_method="none")
described = f"{URL}/.well-known/oauth-authorization-server/api/v1/auth"
metadata = person.request("GET", described, withhold_token=True)
assert metadata.json()["token_endpoint"] == TOKEN, metadata.text

first = person.fetch_token(TOKEN, grant_type="password", username=EMAIL, password=PASSWORD)
assert first["token_type"] == "Bearer"
assert person.get(f"{AUTH}/me").json()["role"] == "admin"
second = person.refresh_token(TOKEN, refresh_token=first["refresh_token"])
assert second["refresh_token"] != first["refresh_token"]
assert person.get(f"{AUTH}/me").status_code == 200

assert error_of(person, grant_type="password", username=EMAIL, password="wrong") == "invalid_grant"
assert error_of(person, grant_type="refresh_token", refresh_token="wrong") == "invalid_grant"
assert error_of(person, grant_type="password", username=EMAIL) == "invalid_request"
assert error_of(person, grant_type="urn:example:unknown") == "unsupported_grant_type"

service = OAuth2Session(SERVICE_ID, SERVICE_SECRET, token_endpoint_auth_method="client_secret_basic")
active = service.introspect_token(f"{AUTH}/introspect", token=second["access_token"]).json()
assert (active["active"], active["role"]) == (True, "admin"), active
assert service.introspect_token(f"{AUTH}/introspect", token="wrong").json() == {"active": False}
with_wrong_secret = OAuth2Session(SERVICE_ID, "wrong", token_endpoint_auth_method="client_secret_basic")
rejected = with_wrong_secret.introspect_token(f"{AUTH}/introspect", token="wrong")
assert (rejected.status_code, rejected.json()["error"]) == (401, "invalid_client")
assert service.revoke_token(f"{AUTH}/revoke", token=second["refresh_token"]).status_code == 200
assert service.revoke_token(f"{AUTH}/revoke", token="wrong").status_code == 200
ended = service.introspect_token(f"{AUTH}/introspect", token=second["refresh_token"]).json()
assert ended == {"active": False}
assert error_of(person, grant_type="refresh_token", refresh_token=second["refresh_token"]) == "invalid_grant"

report(
    "authlib",
    "metadata",
    "code with PKCE, nonce and state",
    "userinfo",
    "sign-out",
    "password grant",
    "refresh",
    "errors",
    "introspection",
    "revocation",
)
