"""Rules for secrets that sign tokens or identify a service."""

import hashlib
from typing import Final

MINIMUM_BYTES: Final = 32
"""RFC 7518 section 3.2: at least as long as the hash."""

_MINIMUM_DISTINCT_BYTES: Final = 12
"""32 random bytes have fewer about once in 10^20; typed fillers always do."""

_WELL_KNOWN: Final = frozenset(
    {
        # From tutorials and default files; each has been found in production.
        b"09d25e094faa6ca2556c818166b7a9563b93f7099f6f0f4caa6cf63b88e8d3e7",
        b"a-string-secret-at-least-256-bits-long",
        b"your-256-bit-secret-your-256-bit-secret",
        b"your-secret-key-change-it-in-production",
        b"your-super-secret-key-change-in-production",
        b"please-change-this-secret-key-in-production",
    }
)


class WeakKeyError(ValueError):
    """The secret can be guessed; the message says how to generate one."""


def check_secret(secret: bytes) -> None:
    """Raise WeakKeyError for a secret that can be guessed."""
    if len(secret) < MINIMUM_BYTES:
        raise WeakKeyError(
            f"is shorter than {MINIMUM_BYTES} bytes; generate one with `openssl rand -base64 48`"
        )
    if secret in _WELL_KNOWN or len(set(secret)) < _MINIMUM_DISTINCT_BYTES:
        raise WeakKeyError("is well known or repetitive; generate one with `openssl rand -base64 48`")


def key_id(secret: bytes) -> str:
    """Return the id of a secret: a hash, the same in every service, that reveals nothing of it."""
    return hashlib.sha256(b"doorward key id\0" + secret).hexdigest()[:16]
