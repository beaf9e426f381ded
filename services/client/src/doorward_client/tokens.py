"""Access tokens as verifiers see them: one strict check of a JWT (RFC 7519, RFC 8725, RFC 9068).

python-jose supplies keys and signatures. What it accepts beyond the standards (unknown `crit`,
missing `exp` or `aud`, any `typ`, text behind the signature, headers nested until the stack ends)
is rejected here, before and after the signature is verified. Nothing here can sign.
"""

import hashlib
import re
import time
import uuid
from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any, Final

from doorward_client import base64url, strict_json
from doorward_client.keys.key_set import Key
from doorward_client.keys.key_store import KeysNotReadError, KeyStore
from doorward_client.permissions import (
    ACCOUNT_SCOPE,
    FULL_SCOPE,
    ROLE_PERMISSIONS,
    SCOPE_LIST,
    Permissions,
    permissions_of,
)
from doorward_client.revocations.revocation_list import RevocationList

TOKEN_TYPE: Final = "at+jwt"  # noqa: S105 - a media type (RFC 9068 section 2.1), not a secret
MAX_TOKEN_LENGTH: Final = 4096
MAX_REMEMBERED: Final = 10_000
MAX_LEEWAY_SECONDS: Final = 60
"""The most that a verifier may forgive of a token's expiry: so much longer lives what was revoked."""

_END_OF_TIME: Final = 253_402_300_800  # the year 10000: no calendar here goes further

_MAX_TOKEN_VERSION: Final = 2**31 - 1  # of the column that counts it

_COMPACT: Final = re.compile(r"([A-Za-z0-9_-]+)\.([A-Za-z0-9_-]+)\.([A-Za-z0-9_-]+)")
_ROLE: Final = re.compile(r"[a-z][a-z0-9_-]{0,31}")
_EXTENSION: Final = re.compile(r"[A-Za-z][A-Za-z0-9_.-]{0,63}")
_HEADER_MEMBERS: Final = frozenset({"alg", "kid", "typ"})


Scalar = str | int | float | bool

NO_EXTENSIONS: Final[Mapping[str, Scalar]] = MappingProxyType({})


class InvalidTokenError(Exception):
    """The token proves nothing. `reason` is for logs and metrics, never for the caller."""

    def __init__(self, reason: str) -> None:
        self.reason = reason
        super().__init__(reason)


@dataclass(frozen=True, slots=True)
class Claims:
    """The claims of a verified token.

    `token_version` counts how often all tokens of the user were ended. `scopes` is None for a token
    without the claim, which is not narrowed. `extensions` is the claim `ext`: what the user's upstream says
    about them, by the names that the installation chose. `auth_time` is when the user last gave a proof,
    such as the password; a refresh keeps it. Machines have none.
    """

    user_id: uuid.UUID
    session_id: uuid.UUID
    token_id: str
    role: str
    token_version: int
    issued_at: int
    expires_at: int
    permissions: Permissions
    scopes: frozenset[str] | None = None
    extensions: Mapping[str, Scalar] = field(default_factory=dict, hash=False)
    auth_time: int | None = None

    def may(self, permission: str) -> bool:
        """Tell whether the token grants a permission."""
        return permission in self.permissions

    @property
    def is_narrowed(self) -> bool:
        """Whether scopes leave a part of what the role permits."""
        return self.scopes is not None and FULL_SCOPE not in self.scopes

    @property
    def covers_account(self) -> bool:
        """Whether the token is good for the caller's own data."""
        return self.scopes is None or not self.scopes.isdisjoint({FULL_SCOPE, ACCOUNT_SCOPE})


class Verifier:
    """Verifies tokens of one issuer for one audience with the keys of a ring, and with no others."""

    def __init__(
        self,
        keys: KeyStore,
        *,
        issuer: str,
        audience: str,
        leeway: int = 0,
        role_permissions: Mapping[str, Permissions] = ROLE_PERMISSIONS,
        revocations: RevocationList | None = None,
    ) -> None:
        self._ring = keys
        self._keys = keys.verification_keys
        self._revocations = revocations
        self._issuer = issuer
        self._audience = audience
        self._leeway = leeway
        self._role_permissions = role_permissions
        self._remembered: dict[bytes, Claims] = {}

    def verify(self, token: str) -> Claims:
        """Return the claims of a good token; raises InvalidTokenError for every other text.

        Raises KeysNotReadError and RevocationsNotReadError before there are keys and a first revocation
        list, and StaleRevocationsError if the policy for a stale list is to deny.

        A token that was good once is recognised by its hash until it expires, so that a client's
        further requests cost a hash and not a signature.
        """
        if len(token) > MAX_TOKEN_LENGTH:
            raise InvalidTokenError("too_long")
        if self._keys is not self._ring.verification_keys:
            # What a retired key had signed must not be remembered for longer than the key.
            self._keys = self._ring.verification_keys
            self._remembered.clear()
        if not self._keys:
            raise KeysNotReadError
        now = int(time.time())
        digest = hashlib.sha256(token.encode("utf-8", "replace")).digest()
        claims = self._remembered.get(digest)
        if claims is None:
            claims = self._verify_afresh(token)
            self._remember(digest, claims)
        if claims.expires_at + self._leeway <= now:
            raise InvalidTokenError("expired")
        if claims.issued_at - self._leeway > now + 60:
            raise InvalidTokenError("issued_in_the_future")
        if self._revocations is not None and self._revocations.is_revoked(
            session_id=claims.session_id, user_id=claims.user_id, token_version=claims.token_version
        ):
            raise InvalidTokenError("revoked")
        return claims

    def _remember(self, digest: bytes, claims: Claims) -> None:
        if len(self._remembered) >= MAX_REMEMBERED:
            # Dictionaries keep the order of insertion: this is the one seen first.
            del self._remembered[next(iter(self._remembered))]
        self._remembered[digest] = claims

    def _verify_afresh(self, token: str) -> Claims:
        parts = _COMPACT.fullmatch(token)
        if parts is None:
            raise InvalidTokenError("malformed")
        header = _json_segment(parts[1])
        key = self._key_of(header)
        signed, signature = f"{parts[1]}.{parts[2]}".encode("ascii"), _decode(parts[3])
        try:
            good = key.verifying.verify(signed, signature)
        except Exception as error:
            # Any exception of a key about a malformed signature is a rejection, too.
            raise InvalidTokenError("bad_signature") from error
        if not good:
            raise InvalidTokenError("bad_signature")
        return self._claims(_json_segment(parts[2]))

    def _key_of(self, header: Mapping[str, Any]) -> Key:
        if header.keys() != _HEADER_MEMBERS:
            # Also rejects crit, jku, jwk, x5u, x5c, zip and b64: no token of ours has them.
            raise InvalidTokenError("unexpected_header")
        if header["typ"] != TOKEN_TYPE:
            raise InvalidTokenError("wrong_type")
        kid = header["kid"]
        key = self._keys.get(kid) if isinstance(kid, str) else None
        if key is None:
            raise InvalidTokenError("unknown_key")
        if header["alg"] != key.algorithm:
            raise InvalidTokenError("wrong_algorithm")
        return key

    def _claims(self, claims: Mapping[str, Any]) -> Claims:
        if claims.get("iss") != self._issuer:
            raise InvalidTokenError("wrong_issuer")
        if not _is_for(self._audience, claims.get("aud")):
            raise InvalidTokenError("wrong_audience")
        if "nbf" in claims and _time(claims, "nbf") - self._leeway > time.time():
            raise InvalidTokenError("not_yet_valid")
        role, scopes = _role(claims), _scopes(claims)
        return Claims(
            user_id=_uuid(claims, "sub"),
            session_id=_uuid(claims, "sid"),
            token_id=_text(claims, "jti"),
            role=role,
            token_version=_integer(claims, "token_version", most=_MAX_TOKEN_VERSION),
            issued_at=_time(claims, "iat"),
            expires_at=_time(claims, "exp"),
            permissions=permissions_of(role, scopes, self._role_permissions),
            scopes=scopes,
            extensions=_extensions(claims),
            auth_time=_time(claims, "auth_time") if "auth_time" in claims else None,
        )


def _json_segment(segment: str) -> Mapping[str, Any]:
    try:
        value = strict_json.loads(_decode(segment))
    except strict_json.InvalidJsonError:
        raise InvalidTokenError("malformed") from None
    if not isinstance(value, dict):
        raise InvalidTokenError("malformed")
    return value


def _decode(segment: str) -> bytes:
    try:
        return base64url.decode(segment)
    except ValueError:
        raise InvalidTokenError("malformed") from None


def _text(claims: Mapping[str, Any], name: str) -> str:
    value = claims.get(name)
    if not isinstance(value, str) or not value:
        raise InvalidTokenError(f"bad_{name}")
    return value


def _is_for(audience: str, claim: object) -> bool:
    """Tell whether `aud`, a text or a list of texts (RFC 7519 section 4.1.3), names the audience."""
    return audience in claim if isinstance(claim, list) else claim == audience


def _role(claims: Mapping[str, Any]) -> str:
    role = _text(claims, "role")
    if not _ROLE.fullmatch(role):
        raise InvalidTokenError("bad_role")
    return role


def _scopes(claims: Mapping[str, Any]) -> frozenset[str] | None:
    if "scope" not in claims:
        return None
    scope = claims["scope"]
    if not isinstance(scope, str) or not SCOPE_LIST.fullmatch(scope):
        raise InvalidTokenError("bad_scope")
    return frozenset(scope.split(" "))


def _extensions(claims: Mapping[str, Any]) -> Mapping[str, Scalar]:
    if "ext" not in claims:
        return NO_EXTENSIONS
    extensions = claims["ext"]
    if not isinstance(extensions, dict) or not all(map(_EXTENSION.fullmatch, extensions)):
        raise InvalidTokenError("bad_ext")
    if not all(isinstance(value, Scalar) for value in extensions.values()):
        raise InvalidTokenError("bad_ext")
    return MappingProxyType(extensions)


def _integer(claims: Mapping[str, Any], name: str, *, most: int) -> int:
    value = claims.get(name)
    if type(value) is not int or not 0 <= value <= most:  # bool is an int to isinstance
        raise InvalidTokenError(f"bad_{name}")
    return value


def _time(claims: Mapping[str, Any], name: str) -> int:
    return _integer(claims, name, most=_END_OF_TIME - 1)


def _uuid(claims: Mapping[str, Any], name: str) -> uuid.UUID:
    text = _text(claims, name)
    try:
        value = uuid.UUID(text)
    except ValueError:
        raise InvalidTokenError(f"bad_{name}") from None
    if str(value) != text:
        raise InvalidTokenError(f"bad_{name}")
    return value
