"""The fields of stored hashes, and what is wrong with a hash that cannot be verified."""

import re
from base64 import b64decode, b64encode
from typing import Final

SALT_BYTES: Final = range(1, 129)
HASH_BYTES: Final = range(16, 129)


class CorruptHashError(ValueError):
    """A text that is no hash to verify; `reason` is a word for the log and never quotes the text."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


class UntruncatedHash:
    """A hash that no other password than the right one matches."""

    __slots__ = ()

    def proves(self, secret: bytes) -> bool:  # noqa: ARG002 - it would make no difference
        """Tell whether no other password than these bytes matches when they do: always."""
        return True


def match(pattern: re.Pattern[str], text: str) -> re.Match[str]:
    """Return the fields of a hash; raises CorruptHashError."""
    found = pattern.fullmatch(text)
    if found is None:
        raise CorruptHashError("malformed")
    return found


def require_lengths(salt: bytes, expected: bytes) -> None:
    """Raise CorruptHashError unless the salt and the hash have lengths that systems write."""
    if len(salt) not in SALT_BYTES or len(expected) not in HASH_BYTES:
        raise CorruptHashError("malformed")


def decode_base64(text: str) -> bytes:
    """Read Base64 of the standard alphabet, with padding or without; raises CorruptHashError."""
    bare = text.rstrip("=")
    try:
        raw = b64decode(bare + "=" * (-len(bare) % 4), validate=True)
    except ValueError:
        raise CorruptHashError("malformed") from None
    if encode_base64(raw) != bare:
        # Unused bits at the end are damage; libargon2 rejects them, too.
        raise CorruptHashError("malformed")
    return raw


def decode_passlib(text: str) -> bytes:
    """Read passlib's spelling, in which `.` stands for `+`; raises CorruptHashError."""
    if "+" in text or "=" in text:
        raise CorruptHashError("malformed")
    return decode_base64(text.replace(".", "+"))


def encode_base64(raw: bytes) -> str:
    """Write bytes without padding, as PHC strings have them."""
    return b64encode(raw).decode("ascii").rstrip("=")
