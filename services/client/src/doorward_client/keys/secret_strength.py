"""What a secret must be to sign tokens or to identify a service."""

import hashlib
from typing import Final

MINIMUM_BYTES: Final = 32
"""RFC 7518 section 3.2: as long as the hash's output."""

_MINIMUM_DISTINCT_BYTES: Final = 12
"""Thirty-two random bytes have fewer than this about once in 10^20; typed-in fillers always do."""

_WELL_KNOWN: Final = frozenset(
    {
        # Printed in tutorials and default files; each has been found signing live tokens.
        b"09d25e094faa6ca2556c818166b7a9563b93f7099f6f0f4caa6cf63b88e8d3e7",
        b"a-string-secret-at-least-256-bits-long",
        b"your-256-bit-secret-your-256-bit-secret",
        b"your-secret-key-change-it-in-production",
        b"your-super-secret-key-change-in-production",
        b"please-change-this-secret-key-in-production",
    }
)


class WeakKeyError(ValueError):
    """The key would let strangers sign tokens; the message says what to set instead."""


def check_secret(secret: bytes) -> None:
    """Refuse a secret that can be guessed; raises WeakKeyError."""
    if len(secret) < MINIMUM_BYTES:
        raise WeakKeyError(f"is shorter than {MINIMUM_BYTES} bytes; make one with `openssl rand -base64 48`")
    if secret in _WELL_KNOWN or len(set(secret)) < _MINIMUM_DISTINCT_BYTES:
        raise WeakKeyError("is well known or repetitive; make one with `openssl rand -base64 48`")


def key_id(secret: bytes) -> str:
    """Name a key by a hash that says nothing about it, equal in every service that holds it."""
    return hashlib.sha256(b"doorward key id\0" + secret).hexdigest()[:16]
