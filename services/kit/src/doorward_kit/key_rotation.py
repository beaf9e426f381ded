"""Rotation of key sets: old keys still verify until their last token has expired."""

import os
import secrets
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Final

import orjson
from cryptography.hazmat.primitives.asymmetric import ec, rsa

from doorward_client import base64url
from doorward_client.keys.key_set import ES256, HS256, RS256, KeySet
from doorward_client.keys.secret_strength import key_id

LONGEST_TOKEN_SECONDS: Final = 3_600
"""Maximum lifetime of access tokens in the settings."""

_MARGIN_SECONDS: Final = 120
"""For clock differences, and for replicas that reload the key set later."""

KEEP_SECONDS: Final = LONGEST_TOKEN_SECONDS + _MARGIN_SECONDS
"""How long a key verifies after the next one signs: until its last token has expired."""

_COORDINATE_BYTES: Final = 32
_RSA_BITS: Final = 2048
_RSA_EXPONENT: Final = 65_537


class RotationPendingError(ValueError):
    """The newest key does not sign yet: one rotation at a time."""


def new_jwk(algorithm: str, *, activate_at: int = 0) -> dict[str, Any]:
    """Generate a key for `algorithm`, HS256, ES256 or RS256, with its private part."""
    times = {"activate_at": activate_at} if activate_at else {}
    if algorithm == HS256:
        return jwk_of_secret(secrets.token_bytes(48)) | times
    if algorithm == RS256:
        return rsa_jwk(rsa.generate_private_key(_RSA_EXPONENT, _RSA_BITS)) | times
    return elliptic_jwk(ec.generate_private_key(ec.SECP256R1())) | times


def elliptic_jwk(key: ec.EllipticCurvePrivateKey) -> dict[str, Any]:
    """Return a private key of P-256 as a JWK."""
    numbers = key.private_numbers()
    public = numbers.public_numbers
    x, y = _coordinate(public.x), _coordinate(public.y)
    return {
        "kty": "EC",
        "crv": "P-256",
        "alg": ES256,
        "use": "sig",
        "kid": key_id((x + y).encode("ascii")),
        "x": x,
        "y": y,
        "d": _coordinate(numbers.private_value),
    }


def rsa_jwk(key: rsa.RSAPrivateKey) -> dict[str, Any]:
    """Return a private key as a JWK."""
    numbers = key.private_numbers()
    modulus = _number(numbers.public_numbers.n)
    return {
        "kty": "RSA",
        "alg": RS256,
        "use": "sig",
        "kid": key_id(modulus.encode("ascii")),
        "n": modulus,
        "e": _number(numbers.public_numbers.e),
        "d": _number(numbers.d),
        "p": _number(numbers.p),
        "q": _number(numbers.q),
        "dp": _number(numbers.dmp1),
        "dq": _number(numbers.dmq1),
        "qi": _number(numbers.iqmp),
    }


def jwk_of_secret(secret: bytes) -> dict[str, Any]:
    """Return an HS256 secret as a JWK, with the id that it has as an installation's single key."""
    return {"kty": "oct", "alg": HS256, "use": "sig", "kid": key_id(secret), "k": base64url.encode(secret)}


def next_key_set(
    document: Mapping[str, Any],
    algorithms: Sequence[str],
    *,
    now: int,
    activate_in: int,
    keep_seconds: int = KEEP_SECONDS,
) -> dict[str, Any]:
    """Return the key set with new keys that sign `activate_in` seconds from now.

    The older keys retire `keep_seconds` after that. Without `algorithms` there is a new key for each that the
    set signs with, unless its keys retire already.

    Raises RotationPendingError, or InvalidKeySetError for an invalid document.
    """
    current = KeySet.parse(orjson.dumps(document))
    pending = [key for key in current.verification_keys(now).values() if key.activate_at > now]
    if pending:
        wait = pending[0].activate_at - now
        raise RotationPendingError(
            f"the key {pending[0].kid} becomes active in {wait} s; rotate again after that"
        )
    activate_at = now + activate_in
    retire_at = activate_at + keep_seconds
    kept = [
        {"retire_at": retire_at, **member}
        for member in document["keys"]
        if not current.keys[member["kid"]].is_retired(now)
    ]
    new = [
        new_jwk(algorithm, activate_at=activate_at) for algorithm in algorithms or _algorithms(current, now)
    ]
    return {**document, "keys": [*new, *kept]}


def replacing_key_set(document: Mapping[str, Any], algorithms: Sequence[str], *, now: int) -> dict[str, Any]:
    """Return a set of new keys alone, for use after a leak: all access tokens end, sessions continue."""
    current = KeySet.parse(orjson.dumps(document))
    return {**document, "keys": [new_jwk(algorithm) for algorithm in algorithms or _algorithms(current, now)]}


def _algorithms(key_set: KeySet, now: int) -> Sequence[str]:
    signing = key_set.signing_keys(now).values()
    return tuple(key.algorithm for key in signing if key.retire_at is None) or (HS256,)


def render(document: Mapping[str, Any]) -> bytes:
    """Return the content of a key set's file."""
    return orjson.dumps(document, option=orjson.OPT_INDENT_2) + b"\n"


def write_key_set(path: Path, document: Mapping[str, Any]) -> None:
    """Replace a key set's file atomically, readable by its owner only; raises OSError."""
    descriptor, temporary = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    try:
        with os.fdopen(descriptor, "wb") as file:
            file.write(render(document))
            file.flush()
            os.fsync(file.fileno())
        Path(temporary).replace(path)
    except BaseException:
        Path(temporary).unlink(missing_ok=True)
        raise


def _number(number: int) -> str:
    """Write a number without leading zeros (RFC 7518 section 2)."""
    return base64url.encode(number.to_bytes((number.bit_length() + 7) // 8, "big"))


def _coordinate(number: int) -> str:
    return base64url.encode(number.to_bytes(_COORDINATE_BYTES, "big"))
