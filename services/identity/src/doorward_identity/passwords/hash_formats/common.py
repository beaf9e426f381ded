"""What the formats have in common."""

import re
from typing import Final

from doorward_identity.passwords.hash_formats.errors import CorruptHashError

SALT_BYTES: Final = range(1, 129)
HASH_BYTES: Final = range(16, 129)


class EveryByteCounts:
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
