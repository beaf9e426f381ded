"""Key sets of OpenID providers: which keys are used, and for which algorithms."""

from typing import Any

import pytest

from doorward_auth.upstream_adapters.openid.signing_keys import MAX_KEYS, SigningKeys
from support.openid_provider import ec_pem, public_jwk, rsa_pem

ALGORITHMS = ("RS256", "ES256")
RSA = public_jwk(rsa_pem(), "RS256", kid="r", use="sig")
EC = public_jwk(ec_pem(), "ES256", kid="e")


def keys_of(*members: object) -> SigningKeys:
    return SigningKeys({"keys": list(members)}, ALGORITHMS)


def test_a_key_is_for_the_algorithm_of_its_type() -> None:
    keys = keys_of(RSA, EC)
    assert keys.find("r", "RS256")
    assert keys.find("e", "ES256")
    assert [keys.find(kid, alg) for kid, alg in (("r", "ES256"), ("e", "RS256"), ("x", "RS256"))] == [
        None
    ] * 3


def test_a_key_without_alg_is_for_the_configured_algorithms_of_its_type_alone() -> None:
    member = {name: value for name, value in RSA.items() if name != "alg"}
    keys = SigningKeys({"keys": [member]}, ("RS256", "RS512"))
    assert keys.find("r", "RS256")
    assert keys.find("r", "RS512")
    assert keys.find("r", "RS384") is None
    assert SigningKeys({"keys": [RSA]}, ("RS256", "RS512")).find("r", "RS512") is None


def test_without_a_kid_the_only_key_is_meant() -> None:
    assert keys_of(RSA).find(None, "RS256")
    assert keys_of(RSA).find(None, "ES256") is None
    assert keys_of(RSA, EC).find(None, "RS256") is None
    without = {name: value for name, value in RSA.items() if name != "kid"}
    assert keys_of(without).find(None, "RS256")
    assert keys_of(without, EC).find(None, "RS256") is None


@pytest.mark.parametrize(
    "change",
    [
        {"use": "enc"},
        {"key_ops": ["sign"]},
        {"key_ops": "verify"},
        {"kty": "oct", "k": "c2VjcmV0"},
        {"kid": 5},
        {"kid": "x" * 256},
        {"alg": "HS256"},
        {"alg": "PS256"},
        {"n": "AQAB"},
        {"n": 5},
        {"n": "!"},
        {"e": "AQABAQAB"},
        {"e": ""},
        {"e": "AQ"},
        public_jwk(rsa_pem(1, 1024), "RS256"),
    ],
)
def test_other_keys_are_not_used(change: dict[str, Any]) -> None:
    assert keys_of({**RSA, **change}, EC).find("r", "RS256") is None


@pytest.mark.parametrize("change", [{"crv": "secp256k1"}, {"x": "AA"}, {"y": EC["x"]}, {"crv": ["P-256"]}])
def test_a_damaged_curve_key_is_not_used(change: dict[str, Any]) -> None:
    assert keys_of({**EC, **change}, RSA).find("e", "ES256") is None


def test_a_kid_that_is_used_twice_names_no_key() -> None:
    other = public_jwk(rsa_pem(2), "RS256", kid="r", use="sig")
    assert keys_of(RSA, other, EC).find("r", "RS256") is None
    assert keys_of(RSA, other, EC).find("e", "ES256")


def test_no_more_keys_than_the_limit_are_read() -> None:
    others = [{**RSA, "kid": f"k{number}"} for number in range(MAX_KEYS)]
    keys = keys_of(*others, EC)
    assert keys.find("k31", "RS256")
    assert keys.find("e", "ES256") is None


@pytest.mark.parametrize("document", [{}, {"keys": None}, {"keys": {}}, {"keys": [None, 5, "x", []]}])
def test_a_document_without_keys_has_none(document: dict[str, Any]) -> None:
    assert len(SigningKeys(document, ALGORITHMS)) == 0
