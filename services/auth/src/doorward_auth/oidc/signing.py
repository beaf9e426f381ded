"""The tokens that registered clients get: id tokens, logout tokens, and access tokens for other audiences.

Their types keep them apart (RFC 8725 section 3.11): `JWT`, `logout+jwt` and `at+jwt`. No verifier takes two.
"""

import hashlib
import time
import uuid
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from jose import jwt
from uuid_utils import uuid4

from doorward_auth.authentication import Authentication
from doorward_auth.group_claims import sign_with_groups
from doorward_auth.oidc.clients.client import IdTokenAlgorithm
from doorward_client import base64url
from doorward_client.keys.key_store import KeyStore
from doorward_client.tokens import TOKEN_TYPE

ID_TOKEN_TYPE: Final = "JWT"  # noqa: S105 - a media type, not a secret
LOGOUT_TOKEN_TYPE: Final = "logout+jwt"  # noqa: S105 - a media type (Back-Channel Logout section 2.4)
ID_TOKEN_SECONDS: Final = 300
LOGOUT_TOKEN_SECONDS: Final = 120

USER_ROLE: Final = "user"
"""`role` of a user's access tokens for other audiences: Doorward's own roles are not their matter."""

MACHINE_ROLE: Final = "service"
"""`role` of a machine's access tokens: no role of a user, so that no permission follows from it."""

_LOGOUT_EVENT: Final = "http://schemas.openid.net/event/backchannel-logout"


@dataclass(frozen=True, slots=True, kw_only=True)
class IdToken:
    """The content of an id token (OpenID Connect Core section 2).

    `session_id` is the claim `sid`. `access_token` is the one that is issued with it. `profile` are the
    claims about the user; those without a value are left out.
    """

    user_id: uuid.UUID
    client_id: str
    session_id: uuid.UUID
    authentication: Authentication
    nonce: str | None = None
    access_token: str | None = None
    profile: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class ClientAccessToken:
    """The content of a client's access token (RFC 9068 section 2.2).

    `subject_id` is a user or, for a machine, its client's row. `audience` is a resource or the issuer.
    `authentication` is None without a user, and `groups` without the scope; there is one past MAX_GROUPS if
    there are more.
    """

    subject_id: uuid.UUID
    session_id: uuid.UUID
    client_id: str
    audience: str
    scope: str
    role: str
    token_version: int
    authentication: Authentication | None = None
    groups: Sequence[str] | None = None


class ClientTokenSigner:
    """Signs what the clients of one issuer get; every method raises NoSigningKeyError."""

    def __init__(
        self, keys: KeyStore, *, issuer: str, lifetime: int, clock: Callable[[], float] = time.time
    ) -> None:
        self.lifetime: Final = lifetime
        self._keys = keys
        self._issuer = issuer
        self._clock = clock

    def id_token(self, token: IdToken, algorithm: IdTokenAlgorithm) -> str:
        """Return an id token, valid for ID_TOKEN_SECONDS."""
        profile = {name: value for name, value in token.profile.items() if value is not None}
        claims = profile | {
            **self._common_claims(token.client_id, ID_TOKEN_SECONDS),
            "sub": str(token.user_id),
            "sid": str(token.session_id),
            **token.authentication.claims(),
        }
        if token.nonce is not None:
            claims["nonce"] = token.nonce
        if token.access_token is not None:
            claims["at_hash"] = half_hash(token.access_token)
        return self._sign(claims, ID_TOKEN_TYPE, algorithm)

    def access_token(self, token: ClientAccessToken, algorithm: IdTokenAlgorithm) -> str:
        """Return an access token, valid for `lifetime` seconds."""
        claims = {
            **self._common_claims(token.audience, self.lifetime),
            "sub": str(token.subject_id),
            "sid": str(token.session_id),
            "jti": uuid4().hex,
            "client_id": token.client_id,
            "scope": token.scope,
            "role": token.role,
            "token_version": token.token_version,
            **({} if token.authentication is None else token.authentication.claims()),
        }
        if not token.scope:
            del claims["scope"]  # RFC 6749 section 3.3: a scope has at least one character

        def sign(complete: Mapping[str, Any]) -> str:
            return self._sign(complete, TOKEN_TYPE, algorithm)

        return sign(claims) if token.groups is None else sign_with_groups(claims, token.groups, sign)

    def logout_token(
        self,
        *,
        client_id: str,
        user_id: uuid.UUID,
        session_id: uuid.UUID | None,
        algorithm: IdTokenAlgorithm,
    ) -> str:
        """Return a logout token (OpenID Connect Back-Channel Logout section 2.4).

        Without `session_id` all sessions of the user have ended.
        """
        claims = {
            **self._common_claims(client_id, LOGOUT_TOKEN_SECONDS),
            "sub": str(user_id),
            "jti": uuid4().hex,
            "events": {_LOGOUT_EVENT: {}},
        }
        if session_id is not None:
            claims["sid"] = str(session_id)
        return self._sign(claims, LOGOUT_TOKEN_TYPE, algorithm)

    def _common_claims(self, audience: str, lifetime: int) -> dict[str, Any]:
        now = int(self._clock())
        return {"iss": self._issuer, "aud": audience, "iat": now, "exp": now + lifetime}

    def _sign(self, claims: Mapping[str, Any], token_type: str, algorithm: IdTokenAlgorithm) -> str:
        key = self._keys.signing_with(algorithm.value)
        assert key.signing is not None  # a signing key of the store has a private half
        headers = {"typ": token_type, "kid": key.kid}
        return jwt.encode(dict(claims), key.signing, key.algorithm, headers=headers)


def half_hash(text: str) -> str:
    """Return `at_hash` (OpenID Connect Core section 3.1.3.6) for RS256 and ES256: half of SHA-256."""
    return base64url.encode(hashlib.sha256(text.encode("ascii")).digest()[:16])
