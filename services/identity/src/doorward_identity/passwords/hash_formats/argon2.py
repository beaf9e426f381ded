"""Argon2 in PHC form, of any variant and parameters within bounds (RFC 9106)."""

import re
from dataclasses import dataclass
from typing import Final, NamedTuple, Self

from doorward_identity.passwords.argon2_bindings import (
    Type,
    VerificationError,
    VerifyMismatchError,
    verify_secret,
)
from doorward_identity.passwords.hash_formats.fields import (
    HASH_BYTES,
    CorruptHashError,
    UntruncatedHash,
    decode_base64,
    match,
)

_TEXT: Final = re.compile(
    r"(?:argon2)?"  # Django's own prefix
    r"(?P<phc>\$argon2(?P<variant>id|i|d)(?:\$v=(?:16|19))?"
    r"\$m=(?P<memory>[0-9]{1,10}),t=(?P<passes>[0-9]{1,10}),p=(?P<lanes>[0-9]{1,10})"
    r"\$(?P<salt>[A-Za-z0-9+/]+)\$(?P<hash>[A-Za-z0-9+/]+))"
)
_VARIANTS: Final = {"id": Type.ID, "i": Type.I, "d": Type.D}
_LEAST_KIB: Final = 8  # of each lane (RFC 9106 section 3.1)
_LANES: Final = range(1, 17)
_SALT_BYTES: Final = range(8, 65)


class Argon2Limits(NamedTuple):
    """The most that verifying one hash may take.

    The defaults cover Django (100 MiB, 2 passes, 8 lanes), argon2-cffi and PHP (64 MiB, 3 or 4), Keycloak
    (7 MiB, 5) and a pod that has little more than that.
    """

    memory_kib: int = 131_072
    work_kib: int = 1_048_576
    """Memory times passes: a second of one core."""

    def covering(self, memory_kib: int, passes: int) -> Self:
        """Return limits that also allow parameters of our own."""
        return self._replace(
            memory_kib=max(self.memory_kib, memory_kib),
            work_kib=max(self.work_kib, memory_kib * passes),
        )


@dataclass(frozen=True, slots=True)
class Argon2Hash(UntruncatedHash):
    """An Argon2 hash whose cost is bounded."""

    phc: bytes
    variant: Type

    @classmethod
    def parse(cls, text: str, limits: Argon2Limits) -> Self:
        """Read a hash; raises CorruptHashError."""
        found = match(_TEXT, text)
        if (
            len(decode_base64(found["salt"])) not in _SALT_BYTES
            or len(decode_base64(found["hash"])) not in HASH_BYTES
        ):
            raise CorruptHashError("malformed")
        memory, passes, lanes = (int(found[name]) for name in ("memory", "passes", "lanes"))
        if passes < 1 or lanes not in _LANES or memory < _LEAST_KIB * lanes:
            raise CorruptHashError("malformed")
        if memory > limits.memory_kib or memory * passes > limits.work_kib:
            raise CorruptHashError("too_costly")
        return cls(found["phc"].encode("ascii"), _VARIANTS[found["variant"]])

    def matches(self, secret: bytes) -> bool:
        """Tell whether the hash was made of these bytes; raises CorruptHashError."""
        try:
            return verify_secret(self.phc, secret, self.variant)
        except VerifyMismatchError:
            return False
        except VerificationError:
            raise CorruptHashError("malformed") from None
