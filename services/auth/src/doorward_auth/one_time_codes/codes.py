"""One-time codes: their forms, their lifetimes, and how they are derived.

The database stores a random seed, and the code is an HMAC of it under the service's key. So a stolen
database opens nothing, and a mail that is asked for again carries the same code: whichever mail the owner
reads, its code works, and no request of a stranger replaces it.

A PIN has six digits and expires after ten minutes (ASVS 6.5.5); its guesses are counted for its address
(6.6.3, see `guesses`). A long code cannot be guessed, so no wrong one is counted.
"""

import hmac
import secrets
import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import ClassVar, Final, Self

from doorward_auth.opaque_tokens import OpaqueToken
from doorward_client.errors import DoorwardError

PIN_DIGITS: Final = 6
PIN_SECONDS: Final = 600
LONG_CODE_SECONDS: Final = 86_400
_SEED_BYTES: Final = 16


class InvalidCodeError(DoorwardError):
    """400 for every code that is wrong, used, expired, or guessed at too often."""

    status = 400
    code = "invalid_code"
    detail = "The code is wrong, was used or has expired. Ask for a new one."


class Purpose(StrEnum):
    """The purpose of a code."""

    REGISTRATION = "registration"
    INVITATION = "invitation"
    RESET = "password_reset"
    EMAIL = "email_change"
    PROOF = "email_proof"
    """Proof that the owner reads the address that an administrator has set."""


class CodeForm(StrEnum):
    """The form of a code."""

    PIN = "pin"
    LONG = "long"


def new_seed() -> bytes:
    """Make what is stored of a code."""
    return secrets.token_bytes(_SEED_BYTES)


def derive(secret: bytes, purpose: Purpose, owner_id: uuid.UUID, seed: bytes) -> bytes:
    """Return the 32 bytes that a code is made of, bound to its purpose and owner."""
    key = hmac.digest(secret, b"doorward one-time code", "sha256")
    return hmac.digest(key, purpose.encode("ascii") + b"\0" + owner_id.bytes + seed, "sha256")


def pin_of(derived: bytes) -> str:
    """Return the six digits of a derived code."""
    return f"{int.from_bytes(derived) % 10**PIN_DIGITS:0{PIN_DIGITS}d}"


def is_pin(
    text: str, known_secrets: Sequence[bytes], purpose: Purpose, owner_id: uuid.UUID, seed: bytes
) -> bool:
    """Tell whether a text is the PIN of a seed, under any of the secrets: they rotate."""
    entered = text.encode("utf-8")
    pins = [pin_of(derive(secret, purpose, owner_id, seed)).encode("ascii") for secret in known_secrets]
    return any(hmac.compare_digest(entered, pin) for pin in pins)


@dataclass(frozen=True, slots=True, repr=False)
class LongCode(OpaqueToken):
    """A code with the id of its owner and 256 bits that cannot be guessed."""

    purpose: ClassVar[Purpose]

    @classmethod
    def of(cls, secret: bytes, owner_id: uuid.UUID, seed: bytes) -> Self:
        """Return the code of a seed."""
        return cls(owner_id, derive(secret, cls.purpose, owner_id, seed))

    def is_of(self, known_secrets: Sequence[bytes], seed: bytes) -> bool:
        """Tell whether this is the code of a seed, under any of the secrets: they rotate."""
        codes = [derive(secret, self.purpose, self.id, seed) for secret in known_secrets]
        return any(hmac.compare_digest(self.secret, code) for code in codes)


@dataclass(frozen=True, slots=True, repr=False)
class VerificationCode(LongCode):
    """Proves that the caller reads the mail of an address without an account."""

    prefix: ClassVar[str] = "dwv_"
    purpose: ClassVar[Purpose] = Purpose.REGISTRATION


@dataclass(frozen=True, slots=True, repr=False)
class InvitationCode(LongCode):
    """Proves that the caller reads the mail of an invited user."""

    prefix: ClassVar[str] = "dwi_"
    purpose: ClassVar[Purpose] = Purpose.INVITATION


@dataclass(frozen=True, slots=True, repr=False)
class ResetCode(LongCode):
    """Replaces the PIN of a password reset that was guessed at."""

    prefix: ClassVar[str] = "dwc_"
    purpose: ClassVar[Purpose] = Purpose.RESET


@dataclass(frozen=True, slots=True, repr=False)
class EmailChangeCode(LongCode):
    """Replaces the PIN of an email change that was guessed at."""

    prefix: ClassVar[str] = "dwe_"
    purpose: ClassVar[Purpose] = Purpose.EMAIL


@dataclass(frozen=True, slots=True, repr=False)
class EmailProofCode(LongCode):
    """Replaces the PIN that proves an address at the sign-in, after it was guessed at."""

    prefix: ClassVar[str] = "dwp_"
    purpose: ClassVar[Purpose] = Purpose.PROOF


LONG_CODES: Final[dict[Purpose, type[LongCode]]] = {
    code.purpose: code
    for code in (VerificationCode, InvitationCode, ResetCode, EmailChangeCode, EmailProofCode)
}
