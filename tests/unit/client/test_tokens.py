"""The verifier against handmade forgeries, some of which python-jose rejects to make."""

import base64
import hashlib
import hmac
import json
import time
import uuid
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import pytest

from doorward_auth.signing import Signer
from doorward_client import tokens
from doorward_client.bearer_auth import InsufficientUserAuthenticationError, require_recent_login
from doorward_client.keys.key_store import KeyStore
from doorward_client.keys.secret_strength import key_id
from doorward_client.permissions import Permission, Role, extended
from doorward_client.tokens import InvalidTokenError, Verifier

SECRET = "0f8b1c9d7e6a5b4c3d2e1f0a9b8c7d6e5f4a3b2c"
USER, SESSION = uuid.uuid4(), uuid.uuid4()


def b64(raw: bytes) -> str:
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode("ascii")


def good_header() -> dict[str, Any]:
    return {"alg": "HS256", "kid": key_id(SECRET.encode()), "typ": "at+jwt"}


def good_claims() -> dict[str, Any]:
    now = int(time.time())
    return {
        "iss": "doorward",
        "aud": "doorward",
        "sub": str(USER),
        "sid": str(SESSION),
        "jti": "one",
        "iat": now,
        "exp": now + 60,
        "role": "user",
        "token_version": 0,
    }


def forge(header: Any, claims: Any, *, secret: bytes = SECRET.encode(), digest: str = "sha256") -> str:
    def text(part: Any) -> bytes:
        return part if isinstance(part, bytes) else json.dumps(part).encode()

    signed = f"{b64(text(header))}.{b64(text(claims))}"
    return f"{signed}.{b64(hmac.digest(secret, signed.encode(), digest))}"


@pytest.fixture
def verifier() -> Verifier:
    return Verifier(KeyStore.of_secret(SECRET), issuer="doorward", audience="doorward")


def reason_of(verifier: Verifier, token: str) -> str:
    with pytest.raises(InvalidTokenError) as rejected:
        verifier.verify(token)
    return rejected.value.reason


def test_reads_what_the_signer_signs(verifier: Verifier) -> None:
    signer = Signer(KeyStore.of_secret(SECRET), issuer="doorward", audience="doorward", lifetime=300)
    token = signer.sign(
        user_id=USER,
        session_id=SESSION,
        role="admin",
        token_version=7,
        auth_time=datetime.now(UTC),
        acr="aal1",
        amr="pwd",
    )
    claims = verifier.verify(token)
    assert (claims.user_id, claims.session_id, claims.role, claims.token_version) == (
        USER,
        SESSION,
        Role.ADMIN,
        7,
    )
    assert claims.expires_at - claims.issued_at == 300


def test_the_handmade_token_is_valid(verifier: Verifier) -> None:
    assert verifier.verify(forge(good_header(), good_claims())).user_id == USER


HEADERS: dict[str, tuple[dict[str, Any], str]] = {
    "alg none": ({"alg": "none"}, "wrong_algorithm"),
    "alg NoNe": ({"alg": "NoNe"}, "wrong_algorithm"),
    "alg HS384": ({"alg": "HS384"}, "wrong_algorithm"),
    "alg RS256": ({"alg": "RS256"}, "wrong_algorithm"),
    "alg null": ({"alg": None}, "wrong_algorithm"),
    "typ JWT": ({"typ": "JWT"}, "wrong_type"),
    "typ of another kind": ({"typ": "verify+jwt"}, "wrong_type"),
    "crit": ({"crit": ["exp"]}, "unexpected_header"),
    "jwk": ({"jwk": {"kty": "oct", "k": "AA"}}, "unexpected_header"),
    "jku": ({"jku": "https://attacker.example"}, "unexpected_header"),
    "x5u": ({"x5u": "https://attacker.example"}, "unexpected_header"),
    "b64": ({"b64": False}, "unexpected_header"),
    "kid unknown": ({"kid": "another"}, "unknown_key"),
    "kid a path": ({"kid": "../../../../dev/null"}, "unknown_key"),
    "kid SQL": ({"kid": "' UNION SELECT 'x"}, "unknown_key"),
    "kid a list": ({"kid": []}, "unknown_key"),
    "kid null": ({"kid": None}, "unknown_key"),
}


@pytest.mark.parametrize("name", HEADERS)
def test_rejects_an_unexpected_header(verifier: Verifier, name: str) -> None:
    change, reason = HEADERS[name]
    assert reason_of(verifier, forge(good_header() | change, good_claims())) == reason


@pytest.mark.parametrize("member", ["alg", "kid", "typ"])
def test_rejects_a_header_without_a_required_member(verifier: Verifier, member: str) -> None:
    header = good_header()
    del header[member]
    assert reason_of(verifier, forge(header, good_claims())) == "unexpected_header"


@pytest.mark.parametrize("claim", ["iss", "aud", "sub", "sid", "jti", "iat", "exp", "role", "token_version"])
@pytest.mark.parametrize("value", [None, [], {}, True, 1.5, "", "1e999", -1e300])
def test_rejects_a_claim_of_the_wrong_type(verifier: Verifier, claim: str, value: object) -> None:
    if claim == "jti" and value == "1e999":
        return  # an ordinary claim name
    reason_of(verifier, forge(good_header(), good_claims() | {claim: value}))


@pytest.mark.parametrize("claim", ["token_version", "iat", "exp", "nbf"])
@pytest.mark.parametrize("value", [-1, -(2**31), 10**15, 0.0, 1.0, -0.5, True, False, "0", "", [0], {}, None])
def test_rejects_a_number_out_of_range(verifier: Verifier, claim: str, value: object) -> None:
    token = forge(good_header(), good_claims() | {claim: value})
    assert reason_of(verifier, token) == f"bad_{claim}"


@pytest.mark.parametrize("value", [0, 2**31 - 1])
def test_accepts_every_token_version_that_can_be_stored(verifier: Verifier, value: int) -> None:
    token = forge(good_header(), good_claims() | {"token_version": value})
    assert verifier.verify(token).token_version == value


@pytest.mark.parametrize("value", [2**31, 2**63])
def test_rejects_a_token_version_that_cannot_be_stored(verifier: Verifier, value: int) -> None:
    forged = forge(good_header(), good_claims() | {"token_version": value})
    assert reason_of(verifier, forged) in {"bad_token_version", "malformed"}


@pytest.mark.parametrize("claim", ["iss", "aud", "sub", "sid", "jti", "iat", "exp", "role", "token_version"])
def test_rejects_a_token_without_a_claim(verifier: Verifier, claim: str) -> None:
    claims = good_claims()
    del claims[claim]
    reason_of(verifier, forge(good_header(), claims))


CLAIMS: dict[str, tuple[Callable[[int], dict[str, Any]], str]] = {
    "expired": (lambda now: {"exp": now - 1}, "expired"),
    "expires now": (lambda now: {"exp": now}, "expired"),
    "expires as text": (lambda now: {"exp": str(now + 60)}, "bad_exp"),
    "of another service": (lambda _: {"aud": "billing"}, "wrong_audience"),
    "for several other audiences": (lambda _: {"aud": ["billing", "mail"]}, "wrong_audience"),
    "for no audience": (lambda _: {"aud": []}, "wrong_audience"),
    "for a list in a list": (lambda _: {"aud": [["doorward"]]}, "wrong_audience"),
    "of another issuer": (lambda _: {"iss": "https://attacker.example"}, "wrong_issuer"),
    "a role that is no name": (lambda _: {"role": "Admin "}, "bad_role"),
    "a negative token version": (lambda _: {"token_version": -1}, "bad_token_version"),
    "an empty scope": (lambda _: {"scope": ""}, "bad_scope"),
    "a list of scopes": (lambda _: {"scope": ["account"]}, "bad_scope"),
    "extensions that are no object": (lambda _: {"ext": ["gold"]}, "bad_ext"),
    "an extension that is an object": (lambda _: {"ext": {"plan": {"name": "gold"}}}, "bad_ext"),
    "an extension that is null": (lambda _: {"ext": {"plan": None}}, "bad_ext"),
    "an extension without a name": (lambda _: {"ext": {"": "gold"}}, "bad_ext"),
    "a subject in another spelling": (lambda _: {"sub": str(USER).upper()}, "bad_sub"),
    "not before tomorrow": (lambda now: {"nbf": now + 86_400}, "not_yet_valid"),
    "issued tomorrow": (lambda now: {"iat": now + 86_400, "exp": now + 90_000}, "issued_in_the_future"),
}


@pytest.mark.parametrize("name", CLAIMS)
def test_rejects_claims_with_unacceptable_values(verifier: Verifier, name: str) -> None:
    change, reason = CLAIMS[name]
    assert reason_of(verifier, forge(good_header(), good_claims() | change(int(time.time())))) == reason


def test_rejects_other_keys_and_digests(verifier: Verifier) -> None:
    assert reason_of(verifier, forge(good_header(), good_claims(), secret=b"")) == "bad_signature"
    assert reason_of(verifier, forge(good_header(), good_claims(), secret=b"x" * 40)) == "bad_signature"
    assert reason_of(verifier, forge(good_header(), good_claims(), digest="sha384")) == "bad_signature"


@pytest.mark.parametrize(
    "claims", [b"[]", b"null", b'"text"', b'{"exp": NaN}', b'{"exp": 1e999}', b'{"a":1,"a":2}']
)
def test_rejects_claims_that_are_not_a_plain_object(verifier: Verifier, claims: bytes) -> None:
    assert reason_of(verifier, forge(good_header(), claims)) == "malformed"


def test_rejects_deep_nesting(verifier: Verifier) -> None:
    deep = b'{"alg":' + b"[" * 1_500 + b"]" * 1_500 + b"}"
    assert reason_of(verifier, forge(deep, good_claims())) == "too_long"
    assert reason_of(verifier, forge(b"[" * 400 + b"]" * 400, good_claims())) == "malformed"


@pytest.mark.parametrize(
    "alter",
    [
        lambda token: token + "!!",
        lambda token: token + "=",
        lambda token: token + "\n",
        lambda token: " " + token,
        lambda token: token + ".",
        lambda token: token.replace(".", "..", 1),
        lambda token: token.rsplit(".", 1)[0] + ".",
        lambda token: token.rsplit(".", 1)[0],
        lambda _: "",
        lambda _: "..",
        lambda _: "\u00e9" * 10,
        lambda _: "\ud800",
    ],
)
def test_rejects_text_around_the_token(verifier: Verifier, alter: Callable[[str], str]) -> None:
    assert reason_of(verifier, alter(forge(good_header(), good_claims()))) == "malformed"


def test_rejects_a_second_spelling_of_the_signature(verifier: Verifier) -> None:
    """The last of 43 characters has two unused bits."""
    token = forge(good_header(), good_claims())
    alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
    sibling = alphabet[alphabet.index(token[-1]) ^ 1]
    assert reason_of(verifier, token[:-1] + sibling) == "malformed"


def test_every_flipped_bit_is_detected(verifier: Verifier) -> None:
    token = forge(good_header(), good_claims())
    for position in range(len(token)):
        altered = token[:position] + chr(ord(token[position]) ^ 1) + token[position + 1 :]
        reason_of(verifier, altered)


def test_a_cached_token_still_expires(verifier: Verifier, monkeypatch: pytest.MonkeyPatch) -> None:
    token = forge(good_header(), good_claims())
    expires_at = verifier.verify(token).expires_at
    monkeypatch.setattr(time, "time", lambda: expires_at - 1.0)
    verifier.verify(token)
    monkeypatch.setattr(time, "time", lambda: float(expires_at))
    assert reason_of(verifier, token) == "expired"


def test_extensions_are_scalars_by_name(verifier: Verifier) -> None:
    extensions = {"plan": "gold", "seats": 5, "share": 0.5, "is_beta": True}
    claims = verifier.verify(forge(good_header(), good_claims() | {"ext": extensions}))
    assert claims.extensions == extensions
    assert verifier.verify(forge(good_header(), good_claims())).extensions == {}
    assert isinstance(hash(claims), int)


def test_the_leeway_allows_for_a_slow_clock() -> None:
    token = forge(good_header(), good_claims() | {"exp": int(time.time()) - 5})
    keys = KeyStore.of_secret(SECRET)
    verifier = Verifier(keys, issuer="doorward", audience="doorward", leeway=30)
    assert verifier.verify(token).user_id == USER


def test_the_cache_is_bounded(verifier: Verifier, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tokens, "MAX_REMEMBERED", 3)
    for number in range(10):
        verifier.verify(forge(good_header(), good_claims() | {"jti": str(number)}))
    assert len(verifier._remembered) == 3


def test_the_cache_stores_hashes_instead_of_tokens(verifier: Verifier) -> None:
    token = forge(good_header(), good_claims())
    verifier.verify(token)
    assert list(verifier._remembered) == [hashlib.sha256(token.encode()).digest()]


def test_the_audience_may_be_one_of_several(verifier: Verifier) -> None:
    claims = good_claims() | {"aud": ["another", "doorward"]}
    assert verifier.verify(forge(good_header(), claims)).user_id == USER


def test_an_unknown_role_has_no_permissions_and_is_valid(verifier: Verifier) -> None:
    claims = verifier.verify(forge(good_header(), good_claims() | {"role": "sorcerer"}))
    assert (claims.role, claims.permissions, claims.covers_account) == ("sorcerer", frozenset(), True)


SCOPES: dict[str, tuple[str, set[str], bool]] = {
    "doorward": ("doorward openid", set(Permission), True),
    "account": ("openid account", set(), True),
    "permissions": ("audit:read users:read", {"audit:read", "users:read"}, False),
    "openid": ("openid profile", set(), False),
    "unknown": ("everything", set(), False),
}


@pytest.mark.parametrize("name", SCOPES)
def test_scopes_only_narrow(verifier: Verifier, name: str) -> None:
    scope, permissions, covers_account = SCOPES[name]
    admin = verifier.verify(forge(good_header(), good_claims() | {"role": "admin", "scope": scope}))
    assert (set(admin.permissions), admin.covers_account) == (permissions, covers_account)
    user = verifier.verify(forge(good_header(), good_claims() | {"role": "user", "scope": scope}))
    assert user.permissions == frozenset()


def test_a_service_of_your_own_adds_permissions_to_roles() -> None:
    table = extended({"auditor": {"reports:read"}, "clerk": {"reports:write"}})
    verifier = Verifier(
        KeyStore.of_secret(SECRET), issuer="doorward", audience="doorward", role_permissions=table
    )
    auditor = verifier.verify(forge(good_header(), good_claims() | {"role": "auditor"}))
    assert auditor.may("reports:read")
    assert auditor.may(Permission.AUDIT_READ)
    clerk = verifier.verify(forge(good_header(), good_claims() | {"role": "clerk"}))
    assert clerk.permissions == {"reports:write"}


def test_a_recent_login_is_required_by_its_age(verifier: Verifier) -> None:
    caller = verifier.verify(forge(good_header(), {**good_claims(), "auth_time": int(time.time()) - 100}))
    require_recent_login(caller, 110)
    with pytest.raises(InsufficientUserAuthenticationError) as rejected:
        require_recent_login(caller, 90)
    assert rejected.value.extensions == {"max_age": 90}


def test_a_token_without_a_login_is_not_recent(verifier: Verifier) -> None:
    """A machine's token has no `auth_time`."""
    with pytest.raises(InsufficientUserAuthenticationError):
        require_recent_login(verifier.verify(forge(good_header(), good_claims())), 900)
