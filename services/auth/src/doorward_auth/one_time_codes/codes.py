"""One-time codes: their form, their lifetime, and what is stored of them.

A PIN has six digits, expires after ten minutes and allows five guesses (ASVS 6.5.5, 6.6.3). A million values
are soon tried, so the database stores an HMAC of it. A code that is valid for days is long and random, and
a plain hash is enough.
"""

import hmac
import secrets
import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import ClassVar, Final

from doorward_auth.opaque_tokens import OpaqueToken
from doorward_client.errors import DoorwardError

PIN_DIGITS: Final = 6
PIN_SECONDS: Final = 600
MAX_GUESSES: Final = 5


class InvalidCodeError(DoorwardError):
    """400 for every code that is wrong, used, expired, or guessed at too often."""

    status = 400
    code = "invalid_code"
    detail = "The code is wrong, was used or has expired. Ask for a new one."


class Purpose(StrEnum):
    """What an account's code is for."""

    RESET = "password_reset"
    EMAIL = "email_change"
    INVITATION = "invitation"


def new_pin() -> str:
    """Make a code to type."""
    return f"{secrets.randbelow(10**PIN_DIGITS):0{PIN_DIGITS}d}"


def hash_pin(secret: bytes, purpose: Purpose, user_id: uuid.UUID, pin: str) -> bytes:
    """Return what is stored of a PIN, bound to its purpose and account."""
    key = hmac.digest(secret, b"doorward one-time code", "sha256")
    return hmac.digest(key, purpose.encode("ascii") + b"\0" + user_id.bytes + pin.encode("utf-8"), "sha256")


def is_pin(
    stored: bytes, known_secrets: Sequence[bytes], purpose: Purpose, user_id: uuid.UUID, pin: str
) -> bool:
    """Tell whether a PIN is the stored one, hashed with any of the secrets: they rotate."""
    hashes = [hash_pin(secret, purpose, user_id, pin) for secret in known_secrets]
    return any(hmac.compare_digest(stored, candidate) for candidate in hashes)


@dataclass(frozen=True, slots=True, repr=False)
class VerificationCode(OpaqueToken):
    """Proves that the caller reads the mail of a registration, which is the code's id."""

    prefix: ClassVar[str] = "dwv_"


@dataclass(frozen=True, slots=True, repr=False)
class InvitationCode(OpaqueToken):
    """Proves that the caller reads the mail of an invited user, which is the code's id."""

    prefix: ClassVar[str] = "dwi_"
