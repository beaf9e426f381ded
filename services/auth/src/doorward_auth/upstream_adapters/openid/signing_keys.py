"""The public keys of an OpenID provider (RFC 7517)."""

from collections.abc import Collection, Mapping
from typing import Any, Final

from jose import jwk
from jose.backends.base import Key
from jose.exceptions import JOSEError

from doorward_client import base64url

MAX_KEYS: Final = 32
"""Further keys of a set are ignored: providers have two or three."""

_CURVES: Final[Mapping[str, str]] = {"P-256": "ES256", "P-384": "ES384", "P-521": "ES512"}
_RSA_ALGORITHMS: Final = ("RS256", "RS384", "RS512")
_RSA_BYTES: Final = range(256, 1025)
"""Lengths of a modulus: 2048 bits (RFC 7518 section 3.3) to 8192, whose signatures take 1 ms to verify."""

_MAX_EXPONENT_BYTES: Final = 4
_MAX_KID_LENGTH: Final = 255


class SigningKeys:
    """Keys by kid and algorithm. A kid that the set uses twice names no key."""

    def __init__(self, document: Mapping[str, Any], algorithms: Collection[str]) -> None:
        members = document.get("keys")
        listed = members[:MAX_KEYS] if isinstance(members, list) else []
        usable = [member for member in listed if _is_usable(member)]
        kids = [member.get("kid") for member in usable]
        self._is_single = len(usable) == 1
        self._keys: dict[tuple[str | None, str], Key] = {}
        for member in usable:
            kid = member.get("kid")
            if kids.count(kid) == 1:
                for algorithm in _algorithms(member):
                    if algorithm in algorithms:
                        self._add(kid, algorithm, member)

    def find(self, kid: str | None, algorithm: str) -> Key | None:
        """Return the key; without a kid, the only key of the set (OpenID Connect Core section 10.1)."""
        if kid is None and self._is_single:
            return next((key for (_, name), key in self._keys.items() if name == algorithm), None)
        return self._keys.get((kid, algorithm)) if kid is not None else None

    def __len__(self) -> int:
        return len(self._keys)

    def _add(self, kid: str | None, algorithm: str, member: Mapping[str, Any]) -> None:
        names = ("kty", "n", "e") if member["kty"] == "RSA" else ("kty", "crv", "x", "y")
        try:
            self._keys[kid, algorithm] = jwk.construct({name: member[name] for name in names}, algorithm)
        except (JOSEError, ValueError, KeyError, TypeError):
            return  # a damaged key verifies nothing


def _is_usable(member: object) -> bool:
    if not isinstance(member, dict) or member.get("use", "sig") != "sig":
        return False
    kid, operations = member.get("kid"), member.get("key_ops", ["verify"])
    if kid is not None and (not isinstance(kid, str) or len(kid) > _MAX_KID_LENGTH):
        return False
    return isinstance(operations, list) and "verify" in operations and bool(_algorithms(member))


def _algorithms(member: Mapping[str, Any]) -> list[str]:
    """Return the algorithms that a key may be used with: by its type and length, and its own `alg`."""
    possible: tuple[str, ...] = ()
    if member.get("kty") == "RSA" and _is_strong_rsa(member):
        possible = _RSA_ALGORITHMS
    elif member.get("kty") == "EC" and isinstance(member.get("crv"), str):
        possible = tuple(name for curve, name in _CURVES.items() if curve == member["crv"])
    named = member.get("alg")
    return [name for name in possible if named is None or named == name]


def _is_strong_rsa(member: Mapping[str, Any]) -> bool:
    try:
        modulus, exponent = base64url.decode(member["n"]), base64url.decode(member["e"])
    except (ValueError, KeyError, TypeError):
        return False
    return len(modulus.lstrip(b"\0")) in _RSA_BYTES and 1 <= len(exponent) <= _MAX_EXPONENT_BYTES
