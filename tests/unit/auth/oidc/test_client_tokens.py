"""Tokens of registered clients, read by a library that shares no code with the one that signs them."""

import json
import time
import uuid
from datetime import UTC, datetime
from typing import Any

import jwt
import pytest

from doorward_auth.authentication import Authentication
from doorward_auth.oidc.clients.client import IdTokenAlgorithm
from doorward_auth.oidc.id_token_hints import IdTokenHint, read_hint
from doorward_auth.oidc.signing import (
    USER_ROLE,
    ClientAccessToken,
    ClientTokenSigner,
    IdToken,
)
from doorward_client import base64url
from doorward_client.keys.key_set import ES256, HS256, RS256, KeySet
from doorward_client.keys.key_store import KeyStore, NoSigningKeyError
from doorward_client.tokens import MAX_TOKEN_LENGTH, InvalidTokenError, Verifier
from doorward_kit.key_rotation import jwk_of_secret, new_jwk

ISSUER = "https://id.example.com/api/v1/auth"
REPORTS = "https://reports.example.com"
DOCUMENT = {"keys": [new_jwk(RS256), new_jwk(ES256)]}
USER, SESSION = uuid.UUID(int=7), uuid.UUID(int=8)
AUTHENTICATION = Authentication(
    auth_time=datetime.fromtimestamp(1_800_000_000, UTC), acr="aal2", amr="pwd otp mfa"
)
ALGORITHMS = pytest.mark.parametrize("algorithm", list(IdTokenAlgorithm))


def keys(document: dict[str, Any] = DOCUMENT) -> KeyStore:
    return KeyStore(KeySet.parse(json.dumps(document)))


def signer(document: dict[str, Any] = DOCUMENT) -> ClientTokenSigner:
    return ClientTokenSigner(keys(document), issuer=ISSUER, lifetime=300)


def id_token(**changed: Any) -> IdToken:
    values: dict[str, Any] = {
        "user_id": USER,
        "client_id": "grafana",
        "session_id": SESSION,
        "authentication": AUTHENTICATION,
    }
    return IdToken(**values | changed)


def access_token(**changed: Any) -> ClientAccessToken:
    values: dict[str, Any] = {
        "subject_id": USER,
        "session_id": SESSION,
        "client_id": "grafana",
        "audience": REPORTS,
        "scope": "openid reports",
        "role": USER_ROLE,
        "token_version": 3,
        "authentication": AUTHENTICATION,
    }
    return ClientAccessToken(**values | changed)


def read(token: str, audience: str, algorithm: str) -> dict[str, Any]:
    """Verify as a client does that knows the published keys alone."""
    published = [key.public_jwk for key in keys().verification_keys.values()]
    found = jwt.PyJWKSet.from_dict({"keys": published})[jwt.get_unverified_header(token)["kid"]]
    claims: dict[str, Any] = jwt.decode(
        token, found, algorithms=[algorithm], audience=audience, issuer=ISSUER, options={"require": ["exp"]}
    )
    return claims


@ALGORITHMS
def test_an_id_token_says_who_signed_in_where_when_and_how(algorithm: IdTokenAlgorithm) -> None:
    access = signer().access_token(access_token(), algorithm)
    profile = {"email": "ada@example.com", "email_verified": True, "groups": ["ops"], "name": None}
    token = signer().id_token(id_token(nonce="n-1", access_token=access, profile=profile), algorithm)
    claims = read(token, "grafana", algorithm)
    assert abs(claims["iat"] - time.time()) < 30
    assert claims == {
        "iss": ISSUER,
        "aud": "grafana",
        "sub": str(USER),
        "sid": str(SESSION),
        "iat": claims["iat"],
        "exp": claims["iat"] + 300,
        "auth_time": 1_800_000_000,
        "acr": "aal2",
        "amr": ["pwd", "otp", "mfa"],
        "nonce": "n-1",
        "at_hash": claims["at_hash"],
        "email": "ada@example.com",
        "email_verified": True,
        "groups": ["ops"],
    }
    header = jwt.get_unverified_header(token)
    assert header.keys() == {"alg", "kid", "typ"}
    assert (header["typ"], header["alg"]) == ("JWT", algorithm)


def test_at_hash_is_that_of_the_specification() -> None:
    # The access token and its hash in OpenID Connect Core, appendix A.3.
    example = "jHkWEdUXMU1BwAsC4vtUsZwnNvTIxEl0z9K3vx5KF0Y"
    token = signer().id_token(id_token(access_token=example), IdTokenAlgorithm.RS256)
    assert read(token, "grafana", RS256)["at_hash"] == "77QmUPtjPfzWtF2AnpK9RQ"


def test_a_claim_about_the_user_never_replaces_one_of_the_issuer() -> None:
    forged = {"iss": "https://evil.example", "aud": "other", "sub": "other", "exp": 1, "sid": "other"}
    claims = read(signer().id_token(id_token(profile=forged), IdTokenAlgorithm.ES256), "grafana", ES256)
    assert (claims["sub"], claims["sid"]) == (str(USER), str(SESSION))


@ALGORITHMS
def test_an_access_token_is_good_for_its_audience_alone(algorithm: IdTokenAlgorithm) -> None:
    token = signer().access_token(access_token(groups=["ops"]), algorithm)
    claims = read(token, REPORTS, algorithm)
    assert claims.keys() == {
        *("iss", "aud", "sub", "sid", "jti", "iat", "exp", "client_id", "scope", "role"),
        *("token_version", "auth_time", "acr", "amr", "groups"),
    }
    assert (claims["client_id"], claims["scope"], claims["role"]) == ("grafana", "openid reports", "user")
    verified = Verifier(keys(), issuer=ISSUER, audience=REPORTS).verify(token)
    assert (verified.user_id, verified.session_id, verified.permissions) == (USER, SESSION, frozenset())
    assert not verified.covers_account
    with pytest.raises(InvalidTokenError, match="wrong_audience"):
        Verifier(keys(), issuer=ISSUER, audience="doorward").verify(token)


def test_an_access_token_without_scope_or_user_has_no_such_claims() -> None:
    token = access_token(scope="", authentication=None, role="service")
    claims = read(signer().access_token(token, IdTokenAlgorithm.ES256), REPORTS, ES256)
    assert claims.keys().isdisjoint({"scope", "auth_time", "acr", "amr", "groups"})


def test_of_more_than_fifty_groups_a_token_has_fifty_and_says_so() -> None:
    names = [f"g{number}" for number in range(51)]
    for count, of_more in ((50, {}), (51, {"groups_overage": True})):
        token = signer().access_token(access_token(groups=names[:count]), IdTokenAlgorithm.ES256)
        claims = read(token, REPORTS, ES256)
        found = {name: claims[name] for name in claims if name.startswith("groups")}
        assert found == {"groups": names[:50], **of_more}


def test_groups_that_would_make_a_token_too_long_are_left_out() -> None:
    few, many = ["ops"] * 50, [f"{number:064}" for number in range(50)]
    fits = signer().access_token(access_token(groups=few), IdTokenAlgorithm.RS256)
    assert read(fits, REPORTS, RS256)["groups"] == few
    token = signer().access_token(access_token(groups=many), IdTokenAlgorithm.RS256)
    claims = read(token, REPORTS, RS256)
    assert len(token) <= MAX_TOKEN_LENGTH
    assert "groups" not in claims
    assert claims["groups_overage"] is True


@pytest.mark.parametrize("session_id", [SESSION, None])
def test_a_logout_token_is_none_of_the_others(session_id: uuid.UUID | None) -> None:
    token = signer().logout_token(
        client_id="grafana", user_id=USER, session_id=session_id, algorithm=IdTokenAlgorithm.RS256
    )
    claims = read(token, "grafana", RS256)
    assert claims["events"] == {"http://schemas.openid.net/event/backchannel-logout": {}}
    assert claims.get("sid") == (None if session_id is None else str(session_id))
    assert "nonce" not in claims
    assert jwt.get_unverified_header(token)["typ"] == "logout+jwt"
    assert read_hint(keys(), ISSUER, token) is None
    with pytest.raises(InvalidTokenError, match="wrong_type"):
        Verifier(keys(), issuer=ISSUER, audience="grafana").verify(token)


def test_an_id_token_is_a_hint_and_no_access_token() -> None:
    token = signer().id_token(id_token(), IdTokenAlgorithm.RS256)
    assert read_hint(keys(), ISSUER, token) == IdTokenHint("grafana", USER, SESSION)
    with pytest.raises(InvalidTokenError, match="wrong_type"):
        Verifier(keys(), issuer=ISSUER, audience="grafana").verify(token)


def test_an_expired_id_token_is_a_hint_still() -> None:
    early = ClientTokenSigner(keys(), issuer=ISSUER, lifetime=300, clock=lambda: 1_700_000_000)
    token = early.id_token(id_token(), IdTokenAlgorithm.ES256)
    assert read_hint(keys(), ISSUER, token) == IdTokenHint("grafana", USER, SESSION)


def test_other_texts_are_no_hint() -> None:
    token = signer().id_token(id_token(), IdTokenAlgorithm.RS256)
    head, body, signature = token.split(".")
    unsigned = base64url.encode(b'{"alg":"none","kid":"x","typ":"JWT"}') + f".{body}."
    foreign = signer({"keys": [new_jwk(RS256)]}).id_token(id_token(), IdTokenAlgorithm.RS256)
    access = signer().access_token(access_token(), IdTokenAlgorithm.RS256)
    flipped = ("B" if signature[0] == "A" else "A") + signature[1:]
    for text in (
        "",
        "a.b.c",
        token[:-4],
        f"{head}.{body}.{flipped}",
        f"{head}.{body}.",
        unsigned,
        foreign,
        access,
        token + "x" * 9000,
    ):
        assert read_hint(keys(), ISSUER, text) is None
    assert read_hint(keys(), "https://other.example.com", token) is None


def test_each_client_gets_its_algorithm_or_none() -> None:
    with pytest.raises(NoSigningKeyError):
        signer({"keys": [new_jwk(RS256)]}).id_token(id_token(), IdTokenAlgorithm.ES256)
    with pytest.raises(NoSigningKeyError):
        signer({"keys": [jwk_of_secret(b"Zq3v9y2Bt6w1z5C8F4Ja7NcRfUjXn2r5"), new_jwk(HS256)]}).id_token(
            id_token(), IdTokenAlgorithm.RS256
        )
