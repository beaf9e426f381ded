"""Proof Key for Code Exchange (RFC 7636), with S256 alone."""

import hashlib
import hmac
import re
import secrets
from typing import Final

from doorward_client import base64url

METHOD: Final = "S256"
CHALLENGE_PATTERN: Final = r"^[A-Za-z0-9_-]{43}$"
"""SHA-256 in base64url (RFC 7636 section 4.2)."""

_VERIFIER: Final = re.compile(r"[A-Za-z0-9._~-]{43,128}")
"""RFC 7636 section 4.1."""

_VERIFIER_BYTES: Final = 32


def new_verifier() -> str:
    """Return a verifier of 43 characters."""
    return secrets.token_urlsafe(_VERIFIER_BYTES)


def challenge_of(verifier: str) -> str:
    """Return the challenge of a verifier, which is in ASCII."""
    return base64url.encode(hashlib.sha256(verifier.encode("ascii")).digest())


def is_challenge(text: str) -> bool:
    return re.fullmatch(CHALLENGE_PATTERN, text) is not None


def is_verifier(text: str) -> bool:
    return _VERIFIER.fullmatch(text) is not None


def is_proven(challenge: str | None, verifier: str | None) -> bool:
    """Tell whether a verifier is that of a challenge.

    A verifier without a challenge is rejected: the challenge was taken out of the request (RFC 9700
    section 4.8.2).
    """
    if challenge is None or verifier is None:
        return challenge is None and verifier is None
    if not is_verifier(verifier):
        return False
    return hmac.compare_digest(challenge_of(verifier), challenge)
