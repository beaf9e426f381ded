"""Key sets: JWK sets (RFC 7517) with the previous, current and next keys, as a Secret holds them.

Each key is for one algorithm: HS256, ES256 or RS256 (RFC 8725 section 3.1). Two additional members are Unix
times: a key signs from `activate_at` on and is valid until `retire_at`. Keys are distributed before they
sign, so that every verifier knows them by then.
"""

import re
from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any, Final, Self

from jose import jwk
from jose.backends.base import Key as JoseKey
from jose.exceptions import JOSEError

from doorward_client import base64url, strict_json
from doorward_client.keys.secret_strength import WeakKeyError, check_secret, key_id

HS256: Final = "HS256"
ES256: Final = "ES256"
RS256: Final = "RS256"
MAX_KEYS: Final = 16
MAX_PUBLISHED_KEYS: Final = 2 * MAX_KEYS
"""Keys of auth's two sets together."""

_KID: Final = re.compile(r"[A-Za-z0-9._-]{1,64}")
_EC_PUBLIC: Final = ("kty", "crv", "x", "y")
_RSA_PUBLIC: Final = ("kty", "n", "e")
_RSA_PRIVATE: Final = ("d", "p", "q", "dp", "dq", "qi")

_RSA_BITS: Final = range(2048, 4097)
"""RFC 7518 section 3.3; a signature of a longer key makes tokens too long."""

_RSA_EXPONENTS: Final = range(3, 2**32)


class InvalidKeySetError(ValueError):
    """The text is not a usable key set; the message has the reason and quotes no key."""


@dataclass(frozen=True, slots=True)
class Key:
    """One key of a set. `signing` and `secret` are None for a public key.

    Keys are equal if they were read from the same members, also at different times.
    """

    kid: str
    algorithm: str
    verifying: JoseKey = field(compare=False)
    signing: JoseKey | None = field(compare=False)
    secret: bytes | None
    public_jwk: Mapping[str, str] | None
    activate_at: int = 0
    retire_at: int | None = None

    def verifies_like(self, other: "Key") -> bool:
        """Return whether both accept the same signatures; their times may differ."""
        mine = (self.algorithm, self.secret, self.public_jwk)
        return mine == (other.algorithm, other.secret, other.public_jwk)

    def is_retired(self, now: float) -> bool:
        return self.retire_at is not None and now >= self.retire_at

    def is_active(self, now: float) -> bool:
        """Return whether the issuer signs with the key at `now`."""
        return self.activate_at <= now and not self.is_retired(now)


@dataclass(frozen=True, slots=True)
class KeySet:
    """Keys by their ids."""

    keys: Mapping[str, Key]

    @classmethod
    def of_secret(cls, secret: str) -> Self:
        """Return a set of one HS256 key; raises WeakKeyError."""
        raw = secret.encode("utf-8")
        check_secret(raw)
        return cls({(kid := key_id(raw)): _hmac_key(kid, raw, {})})

    @classmethod
    def parse(cls, text: str | bytes) -> Self:
        """Read the JWK set of a file; raises InvalidKeySetError for one key that cannot be used, too."""
        members = _members(text, MAX_KEYS)
        return cls._from_keys([_parse_key(member, number) for number, member in enumerate(members, 1)])

    @classmethod
    def parse_published(cls, text: str | bytes) -> Self:
        """Read the JWK set of a URL, without the keys that cannot be used (RFC 7517 section 5).

        Raises InvalidKeySetError if none is left, and for a secret: every reader could sign with it.
        """
        keys: list[Key] = []
        for number, member in enumerate(_members(text, MAX_PUBLISHED_KEYS), 1):
            if isinstance(member, dict) and ("d" in member or "k" in member):
                raise InvalidKeySetError("publishes a key that should be secret")
            with suppress(InvalidKeySetError):
                keys.append(_parse_key(member, number))
        if not keys:
            raise InvalidKeySetError("has no key of a known type")
        return cls._from_keys(keys)

    @classmethod
    def _from_keys(cls, keys: Sequence[Key]) -> Self:
        if len({key.kid for key in keys}) < len(keys):
            raise InvalidKeySetError("has two keys with the same kid")
        return cls({key.kid: key for key in keys})

    def verification_keys(self, now: float) -> dict[str, Key]:
        """Return the valid keys by id, including those that do not sign yet."""
        return {kid: key for kid, key in self.keys.items() if not key.is_retired(now)}

    def signing_key(self, now: float, algorithm: str | None = None) -> Key | None:
        """Return the active private key with the latest `activate_at`, or None.

        Without `algorithm` it may be of any.
        """
        usable = [
            key
            for key in self.keys.values()
            if key.signing is not None and key.is_active(now) and algorithm in (None, key.algorithm)
        ]
        return max(usable, key=lambda key: key.activate_at, default=None)

    def signing_keys(self, now: float) -> dict[str, Key]:
        """Return the key that signs now for each algorithm that has one."""
        algorithms = dict.fromkeys(key.algorithm for key in self.keys.values())
        found = {algorithm: self.signing_key(now, algorithm) for algorithm in algorithms}
        return {algorithm: key for algorithm, key in found.items() if key is not None}

    def secrets(self, now: float) -> tuple[bytes, ...]:
        """Return the secrets of all keys, the signing key's first."""
        first = self.signing_key(now)
        ordered: Iterable[Key] = sorted(self.keys.values(), key=lambda key: key is not first)
        return tuple(key.secret for key in ordered if key.secret is not None)


def _members(text: str | bytes, most: int) -> list[Any]:
    try:
        document = strict_json.loads(text.encode("utf-8") if isinstance(text, str) else text)
    except (strict_json.InvalidJsonError, UnicodeEncodeError) as error:
        raise InvalidKeySetError(f"is not JSON: {error}") from None
    members = document.get("keys") if isinstance(document, dict) else None
    if not isinstance(members, list) or not 1 <= len(members) <= most:
        raise InvalidKeySetError(f'is not a JWK set with 1 to {most} members under "keys"')
    return members


def _parse_key(member: object, number: int) -> Key:
    if not isinstance(member, dict):
        raise InvalidKeySetError(f"has a member that is no key at position {number}")
    kid = member.get("kid")
    if not isinstance(kid, str) or not _KID.fullmatch(kid):
        raise InvalidKeySetError(f"has a key without a usable kid at position {number}")
    if member.get("use", "sig") != "sig":
        raise InvalidKeySetError(f"has a key that is not for signatures: {kid}")
    try:
        match member.get("kty"), member.get("alg"):
            case "oct", "HS256":
                return _hmac_key(kid, base64url.decode(_text(member, "k")), member)
            case "EC", "ES256":
                return _elliptic_key(kid, member)
            case "RSA", "RS256":
                return _rsa_key(kid, member)
    except WeakKeyError as error:
        raise InvalidKeySetError(f"has a key that {error}: {kid}") from None
    except (ValueError, JOSEError):
        raise InvalidKeySetError(f"has a key with damaged or missing parts: {kid}") from None
    raise InvalidKeySetError(
        f'has a key that is neither kty "oct" with alg HS256, "EC" with ES256, nor "RSA" with RS256: {kid}'
    )


def _hmac_key(kid: str, secret: bytes, member: Mapping[str, Any]) -> Key:
    check_secret(secret)
    key = jwk.construct(secret, HS256)
    return Key(kid, HS256, key, key, secret, None, *_times(member))


def _elliptic_key(kid: str, member: Mapping[str, Any]) -> Key:
    public = {name: _text(member, name) for name in _EC_PUBLIC}
    if public["crv"] != "P-256":
        raise ValueError("ES256 is P-256 (RFC 7518 section 3.4)")
    published = {**public, "alg": ES256, "use": "sig", "kid": kid}
    verifying = jwk.construct(public, ES256)
    if "d" not in member:
        return Key(kid, ES256, verifying, None, None, published, *_times(member))
    private = _text(member, "d")
    signing = jwk.construct({**public, "d": private}, ES256)
    return Key(kid, ES256, verifying, signing, base64url.decode(private), published, *_times(member))


def _rsa_key(kid: str, member: Mapping[str, Any]) -> Key:
    public = {name: _text(member, name) for name in _RSA_PUBLIC}
    modulus, exponent = (int.from_bytes(base64url.decode(public[name]), "big") for name in ("n", "e"))
    if modulus.bit_length() not in _RSA_BITS or exponent not in _RSA_EXPONENTS:
        raise ValueError("RS256 keys have 2048 bits or more (RFC 7518 section 3.3)")
    published = {**public, "alg": RS256, "use": "sig", "kid": kid}
    verifying = jwk.construct(public, RS256)
    if "d" not in member:
        return Key(kid, RS256, verifying, None, None, published, *_times(member))
    private = {name: _text(member, name) for name in _RSA_PRIVATE}
    # cryptography checks that the halves belong together.
    signing = jwk.construct({**public, **private}, RS256)
    return Key(kid, RS256, verifying, signing, base64url.decode(private["d"]), published, *_times(member))


def _times(member: Mapping[str, Any]) -> tuple[int, int | None]:
    activate_at, retire_at = member.get("activate_at", 0), member.get("retire_at")
    if type(activate_at) is not int or (retire_at is not None and type(retire_at) is not int):
        raise ValueError("times are whole seconds")
    return activate_at, retire_at


def _text(member: Mapping[str, Any], name: str) -> str:
    value = member.get(name)
    if not isinstance(value, str):
        raise ValueError(f"{name} is not text")  # noqa: TRY004 - one error type for a damaged key
    return value
