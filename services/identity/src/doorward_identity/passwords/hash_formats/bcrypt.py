"""bcrypt in crypt form, and in the two forms that Django gives it."""

import hashlib
import re
from dataclasses import dataclass
from typing import Final, Self

import bcrypt

from doorward_identity.passwords.hash_formats.fields import CorruptHashError, match

# The last character of a salt stands for two bits: four characters are possible, others are damage.
_TEXT: Final = re.compile(
    r"(?:bcrypt(?P<prehash>_sha256)?\$)?"
    r"(?P<crypt>\$2[aby]\$(?P<cost>[0-9]{2})\$[./A-Za-z0-9]{21}[.Oeu][./A-Za-z0-9]{31})"
)
_COSTS: Final = range(4, 15)
_BYTES_READ: Final = 72


@dataclass(frozen=True, slots=True)
class BcryptHash:
    """A bcrypt hash whose cost is bounded.

    bcrypt reads 72 bytes. The systems that these hashes come from dropped the rest, so it is dropped here
    too, and such a match does not prove the rest. (Django's `bcrypt_sha256` lost nothing.)
    """

    crypt: bytes
    is_prehashed: bool

    @classmethod
    def parse(cls, text: str) -> Self:
        """Read a hash; raises CorruptHashError."""
        found = match(_TEXT, text)
        if int(found["cost"]) not in _COSTS:
            raise CorruptHashError("too_costly")
        return cls(found["crypt"].encode("ascii"), is_prehashed=found["prehash"] is not None)

    def matches(self, secret: bytes) -> bool:
        """Tell whether the hash was made of these bytes."""
        if b"\0" in secret:
            # bcrypt repeats a key with a NUL behind it, so that `a` and `a\0a` have the same hash.
            return False
        key = hashlib.sha256(secret).hexdigest().encode("ascii") if self.is_prehashed else secret
        return bcrypt.checkpw(key[:_BYTES_READ], self.crypt)

    def proves(self, secret: bytes) -> bool:
        """Tell whether no other password than these bytes matches when they do.

        A shorter text ends with a NUL that bcrypt reads. From 72 bytes on nothing tells where it ended.
        """
        return self.is_prehashed or len(secret) < _BYTES_READ
