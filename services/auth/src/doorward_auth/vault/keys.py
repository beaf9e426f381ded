"""The keys of the vault: a JWK set (RFC 7517) of 256-bit keys for AES-GCM.

A key seals from `activate_at` on, a Unix time, and opens as long as it is in the set. So every process has a
key before the first value that is sealed with it.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final, Self

from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from doorward_client import base64url, strict_json
from doorward_client.keys.secret_strength import WeakKeyError, check_secret, key_id

ALGORITHM: Final = "A256GCM"
KEY_BYTES: Final = 32
MAX_KEYS: Final = 16


class InvalidVaultKeysError(ValueError):
    """The text is not a usable set of keys; the message has the reason and quotes no key."""


@dataclass(frozen=True, slots=True, repr=False)
class VaultKey:
    """One key. Its id is a hash of the key, so an id cannot come to mean another key."""

    kid: str
    cipher: AESGCM
    activate_at: int = 0

    @property
    def id_bytes(self) -> bytes:
        """The id as sealed values contain it."""
        return bytes.fromhex(self.kid)


@dataclass(frozen=True, slots=True, repr=False)
class VaultKeySet:
    """Keys by their ids in bytes."""

    keys: Mapping[bytes, VaultKey]

    @classmethod
    def parse(cls, text: bytes) -> Self:
        """Read a key set; raises InvalidVaultKeysError."""
        try:
            document = strict_json.loads(text)
        except strict_json.InvalidJsonError as error:
            raise InvalidVaultKeysError(f"is not JSON: {error}") from None
        members = document.get("keys") if isinstance(document, dict) else None
        if not isinstance(members, list) or not 1 <= len(members) <= MAX_KEYS:
            raise InvalidVaultKeysError(f'is not a JWK set with 1 to {MAX_KEYS} members under "keys"')
        keys = [_parse_key(member, number) for number, member in enumerate(members, 1)]
        if len({key.kid for key in keys}) < len(keys):
            raise InvalidVaultKeysError("has the same key twice")
        return cls({key.id_bytes: key for key in keys})

    def current(self, now: float) -> VaultKey:
        """Return the key that seals: the one that became active last, or the first that will.

        There is always one: what an upstream has just issued must not be lost to a clock.
        """
        active = [key for key in self.keys.values() if key.activate_at <= now]
        if active:
            return max(active, key=lambda key: key.activate_at)
        return min(self.keys.values(), key=lambda key: key.activate_at)

    def pending(self, now: float) -> VaultKey | None:
        """Return the key that will seal next, or None."""
        later = [key for key in self.keys.values() if key.activate_at > now]
        return min(later, key=lambda key: key.activate_at, default=None)


def _parse_key(member: object, number: int) -> VaultKey:
    if not isinstance(member, dict):
        raise InvalidVaultKeysError(f"has a member that is no key at position {number}")
    kind = member.get("kty"), member.get("alg", ALGORITHM), member.get("use", "enc")
    if kind != ("oct", ALGORITHM, "enc"):
        raise InvalidVaultKeysError(f'has no kty "oct" with alg {ALGORITHM} at position {number}')
    return _read_key(member, number)


def _read_key(member: Mapping[str, Any], number: int) -> VaultKey:
    activate_at = member.get("activate_at", 0)
    try:
        secret = base64url.decode(str(member.get("k")))
        check_secret(secret)
    except WeakKeyError as error:
        raise InvalidVaultKeysError(f"has a key that {error}: position {number}") from None
    except ValueError:
        raise InvalidVaultKeysError(f"has a key that is no base64url at position {number}") from None
    if len(secret) != KEY_BYTES or type(activate_at) is not int:
        raise InvalidVaultKeysError(
            f"has a key that is not {KEY_BYTES} bytes long or has no whole seconds in activate_at at position"
            f" {number}"
        )
    kid = key_id(secret)
    if member.get("kid", kid) != kid:
        raise InvalidVaultKeysError(
            f"has another key under the id of an older one at position {number}: its kid is {kid}"
        )
    return VaultKey(kid, AESGCM(secret), activate_at)
