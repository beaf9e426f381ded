"""Access tokens of this auth, for whatever audience: what introspection and revocation are about."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from doorward_auth.oidc.provider import OpenIdProvider
from doorward_client import base64url, strict_json
from doorward_client.token_verification import TokenVerificationService
from doorward_client.tokens import MAX_TOKEN_LENGTH, Claims, InvalidTokenError, Verifier

_SEGMENTS = 3


@dataclass(frozen=True, slots=True)
class IssuedToken:
    """A valid access token. `payload` are all its claims."""

    claims: Claims
    payload: Mapping[str, Any]

    @property
    def client_id(self) -> str | None:
        """The registered client that it was issued to, None if it was no such client."""
        return self.payload.get("client_id")


class IssuedTokens:
    """Verifies tokens of both key sets."""

    def __init__(self, verification: TokenVerificationService, provider: OpenIdProvider) -> None:
        self._verifier = verification.verifier
        self._revocations = verification.revocations
        self._provider = provider

    def read(self, text: str) -> IssuedToken | None:
        """Return a valid access token; None for every other text.

        Raises as Verifier.verify does while keys or revocations are missing or stale.
        """
        header, payload = _segment(text, 0), _segment(text, 1)
        try:
            return IssuedToken(self._verifier_for(header, payload).verify(text), payload)
        except InvalidTokenError:
            return None

    def _verifier_for(self, header: Mapping[str, Any], payload: Mapping[str, Any]) -> Verifier:
        """Choose the keys by the token's kid; the audience of a client's token is that which it names."""
        kid, audience = header.get("kid"), payload.get("aud")
        if not self._provider.is_on or not isinstance(kid, str) or not isinstance(audience, str):
            return self._verifier
        if kid not in self._provider.keys.verification_keys:
            return self._verifier
        return self._provider.verifier(audience, self._revocations)


def _segment(text: str, number: int) -> Mapping[str, Any]:
    """Read a part of a token that nothing has verified yet."""
    segments = text.split(".") if len(text) <= MAX_TOKEN_LENGTH else []
    if len(segments) != _SEGMENTS:
        return {}
    try:
        value = strict_json.loads(base64url.decode(segments[number]))
    except ValueError:
        return {}
    return value if isinstance(value, dict) else {}
