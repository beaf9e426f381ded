"""The only code that signs access tokens."""

import time
import uuid
from typing import Any, Final

from jose import jwk, jwt

from doorward_common.keys import ALGORITHM, key_id
from doorward_common.tokens import TOKEN_TYPE


class Signer:
    """Signs the access tokens of one issuer (RFC 9068)."""

    def __init__(self, secret: str, *, issuer: str, audience: str, lifetime: int) -> None:
        self.lifetime: Final = lifetime
        self._key = jwk.construct(secret, ALGORITHM)
        self._header = {"typ": TOKEN_TYPE, "kid": key_id(secret)}
        self._issuer = issuer
        self._audience = audience

    def sign(self, *, user_id: uuid.UUID, session_id: uuid.UUID, role: str, epoch: int) -> str:
        """Return a token that is good for `lifetime` seconds from now."""
        now = int(time.time())
        claims: dict[str, Any] = {
            "iss": self._issuer,
            "aud": self._audience,
            "sub": str(user_id),
            "sid": str(session_id),
            "jti": uuid.uuid4().hex,
            "iat": now,
            "exp": now + self.lifetime,
            "role": role,
            "epoch": epoch,
        }
        return jwt.encode(claims, self._key, ALGORITHM, headers=self._header)
