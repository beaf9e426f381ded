"""Refresh tokens: secrets that renew a session, with successors that can be derived."""

import hmac
import uuid
from dataclasses import dataclass
from typing import ClassVar

from doorward_auth.opaque_tokens import OpaqueToken


@dataclass(frozen=True, slots=True, repr=False)
class RefreshToken(OpaqueToken):
    """One refresh token; its id is the session's."""

    prefix: ClassVar[str] = "dwr_"

    @property
    def session_id(self) -> uuid.UUID:
        """The session that the token renews."""
        return self.id

    def successor(self, secret: bytes) -> "RefreshToken":
        """Return the token that replaces this one, the same at every call with one secret of the service.

        A client that lost the answer can repeat the request, although only the hash is stored.
        """
        key = hmac.digest(secret, b"doorward refresh successor", "sha256")
        return RefreshToken(self.id, hmac.digest(key, self.secret, "sha256"))
