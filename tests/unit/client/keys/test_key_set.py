import json
from typing import Any

import pytest

from doorward_client.keys.key_set import ES256, HS256, RS256, InvalidKeySetError, KeySet
from doorward_client.keys.secret_strength import key_id
from doorward_kit.key_rotation import jwk_of_secret, new_jwk

SECRET = "Zq3v9y2Bt6w1z5C8F4Ja7NcRfUjXn2r5"
OCT = jwk_of_secret(SECRET.encode())
EC = new_jwk(ES256)
RSA = new_jwk(RS256)
RSA_PUBLIC = {name: RSA[name] for name in ("kty", "n", "e", "alg", "use", "kid")}
SHORT_RSA_MODULUS = "1" * 171  # 1,026 bits
PUBLIC = {name: value for name, value in EC.items() if name != "d"}


def parse(*members: Any) -> KeySet:
    return KeySet.parse(json.dumps({"keys": members}))


def test_one_secret_is_the_same_key_alone_and_in_a_set() -> None:
    alone, member = KeySet.of_secret(SECRET), parse(OCT)
    assert alone.keys.keys() == member.keys.keys() == {key_id(SECRET.encode())}
    signature = alone.keys[OCT["kid"]].verifying.sign(b"text")
    assert member.keys[OCT["kid"]].verifying.verify(b"text", signature)


@pytest.mark.parametrize("algorithm", [HS256, ES256, RS256])
def test_a_set_verifies_its_own_signatures(algorithm: str) -> None:
    key = parse(new_jwk(algorithm)).signing_key(0)
    assert key is not None
    assert key.signing is not None
    assert key.algorithm == algorithm
    assert key.verifying.verify(b"text", key.signing.sign(b"text"))
    assert not key.verifying.verify(b"other", key.signing.sign(b"text"))


def test_only_the_public_half_is_published() -> None:
    assert parse(OCT).keys[OCT["kid"]].public_jwk is None
    published = parse(EC).keys[EC["kid"]].public_jwk
    assert published == {name: PUBLIC[name] for name in ("kty", "crv", "x", "y", "alg", "use", "kid")}
    assert parse(RSA).keys[RSA["kid"]].public_jwk == RSA_PUBLIC


def test_a_public_key_verifies_and_does_not_sign() -> None:
    private, public = parse(EC), parse(PUBLIC)
    assert public.signing_key(0) is None
    assert public.secrets(0) == ()
    key = private.signing_key(0)
    assert key is not None
    assert key.signing is not None
    assert public.keys[EC["kid"]].verifying.verify(b"text", key.signing.sign(b"text"))


def test_a_key_is_valid_before_it_signs_and_until_it_retires() -> None:
    keys = parse({**new_jwk(HS256), "activate_at": 200}, {**OCT, "retire_at": 300})
    new = next(kid for kid in keys.keys if kid != OCT["kid"])
    signing = [getattr(keys.signing_key(now), "kid", None) for now in (100, 199, 200, 299, 300)]
    assert signing == [OCT["kid"], OCT["kid"], new, new, new]
    assert [set(keys.verification_keys(now)) for now in (100, 299, 300)] == [
        {OCT["kid"], new},
        {OCT["kid"], new},
        {new},
    ]


def test_the_signing_keys_secret_is_first_and_earlier_ones_are_kept() -> None:
    first = new_jwk(HS256, activate_at=200)
    keys = parse(OCT, first)
    assert keys.secrets(100)[0] == SECRET.encode()
    assert keys.secrets(200)[1] == SECRET.encode()
    assert len(keys.secrets(200)) == 2


def with_part(member: dict[str, Any], **parts: object) -> dict[str, Any]:
    return {name: value for name, value in (member | parts).items() if value is not None}


@pytest.mark.parametrize(
    ("member", "reason"),
    [
        (with_part(OCT, k="c2hvcnQ"), "shorter than 32 bytes"),
        (with_part(OCT, k="YWFh" * 20), "repetitive"),
        (with_part(OCT, k=None), "damaged"),
        (with_part(OCT, k="not base64!"), "damaged"),
        (with_part(OCT, k=7), "damaged"),
        (with_part(OCT, kid=None), "usable kid"),
        (with_part(OCT, kid="../../etc/passwd"), "usable kid"),
        (with_part(OCT, kid="x" * 65), "usable kid"),
        (with_part(OCT, use="enc"), "not for signatures"),
        (with_part(OCT, alg="none"), "neither"),
        (with_part(OCT, alg="HS512"), "neither"),
        (with_part(OCT, alg=None), "neither"),
        (with_part(OCT, kty="RSA", alg="RS256"), "damaged"),
        (with_part(OCT, activate_at="soon"), "damaged"),
        (with_part(OCT, retire_at=True), "damaged"),
        (with_part(EC, alg="HS256"), "neither"),
        (with_part(EC, crv="P-384"), "damaged"),
        (with_part(EC, x=EC["y"], y=EC["x"]), "damaged"),
        (with_part(EC, d=new_jwk(ES256)["d"]), "damaged"),
        (with_part(EC, x=None), "damaged"),
        (with_part(RSA, alg="RS512"), "neither"),
        (with_part(RSA, n=SHORT_RSA_MODULUS), "damaged"),
        (with_part(RSA, e="AQ"), "damaged"),
        (with_part(RSA, n=None), "damaged"),
        (with_part(RSA, p=None), "damaged"),
        (with_part(RSA, d=new_jwk(RS256)["d"]), "damaged"),
        ("text", "no key"),
    ],
)
def test_rejects_an_invalid_key_without_quoting_it(member: Any, reason: str) -> None:
    with pytest.raises(InvalidKeySetError, match=reason) as caught:
        parse(member)
    assert OCT["k"] not in str(caught.value)
    assert EC["d"] not in str(caught.value)
    assert RSA["d"] not in str(caught.value)


@pytest.mark.parametrize(
    "text", ["", "[]", "{}", '{"keys": []}', '{"keys": {}}', "not json", '{"keys":[1],"keys":[2]}', "\ud800"]
)
def test_rejects_documents_that_are_not_a_key_set(text: str) -> None:
    with pytest.raises(InvalidKeySetError):
        KeySet.parse(text)


def published(*members: Any) -> KeySet:
    return KeySet.parse_published(json.dumps({"keys": members}))


def test_a_published_set_is_read_without_the_keys_of_types_that_are_unknown() -> None:
    unknown = [
        {"kty": "OKP", "crv": "Ed25519", "alg": "EdDSA", "kid": "one", "x": "AA"},
        {"kty": "RSA", "alg": "PS256", "kid": "two", "n": RSA["n"], "e": "AQAB"},
        {**RSA_PUBLIC, "use": "enc", "kid": "three"},
        {**PUBLIC, "kid": None},
        {**PUBLIC, "x": "damaged", "kid": "four"},
        "text",
    ]
    keys = published(*unknown, PUBLIC, RSA_PUBLIC)
    assert keys.keys.keys() == {PUBLIC["kid"], RSA["kid"]}
    with pytest.raises(InvalidKeySetError, match="known type"):
        published(*unknown)


@pytest.mark.parametrize("secret", [OCT, EC, RSA, {**OCT, "alg": "HS512"}])
def test_a_published_secret_is_rejected_with_its_whole_set(secret: dict[str, Any]) -> None:
    with pytest.raises(InvalidKeySetError, match="should be secret"):
        published(PUBLIC, secret)


def test_each_algorithm_signs_with_its_newest_active_key() -> None:
    next_rsa = new_jwk(RS256, activate_at=200)
    keys = parse(RSA, EC, next_rsa, {name: value for name, value in new_jwk(ES256).items() if name != "d"})
    before, after = keys.signing_keys(199), keys.signing_keys(200)
    assert {name: key.kid for name, key in before.items()} == {RS256: RSA["kid"], ES256: EC["kid"]}
    assert {name: key.kid for name, key in after.items()} == {RS256: next_rsa["kid"], ES256: EC["kid"]}


def test_rejects_duplicate_key_ids_and_too_many_keys() -> None:
    with pytest.raises(InvalidKeySetError, match="same kid"):
        parse(OCT, OCT)
    with pytest.raises(InvalidKeySetError, match="1 to 16"):
        parse(*(new_jwk(HS256) for _ in range(17)))
