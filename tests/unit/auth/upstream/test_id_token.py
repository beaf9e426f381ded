"""Id tokens: what is verified, and each attack that is rejected, with its reason."""

import json
import time
from typing import Any

import pytest

from doorward_auth.upstream_adapters.base import UnverifiedIdentityError
from doorward_auth.upstream_adapters.openid.id_token import MAX_LENGTH, Expectations, UpstreamIdToken
from doorward_auth.upstream_adapters.openid.signing_keys import SigningKeys
from support.openid_provider import ACCESS_TOKEN, at_hash, ec_pem, encode, public_jwk, rsa_pem, signed

ISSUER = "https://login.example.com"
NOW = int(time.time())
HEADER = {"alg": "RS256", "kid": "k1", "typ": "JWT"}
CLAIMS: dict[str, Any] = {
    "iss": ISSUER,
    "sub": "user-1",
    "aud": "doorward",
    "iat": NOW,
    "exp": NOW + 300,
    "nonce": "the-nonce",
}
KEYS = [public_jwk(rsa_pem(), "RS256", kid="k1"), public_jwk(ec_pem(), "ES256", kid="k2")]
ALGORITHMS = ("RS256", "ES256")


def verify(token: str, **changes: Any) -> dict[str, Any]:
    parsed = UpstreamIdToken.parse(token, ALGORITHMS)
    key = SigningKeys({"keys": KEYS}, ALGORITHMS).find(parsed.kid, parsed.algorithm)
    if key is None:
        raise UnverifiedIdentityError("unknown_key")
    expected: dict[str, Any] = {
        "issuer": ISSUER,
        "client_id": "doorward",
        "trusted_audiences": (),
        "nonce": "the-nonce",
        "access_token": ACCESS_TOKEN,
        "clock_skew": 60,
        "now": NOW,
        **changes,
    }
    return dict(parsed.verified_claims(key, Expectations(**expected)))


def rejection(token: str, **changes: Any) -> str:
    with pytest.raises(UnverifiedIdentityError) as rejected:
        verify(token, **changes)
    return rejected.value.reason


def token(*, header: dict[str, Any] | None = None, key: bytes | None = None, **claims: Any) -> str:
    payload = {name: value for name, value in {**CLAIMS, **claims}.items() if value is not ...}
    return signed({**HEADER, **(header or {})}, payload, key or rsa_pem(), "RS256")


def test_good_tokens_are_verified() -> None:
    assert verify(token())["sub"] == "user-1"
    assert verify(signed({"alg": "ES256", "kid": "k2"}, CLAIMS, ec_pem(), "ES256"))["sub"] == "user-1"
    assert verify(token(aud=["doorward"], azp="doorward", at_hash=at_hash()))
    assert verify(token(aud=["doorward", "api"], azp="doorward"), trusted_audiences=("api",))


@pytest.mark.parametrize(
    ("claims", "reason"),
    [
        ({"iss": "https://evil.example"}, "wrong_issuer"),
        ({"iss": ISSUER + "/"}, "wrong_issuer"),
        ({"iss": ...}, "wrong_issuer"),
        ({"iss": [ISSUER]}, "wrong_issuer"),
        ({"aud": "another"}, "wrong_audience"),
        ({"aud": ...}, "wrong_audience"),
        ({"aud": []}, "wrong_audience"),
        ({"aud": {"doorward": 1}}, "wrong_audience"),
        ({"aud": ["doorward", "api"]}, "untrusted_audience"),
        ({"aud": ["doorward", "api"], "azp": "doorward"}, "untrusted_audience"),
        ({"aud": ["doorward", 5]}, "untrusted_audience"),
        ({"azp": "another"}, "wrong_authorized_party"),
        ({"azp": None}, "wrong_authorized_party"),
        ({"sub": ...}, "bad_sub"),
        ({"sub": ""}, "bad_sub"),
        ({"sub": 5}, "bad_sub"),
        ({"sub": "x" * 256}, "bad_sub"),
        ({"nonce": "another"}, "wrong_nonce"),
        ({"nonce": ...}, "wrong_nonce"),
        ({"nonce": ["the-nonce"]}, "wrong_nonce"),
        ({"exp": NOW - 61}, "expired"),
        ({"exp": ...}, "bad_exp"),
        ({"exp": None}, "bad_exp"),
        ({"exp": True}, "bad_exp"),
        ({"exp": str(NOW + 300)}, "bad_exp"),
        ({"iat": NOW + 61}, "issued_in_the_future"),
        ({"iat": ...}, "bad_iat"),
        ({"nbf": NOW + 61}, "not_yet_valid"),
        ({"nbf": "now"}, "bad_nbf"),
        ({"auth_time": "now"}, "bad_auth_time"),
        ({"at_hash": at_hash("another token")}, "wrong_at_hash"),
        ({"at_hash": None}, "wrong_at_hash"),
        ({"at_hash": ""}, "wrong_at_hash"),
    ],
)
def test_a_wrong_claim_is_rejected(claims: dict[str, Any], reason: str) -> None:
    assert rejection(token(**claims)) == reason


def test_a_second_audience_that_is_trusted_needs_the_authorized_party() -> None:
    assert rejection(token(aud=["doorward", "api"]), trusted_audiences=("api",)) == "wrong_authorized_party"


def test_the_clocks_may_differ_as_far_as_configured() -> None:
    assert verify(token(exp=NOW - 59, iat=NOW + 59))
    assert rejection(token(exp=NOW), clock_skew=0) == "expired"


def test_a_fresh_login_needs_its_time() -> None:
    assert verify(token(auth_time=NOW - 60), fresh_since=NOW)
    assert rejection(token(auth_time=NOW - 61), fresh_since=NOW) == "old_auth_time"
    assert rejection(token(), fresh_since=NOW) == "no_auth_time"
    assert rejection(token(auth_time=None), fresh_since=NOW) == "no_auth_time"
    # Nothing else limits the age of the provider's session.
    assert verify(token(auth_time=NOW - 90_000))
    assert verify(token(auth_time=None))


@pytest.mark.parametrize(
    ("header", "reason"),
    [
        ({"alg": "none"}, "wrong_algorithm"),
        ({"alg": "None"}, "wrong_algorithm"),
        ({"alg": "HS256"}, "wrong_algorithm"),
        ({"alg": "RS384"}, "wrong_algorithm"),
        ({"alg": ["RS256"]}, "wrong_algorithm"),
        ({"alg": "ES256"}, "unknown_key"),
        ({"kid": "k2"}, "unknown_key"),
        ({"kid": "k3"}, "unknown_key"),
        ({"kid": ""}, "unknown_key"),
        ({"kid": 1}, "unknown_key"),
        ({"kid": None}, "unknown_key"),
        ({"typ": "at+jwt"}, "wrong_type"),
        ({"typ": 5}, "wrong_type"),
        ({"crit": ["exp"]}, "unexpected_header"),
        ({"jku": "https://evil.example/jwks"}, "unexpected_header"),
        ({"jwk": KEYS[0]}, "unexpected_header"),
        ({"x5u": "https://evil.example/x"}, "unexpected_header"),
        ({"b64": False}, "unexpected_header"),
        ({"zip": "DEF"}, "unexpected_header"),
    ],
)
def test_a_wrong_header_is_rejected(header: dict[str, Any], reason: str) -> None:
    assert rejection(token(header=header)) == reason


def test_a_signature_of_another_key_is_rejected() -> None:
    assert rejection(token(key=rsa_pem(2))) == "bad_signature"


@pytest.mark.parametrize(
    "template",
    [
        "{head}.{body}.",
        "{head}.{body}",
        "{head}.{body}.{mac}.{mac}",
        "{head}.{body}.{mac}!!",
        "{head}.{body}.{mac}=",
        "{head}.{body}.{mac}A",
        " {head}.{body}.{mac}",
        "{head}.{body}.{mac}\n",
        "{head}." + "A" * MAX_LENGTH + ".{mac}",
    ],
)
def test_a_damaged_token_is_rejected(template: str) -> None:
    head, body, mac = token().split(".")
    assert rejection(template.format(head=head, body=body, mac=mac)) in ("malformed", "bad_signature")


@pytest.mark.parametrize("alg", ["none", "HS256"])
def test_the_public_key_is_no_secret_and_no_signature_is_none(alg: str) -> None:
    header, payload = encode(json.dumps({**HEADER, "alg": alg}).encode()), encode(json.dumps(CLAIMS).encode())
    for signature in ("", encode(b"\0" * 32)):
        assert rejection(f"{header}.{payload}.{signature}") in ("malformed", "wrong_algorithm")


@pytest.mark.parametrize(
    "payload",
    [
        b"[]",
        b"null",
        b"\xff",
        json.dumps(CLAIMS).encode()[:-1] + b', "sub": "admin"}',
        json.dumps(CLAIMS).encode()[:-1] + b', "exp": 1e999}',
        b'{"a":' * 2000 + b"1" + b"}" * 2000,
    ],
)
def test_a_signed_payload_that_is_no_strict_json_object_is_rejected(payload: bytes) -> None:
    assert rejection(signed(HEADER, payload, rsa_pem(), "RS256")) == "malformed"


def test_a_header_that_names_a_member_twice_is_rejected() -> None:
    header = b'{"alg": "RS256", "kid": "k1", "alg": "none"}'
    assert rejection(signed(header, CLAIMS, rsa_pem(), "RS256")) == "malformed"


def test_a_changed_payload_is_rejected() -> None:
    head, _, signature = token().split(".")
    changed = encode(json.dumps({**CLAIMS, "sub": "admin"}).encode())
    assert rejection(f"{head}.{changed}.{signature}") == "bad_signature"
