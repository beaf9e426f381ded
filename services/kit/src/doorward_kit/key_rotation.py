"""Rotation of key sets: old keys still verify until their last token has expired."""

import os
import secrets
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

import orjson
from cryptography.hazmat.primitives.asymmetric import ec

from doorward_client import base64url
from doorward_client.keys.key_set import ES256, HS256, KeySet
from doorward_client.keys.secret_strength import key_id

LONGEST_TOKEN_SECONDS: Final = 3_600
"""Maximum lifetime of access tokens in the settings."""

_MARGIN_SECONDS: Final = 120
"""For clock differences, and for replicas that reload the key set later."""

_COORDINATE_BYTES: Final = 32


class RotationPendingError(ValueError):
    """The newest key does not sign yet: one rotation at a time."""


def new_jwk(algorithm: str, *, activate_at: int = 0) -> dict[str, Any]:
    """Generate a key for `algorithm`, HS256 or ES256, with its private part."""
    times = {"activate_at": activate_at} if activate_at else {}
    if algorithm == HS256:
        return jwk_of_secret(secrets.token_bytes(48)) | times
    numbers = ec.generate_private_key(ec.SECP256R1()).private_numbers()
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
        **times,
    }


def jwk_of_secret(secret: bytes) -> dict[str, Any]:
    """Return an HS256 secret as a JWK, with the id that it has as an installation's single key."""
    return {"kty": "oct", "alg": HS256, "use": "sig", "kid": key_id(secret), "k": base64url.encode(secret)}


def next_key_set(
    document: Mapping[str, Any], algorithm: str | None, *, now: int, activate_in: int
) -> dict[str, Any]:
    """Return the key set with a new key that signs `activate_in` seconds from now; older keys retire later.

    Without `algorithm` the new key has that of the signing key. Raises RotationPendingError, or
    InvalidKeySetError for an invalid document.
    """
    current = KeySet.parse(orjson.dumps(document))
    signing = current.signing_key(now)
    pending = [key for key in current.verification_keys(now).values() if key.activate_at > now]
    if pending:
        wait = pending[0].activate_at - now
        raise RotationPendingError(
            f"the key {pending[0].kid} becomes active in {wait} s; rotate again after that"
        )
    activate_at = now + activate_in
    retire_at = activate_at + LONGEST_TOKEN_SECONDS + _MARGIN_SECONDS
    kept = [
        {"retire_at": retire_at, **member}
        for member in document["keys"]
        if not current.keys[member["kid"]].is_retired(now)
    ]
    chosen = algorithm or (HS256 if signing is None else signing.algorithm)
    return {**document, "keys": [new_jwk(chosen, activate_at=activate_at), *kept]}


def replacing_key_set(document: Mapping[str, Any], algorithm: str | None, *, now: int) -> dict[str, Any]:
    """Return a set with one new key, for use after a leak: all access tokens end, sessions continue."""
    signing = KeySet.parse(orjson.dumps(document)).signing_key(now)
    return {**document, "keys": [new_jwk(algorithm or (HS256 if signing is None else signing.algorithm))]}


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


def _coordinate(number: int) -> str:
    return base64url.encode(number.to_bytes(_COORDINATE_BYTES, "big"))
