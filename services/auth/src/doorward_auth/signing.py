"""The only code that signs access tokens."""

import time
import uuid
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, Final

from jose import jwt
from uuid_utils import uuid4

from doorward_auth.group_claims import sign_with_groups
from doorward_client.keys.key_store import KeyStore
from doorward_client.tokens import NO_EXTENSIONS, TOKEN_TYPE, Scalar


class Signer:
    """Signs the access tokens of one issuer (RFC 9068) with the active key."""

    def __init__(self, keys: KeyStore, *, issuer: str, audience: str, lifetime: int) -> None:
        self.lifetime: Final = lifetime
        self._keys = keys
        self._issuer = issuer
        self._audience = audience

    def sign(  # noqa: PLR0913 - what a token says
        self,
        *,
        user_id: uuid.UUID,
        session_id: uuid.UUID,
        role: str,
        token_version: int,
        auth_time: datetime,
        acr: str,
        amr: str,
        client_id: str | None = None,
        scope: str | None = None,
        groups: Sequence[str] | None = None,
        extensions: Mapping[str, Scalar] = NO_EXTENSIONS,
    ) -> str:
        """Return a token that is valid for `lifetime` seconds from now; raises NoSigningKeyError.

        `amr` is RFC 8176 names, separated by spaces. `client_id`, `scope` and, with its scope, `groups` are
        those of a session that a registered client has opened. Of groups there may be one past MAX_GROUPS,
        which tells of more. `extensions` are the claim `ext`, which is left out when there are none.
        """
        key = self._keys.signing
        private = key.signing
        assert private is not None  # a signing key of the store has a private half
        now = int(time.time())
        claims: dict[str, Any] = {
            "iss": self._issuer,
            "aud": self._audience,
            "sub": str(user_id),
            "sid": str(session_id),
            "jti": uuid4().hex,
            "iat": now,
            "exp": now + self.lifetime,
            "role": role,
            "token_version": token_version,
            "auth_time": int(auth_time.timestamp()),
            "acr": acr,
            "amr": amr.split(" "),
        }
        if client_id is not None:
            claims["client_id"] = client_id
        if scope is not None:
            claims["scope"] = scope
        if extensions:
            claims["ext"] = dict(extensions)
        headers = {"typ": TOKEN_TYPE, "kid": key.kid}

        def sign(complete: Mapping[str, Any]) -> str:
            return jwt.encode(dict(complete), private, key.algorithm, headers=headers)

        return sign(claims) if groups is None else sign_with_groups(claims, groups, sign)
