"""One-time codes: what they look like, how long they count, and what is stored of them.

A code that somebody types has six digits, lives for ten minutes and stands five guesses (ASVS 6.5.5, 6.6.3);
a million values are soon tried, so what is stored is an HMAC. A code that lives for days is long and
random, and a plain hash of it will do.
"""

import hashlib
import hmac
import secrets
import uuid
from collections.abc import Sequence
from enum import StrEnum
from typing import Final

from doorward_client import base64url

PIN_DIGITS: Final = 6
PIN_SECONDS: Final = 600
MAX_GUESSES: Final = 5

_LONG_BYTES: Final = 24


class Purpose(StrEnum):
    """What a code of an account is for."""

    RESET = "password_reset"
    EMAIL = "email_change"
    INVITATION = "invitation"


def new_pin() -> str:
    """Make a code to type."""
    return f"{secrets.randbelow(10**PIN_DIGITS):0{PIN_DIGITS}d}"


def new_long_code() -> str:
    """Make a code to follow as a link or to paste."""
    return base64url.encode(secrets.token_bytes(_LONG_BYTES))


def hash_pin(secret: bytes, purpose: Purpose, user_id: uuid.UUID, pin: str) -> bytes:
    """Return what is stored of a PIN: with another purpose or for another account it is another."""
    key = hmac.digest(secret, b"doorward one-time code", "sha256")
    return hmac.digest(key, purpose.encode("ascii") + b"\0" + user_id.bytes + pin.encode("utf-8"), "sha256")


def is_pin(
    stored: bytes, known_secrets: Sequence[bytes], purpose: Purpose, user_id: uuid.UUID, pin: str
) -> bool:
    """Tell whether a PIN is the stored one, made with whichever secret was first then."""
    hashes = [hash_pin(secret, purpose, user_id, pin) for secret in known_secrets]
    return any(hmac.compare_digest(stored, one) for one in hashes)


def hash_long_code(code: str) -> bytes:
    """Return what is stored of a long code."""
    return hashlib.sha256(b"doorward long code\0" + code.encode("utf-8", "surrogatepass")).digest()
