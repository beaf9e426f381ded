"""Opaque tokens: the id of a row and a secret.

The id finds the row by primary key. The row stores a hash of the 256 random bits; for so many bits one
round of SHA-256 is enough.
"""

import hashlib
import re
import secrets
import uuid
from base64 import urlsafe_b64decode, urlsafe_b64encode
from dataclasses import dataclass
from typing import ClassVar, Final, Self

_ID_BYTES: Final = 16
_SECRET_BYTES: Final = 32
_ENCODED: Final = re.compile("[A-Za-z0-9_-]{64}")
"""48 bytes are a multiple of three: no padding and no unused bits, so each token has one spelling."""


@dataclass(frozen=True, slots=True)
class OpaqueToken:
    """An id and a secret. Each kind has a prefix, by which scanners recognise a leaked one."""

    prefix: ClassVar[str]

    id: uuid.UUID
    secret: bytes

    @classmethod
    def issue(cls, row_id: uuid.UUID) -> Self:
        """Make a token for a row."""
        return cls(row_id, secrets.token_bytes(_SECRET_BYTES))

    @classmethod
    def parse(cls, text: str) -> Self | None:
        """Read what `str` writes; None for any other text."""
        encoded = text.removeprefix(cls.prefix)
        if not text.startswith(cls.prefix) or not _ENCODED.fullmatch(encoded):
            return None
        raw = urlsafe_b64decode(encoded)
        return cls(uuid.UUID(bytes=raw[:_ID_BYTES]), raw[_ID_BYTES:])

    def hash(self) -> bytes:
        """Return what is stored of the secret."""
        return hashlib.sha256(self.secret).digest()

    def __str__(self) -> str:
        return self.prefix + urlsafe_b64encode(self.id.bytes + self.secret).decode("ascii")

    def __repr__(self) -> str:
        return f"{type(self).__name__}(id={self.id})"
