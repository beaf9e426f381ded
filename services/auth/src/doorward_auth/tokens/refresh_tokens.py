"""Refresh tokens: opaque text that names a session and proves to hold its secret.

The text carries the session's id, so that its row is found by primary key; the row holds a hash of
the secret. The secret is 256 random bits, for which one round of SHA-256 is enough.
"""

import hashlib
import hmac
import re
import secrets
import uuid
from dataclasses import dataclass
from typing import Final

from doorward_common import base64url

_PREFIX: Final = "dwr_"  # secret scanners recognise a leaked token by it
_ID_BYTES: Final = 16
_SECRET_BYTES: Final = 32
_TEXT: Final = re.compile(_PREFIX + "[A-Za-z0-9_-]{64}")  # 48 bytes: a multiple of three, no padding


@dataclass(frozen=True, slots=True)
class RefreshToken:
    """One refresh token."""

    session_id: uuid.UUID
    secret: bytes

    @classmethod
    def issue(cls, session_id: uuid.UUID) -> "RefreshToken":
        """Make the first token of a session."""
        return cls(session_id, secrets.token_bytes(_SECRET_BYTES))

    @classmethod
    def parse(cls, text: str) -> "RefreshToken | None":
        """Read a token back; None for any other text."""
        if not _TEXT.fullmatch(text):
            return None
        raw = base64url.decode(text.removeprefix(_PREFIX))
        return cls(uuid.UUID(bytes=raw[:_ID_BYTES]), raw[_ID_BYTES:])

    def successor(self, secret: bytes) -> "RefreshToken":
        """Return the token that replaces this one, the same at every call with one secret of the service.

        A client that lost the answer may ask again and gets it, though only its hash is stored.
        """
        key = hmac.digest(secret, b"doorward refresh successor", "sha256")
        return RefreshToken(self.session_id, hmac.digest(key, self.secret, "sha256"))

    def hash(self) -> bytes:
        """Return what is stored of the token."""
        return hashlib.sha256(self.secret).digest()

    def __str__(self) -> str:
        raw = self.session_id.bytes + self.secret
        return _PREFIX + base64url.encode(raw)

    def __repr__(self) -> str:
        return f"RefreshToken(session_id={self.session_id})"
