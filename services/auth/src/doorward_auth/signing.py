"""The only code that signs access tokens."""

import time
import uuid
from typing import Any, Final

from jose import jwt

from doorward_client.keys.key_store import KeyStore
from doorward_client.tokens import TOKEN_TYPE


class Signer:
    """Signs the access tokens of one issuer (RFC 9068) with the key that is active."""

    def __init__(self, keys: KeyStore, *, issuer: str, audience: str, lifetime: int) -> None:
        self.lifetime: Final = lifetime
        self._keys = keys
        self._issuer = issuer
        self._audience = audience

    def sign(self, *, user_id: uuid.UUID, session_id: uuid.UUID, role: str, token_version: int) -> str:
        """Return a token that is good for `lifetime` seconds from now; raises NoSigningKeyError."""
        key = self._keys.signing
        assert key.signing is not None  # what the ring calls its signing key has a private half
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
            "token_version": token_version,
        }
        return jwt.encode(claims, key.signing, key.algorithm, headers={"typ": TOKEN_TYPE, "kid": key.kid})
