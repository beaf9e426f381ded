"""Verification of id tokens (OpenID Connect Core section 3.1.3.7), as strict as that of our own tokens."""

import hashlib
import hmac
import math
import re
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Any, Final, Self, TypeGuard

from jose.backends.base import Key

from doorward_auth.upstream_adapters.base import StaleAuthenticationError, UnverifiedIdentityError
from doorward_client import base64url, strict_json

MAX_LENGTH: Final = 16_384

_COMPACT: Final = re.compile(r"([A-Za-z0-9_-]+)\.([A-Za-z0-9_-]+)\.([A-Za-z0-9_-]+)")
_HEADER_MEMBERS: Final = frozenset({"alg", "kid", "typ", "x5t", "x5t#S256"})
_MAX_SUBJECT_LENGTH: Final = 255
_HASHES: Final[Mapping[str, str]] = {"256": "sha256", "384": "sha384", "512": "sha512"}


@dataclass(frozen=True, slots=True)
class Expectations:
    """The expected claims of an id token. Times are in seconds since 1970.

    With `fresh_since`, the user must have been authenticated after that time.
    """

    issuer: str
    client_id: str
    trusted_audiences: Collection[str]
    nonce: str
    access_token: str
    clock_skew: int
    now: float
    fresh_since: int | None = None


@dataclass(frozen=True, slots=True, repr=False)
class UpstreamIdToken:
    """A token that is well-formed. Nothing in it is verified before `verified_claims`."""

    kid: str | None
    algorithm: str
    _signed: bytes
    _signature: bytes
    _payload: str

    @classmethod
    def parse(cls, text: str, algorithms: Collection[str]) -> Self:
        """Raise UnverifiedIdentityError, also for an algorithm that is not one of `algorithms`."""
        parts = _COMPACT.fullmatch(text) if len(text) <= MAX_LENGTH else None
        if parts is None:
            raise UnverifiedIdentityError("malformed")
        header = _json_segment(parts[1])
        if not header.keys() <= _HEADER_MEMBERS:
            # Rejects crit, jku, jwk, x5u, x5c, zip and b64.
            raise UnverifiedIdentityError("unexpected_header")
        algorithm, kid = header.get("alg"), header.get("kid")
        if not isinstance(algorithm, str) or algorithm not in algorithms:
            raise UnverifiedIdentityError("wrong_algorithm")
        if not isinstance(header.get("typ", "JWT"), str) or header.get("typ", "JWT").upper() != "JWT":
            raise UnverifiedIdentityError("wrong_type")
        if kid is not None and not isinstance(kid, str):
            raise UnverifiedIdentityError("unknown_key")
        signed = f"{parts[1]}.{parts[2]}".encode("ascii")
        return cls(kid, algorithm, signed, _decode(parts[3]), parts[2])

    def claimed_subject(self) -> str | None:
        """Return the subject of the token before anything is verified; None without a subject."""
        try:
            subject = _json_segment(self._payload).get("sub")
        except UnverifiedIdentityError:
            return None
        return subject if _is_subject(subject) else None

    def verified_claims(self, key: Key, expected: Expectations) -> Mapping[str, Any]:
        """Return the claims; raises UnverifiedIdentityError."""
        try:
            is_good = key.verify(self._signed, self._signature)
        except Exception as error:
            # Any exception of a key about a malformed signature is a rejection, too.
            raise UnverifiedIdentityError("bad_signature") from error
        if not is_good:
            raise UnverifiedIdentityError("bad_signature")
        claims = _json_segment(self._payload)
        _check_parties(claims, expected)
        _check_times(claims, expected)
        self._check_bindings(claims, expected)
        return claims

    def _check_bindings(self, claims: Mapping[str, Any], expected: Expectations) -> None:
        """Check that the token is of this login and of this access token."""
        nonce = claims.get("nonce")
        if not isinstance(nonce, str) or not _are_equal(nonce, expected.nonce):
            raise UnverifiedIdentityError("wrong_nonce")
        if "at_hash" in claims:
            digest = hashlib.new(_HASHES[self.algorithm[2:]], expected.access_token.encode("ascii")).digest()
            half = base64url.encode(digest[: len(digest) // 2])
            if not isinstance(claims["at_hash"], str) or not _are_equal(claims["at_hash"], half):
                raise UnverifiedIdentityError("wrong_at_hash")


def _check_parties(claims: Mapping[str, Any], expected: Expectations) -> None:
    if claims.get("iss") != expected.issuer:
        raise UnverifiedIdentityError("wrong_issuer")
    if not _is_subject(claims.get("sub")):
        raise UnverifiedIdentityError("bad_sub")
    audience = claims.get("aud")
    audiences = audience if isinstance(audience, list) else [audience]
    if expected.client_id not in audiences:
        raise UnverifiedIdentityError("wrong_audience")
    trusted = (expected.client_id, *expected.trusted_audiences)
    if any(audience not in trusted for audience in audiences):
        raise UnverifiedIdentityError("untrusted_audience")
    party = claims.get("azp")
    if party != expected.client_id and ("azp" in claims or len(audiences) > 1):
        raise UnverifiedIdentityError("wrong_authorized_party")


def _is_subject(subject: object) -> TypeGuard[str]:
    return isinstance(subject, str) and 1 <= len(subject) <= _MAX_SUBJECT_LENGTH


def _check_times(claims: Mapping[str, Any], expected: Expectations) -> None:
    expires_at, issued_at = _time(claims, "exp"), _time(claims, "iat")
    if expires_at + expected.clock_skew <= expected.now:
        raise UnverifiedIdentityError("expired")
    if issued_at - expected.clock_skew > expected.now:
        raise UnverifiedIdentityError("issued_in_the_future")
    if "nbf" in claims and _time(claims, "nbf") - expected.clock_skew > expected.now:
        raise UnverifiedIdentityError("not_yet_valid")
    authenticated_at = None if claims.get("auth_time") is None else _time(claims, "auth_time")
    if expected.fresh_since is not None:
        if authenticated_at is None:
            # Required because `max_age` was sent (OpenID Connect Core section 2).
            raise StaleAuthenticationError("no_auth_time")
        if authenticated_at + expected.clock_skew < expected.fresh_since:
            raise StaleAuthenticationError("old_auth_time")


def _time(claims: Mapping[str, Any], name: str) -> float:
    value = claims.get(name)
    if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
        raise UnverifiedIdentityError(f"bad_{name}")
    return value


def _json_segment(segment: str) -> Mapping[str, Any]:
    try:
        value = strict_json.loads(_decode(segment))
    except strict_json.InvalidJsonError:
        raise UnverifiedIdentityError("malformed") from None
    if not isinstance(value, dict):
        raise UnverifiedIdentityError("malformed")
    return value


def _decode(segment: str) -> bytes:
    try:
        return base64url.decode(segment)
    except ValueError:
        raise UnverifiedIdentityError("malformed") from None


def _are_equal(actual: str, expected: str) -> bool:
    return hmac.compare_digest(actual.encode("utf-8"), expected.encode("utf-8"))
