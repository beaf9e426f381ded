"""Tokens signed without the key: with other keys, algorithms and key ids."""

import itertools
import json
import uuid
from collections.abc import Iterator, Mapping
from typing import Any, Final

from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from jose import jwk
from jose.backends.base import Key as JoseKey

from doorward_client import base64url
from doorward_client.keys.key_set import ES256, HS256
from doorward_client.keys.secret_strength import key_id
from doorward_kit.key_rotation import new_jwk
from integration.harness.forgery import parts, sign
from integration.keys.mounted_secret import KeyDocument
from integration.keys.token_tampering_text import Tampering

_FOREIGN_KEYS: Final = new_jwk(HS256), new_jwk(ES256)
_UNKNOWN_USER: Final = str(uuid.UUID(int=1))

_ALGORITHMS: Final[tuple[Any, ...]] = (
    "HS256", "HS384", "HS512", "ES256", "ES384", "ES512", "ES256K", "RS256", "PS256", "EdDSA", "none", "None",
    "NONE", "nOnE", "", "hs256", "es256", "HS256 ", "dir", "ECDH-ES", None, 0, True, [], ["HS256"], {},
)  # fmt: skip
_HEADERS: Final[Mapping[str, Mapping[str, Any]]] = {
    "typ JWT": {"typ": "JWT"},
    "crit": {"crit": ["exp"]},
    "b64": {"b64": False, "crit": ["b64"]},
    "zip": {"zip": "DEF"},
    "jku": {"jku": "https://attacker.example/keys"},
    "x5u": {"x5u": "https://attacker.example/chain"},
    "jwk": {"jwk": {name: _FOREIGN_KEYS[1][name] for name in ("kty", "crv", "x", "y")}},
    "an octet jwk": {"jwk": {"kty": "oct", "k": _FOREIGN_KEYS[0]["k"]}},
    "x5c": {"x5c": ["AAAA"]},
}
_CLAIMS: Final[Mapping[str, Any]] = {
    "role": "admin",
    "sub": _UNKNOWN_USER,
    "sid": _UNKNOWN_USER,
    "token_version": 1_000,
    "exp": 4_000_000_000,
    "iat": 1,
    "jti": "another",
    "aud": "doorward",
    "iss": "doorward",
    "nbf": 0,
}


def key_tamperings(token: str, document: KeyDocument) -> Iterator[Tampering]:
    """Yield tokens that name a key of the set but are not signed with it."""
    header, claims = parts(token)
    names = {"own": header["kid"], "other": _other(document, header["kid"])["kid"]}
    wrong = dict(_wrong_secrets(document, token))
    for (who, kid), algorithm, (whose, secret) in itertools.product(
        names.items(), _ALGORITHMS, wrong.items()
    ):
        forged = sign({**header, "alg": algorithm, "kid": kid}, claims, secret=secret)
        yield f"alg {algorithm!r}, kid {who}, HMAC with {whose}", forged
    foreign_key = jwk.construct(_FOREIGN_KEYS[1], ES256)
    for algorithm in _ALGORITHMS:
        for who, kid in names.items():
            forged = _sign_elliptic({**header, "alg": algorithm, "kid": kid}, claims, foreign_key)
            yield f"alg {algorithm!r}, kid {who}, ECDSA with a foreign key", forged
            empty = _compact({**header, "alg": algorithm, "kid": kid}, claims)
            yield f"alg {algorithm!r}, kid {who}, no signature", f"{empty}."
            yield f"alg {algorithm!r}, kid {who}, the old signature", f"{empty}.{token.split('.')[2]}"
    yield from _named_otherwise(token, document, wrong)
    yield from _claiming_otherwise(token, wrong, foreign_key)


def _named_otherwise(token: str, document: KeyDocument, wrong: Mapping[str, bytes]) -> Iterator[Tampering]:
    """Yield right keys with wrong ids and algorithms, and wrong keys with right ids."""
    header, claims = parts(token)
    own, other = _own(document, header["kid"]), _other(document, header["kid"])
    for key, named in itertools.permutations((own, other)):
        for algorithm in _ALGORITHMS:
            for kid in ("", None, "0", named["kid"], f"{key['kid']} ", key["kid"][:-1], f"../{key['kid']}"):
                changed = {**header, "alg": algorithm, "kid": kid}
                yield (
                    f"alg {algorithm!r}, kid {kid!r}, signed by {key['alg']}",
                    _sign_with(key, changed, claims),
                )
    for whose, secret in wrong.items():
        yield f"under its own name, {whose}", sign({**header, "kid": key_id(secret)}, claims, secret=secret)
    for name, changes in _HEADERS.items():
        for key in (own, other, *_FOREIGN_KEYS):
            forged = _sign_with(key, {**header, **changes}, claims)
            yield f"{name}, signed by {key['alg']} {key['kid']}", forged
    # The unchanged header and claims, signed with the other key of the set.
    yield "the other key's signature", _sign_with(other, header, claims)


def _claiming_otherwise(token: str, wrong: Mapping[str, bytes], foreign_key: JoseKey) -> Iterator[Tampering]:
    header, claims = parts(token)
    signature = token.split(".")[2]
    for name, value in _CLAIMS.items():
        changed = {**claims, name: value}
        if changed == claims:
            changed = {**claims, "more": name}
        yield f"claim {name}, the old signature", f"{_compact(header, changed)}.{signature}"
        yield f"claim {name}, a foreign signature", _sign_elliptic(header, changed, foreign_key)
        for whose, secret in wrong.items():
            yield f"claim {name}, HMAC with {whose}", sign(header, changed, secret=secret)


def _wrong_secrets(document: KeyDocument, token: str) -> Iterator[tuple[str, bytes]]:
    """Yield public or guessable values that some library has accepted as a secret."""
    yield "nothing", b""
    yield "a zero", b"\0"
    yield "zeros", bytes(32)
    yield "a foreign secret", base64url.decode(_FOREIGN_KEYS[0]["k"])
    yield "the word secret", b"secret"
    yield "null", b"null"
    yield "the token's signature", base64url.decode(token.split(".")[2])
    yield "the token's header", token.split(".", maxsplit=1)[0].encode()
    for key in document["keys"]:
        yield f"the kid of {key['alg']}", key["kid"].encode()
        if key["alg"] == ES256:
            yield from public_spellings(key)


def public_spellings(key: Mapping[str, str]) -> Iterator[tuple[str, bytes]]:
    """Yield the encodings of a public key that a vulnerable library could use as a secret."""
    published = {name: key[name] for name in ("kty", "crv", "x", "y", "alg", "use", "kid")}
    x, y = (int.from_bytes(base64url.decode(key[name]), "big") for name in ("x", "y"))
    public = ec.EllipticCurvePublicNumbers(x, y, ec.SECP256R1()).public_key()
    pem = public.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
    yield "PEM", pem
    yield "PEM without its last line break", pem.rstrip()
    yield "DER", public.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
    yield "the point", public.public_bytes(Encoding.X962, PublicFormat.UncompressedPoint)
    yield "the compressed point", public.public_bytes(Encoding.X962, PublicFormat.CompressedPoint)
    yield "x", base64url.decode(key["x"])
    yield "the text of x", key["x"].encode()
    yield "JSON", json.dumps(published).encode()
    yield "compact JSON", json.dumps(published, separators=(",", ":")).encode()


def _own(document: KeyDocument, kid: str) -> dict[str, Any]:
    [key] = [key for key in document["keys"] if key["kid"] == kid]
    return dict(key)


def _other(document: KeyDocument, kid: str) -> dict[str, Any]:
    [key] = [key for key in document["keys"] if key["kid"] != kid]
    return dict(key)


def _compact(header: Mapping[str, Any], claims: Mapping[str, Any]) -> str:
    return ".".join(base64url.encode(json.dumps(part).encode()) for part in (header, claims))


def _sign_with(key: Mapping[str, Any], header: Mapping[str, Any], claims: Mapping[str, Any]) -> str:
    if key["alg"] == HS256:
        return sign(header, claims, secret=base64url.decode(key["k"]))
    return _sign_elliptic(header, claims, jwk.construct(dict(key), ES256))


def _sign_elliptic(header: Mapping[str, Any], claims: Mapping[str, Any], key: JoseKey) -> str:
    signed = _compact(header, claims)
    return f"{signed}.{base64url.encode(key.sign(signed.encode()))}"
