"""Reading the values of an upstream's answers: each is text or a number within limits, or it is not there."""

import math
import re
import time
import unicodedata
from collections.abc import Mapping
from typing import Any, Final

import structlog

from doorward_auth.upstream_adapters.base import Claim, UpstreamUser
from doorward_auth.upstream_adapters.json_pointer import MISSING, JsonPointer
from doorward_auth.upstream_adapters.settings.provider import ProviderSettings, UserPointers
from doorward_client import base64url, strict_json
from doorward_client.permissions import ROLE_PERMISSIONS
from doorward_kit.column_types import json_text

log = structlog.get_logger(__name__)

MAX_CLAIMS_BYTES: Final = 512
MAX_TOKEN_LENGTH: Final = 16_384
MAX_TEXT_LENGTH: Final = 255
MAX_LIFETIME_SECONDS: Final = 10 * 366 * 86_400

_MAX_GROUPS: Final = 1000
_NO_TEXT: Final = frozenset({"Cc", "Cs", "Zl", "Zp"})
"""Unicode categories of what is in no line of text: controls, surrogates, separators of lines."""

_MAX_SUBJECT_NUMBER: Final = 2**53
_TOKEN: Final = re.compile(r"[\x21-\x7e]+")
_JWT: Final = re.compile(r"[A-Za-z0-9_-]+\.([A-Za-z0-9_-]+)\.[A-Za-z0-9_-]*")


class UnusableValueError(Exception):
    """A value that is required is missing, or not what it has to be."""


def token(document: Any, pointer: JsonPointer) -> str:
    """Return a token; raises UnusableValueError."""
    value = pointer.resolve(document)
    if not isinstance(value, str) or len(value) > MAX_TOKEN_LENGTH or not _TOKEN.fullmatch(value):
        raise UnusableValueError
    return value


def optional_token(document: Any, pointer: JsonPointer | None) -> str | None:
    """Return a token, or None where it is missing or null; raises UnusableValueError."""
    if pointer is None or pointer.resolve(document) in (MISSING, None):
        return None
    return token(document, pointer)


def lifetime(document: Any, pointer: JsonPointer | None) -> int | None:
    """Return seconds, or None where they are missing or null; raises UnusableValueError."""
    value = pointer.resolve(document) if pointer else None
    if value is MISSING or value is None:
        return None
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise UnusableValueError
    if not math.isfinite(value) or not 1 <= value <= MAX_LIFETIME_SECONDS:
        raise UnusableValueError
    return int(value)


def refresh_lifetime(document: Any, pointer: JsonPointer | None) -> int | None:
    """Return seconds as `lifetime` does; None also for 0, with which Keycloak says: no end."""
    value = pointer.resolve(document) if pointer else None
    return None if type(value) is int and value == 0 else lifetime(document, pointer)


def lifetime_of_jwt(text: str) -> int | None:
    """Return the seconds that a JWT just issued is valid for; None if it is none, or does not say.

    Nothing is verified: the result schedules the next refresh. `iat`, if it is there, makes the clocks'
    difference irrelevant.
    """
    found = _JWT.fullmatch(text)
    if found is None:
        return None
    try:
        payload = strict_json.loads(base64url.decode(found[1]))
    except ValueError:
        return None
    if not isinstance(payload, dict):
        return None
    since, until = payload.get("iat", time.time()), payload.get("exp")
    if not isinstance(since, int | float) or not isinstance(until, int | float):
        return None
    seconds = until - since
    return int(seconds) if 1 <= seconds <= MAX_LIFETIME_SECONDS else None


def subject(document: Any, pointer: JsonPointer) -> str:
    """Return the id of a user, also of a numeric one; raises UnusableValueError."""
    value = pointer.resolve(document)
    if type(value) is int and 0 <= value <= _MAX_SUBJECT_NUMBER:  # bool is an int to isinstance
        return str(value)
    # Rejected and not stripped: a database's comparison ignores spaces at the end, and an upstream may not.
    if not isinstance(value, str) or _text(value) != value:
        raise UnusableValueError
    return value


def optional_text(document: Any, pointer: JsonPointer | None, *, most: int = MAX_TEXT_LENGTH) -> str | None:
    """Return one line of text without spaces around it, or None: a bad value is as good as none."""
    value = pointer.resolve(document) if pointer else None
    return _text(value, most) if isinstance(value, str) else None


def _text(value: str, most: int = MAX_TEXT_LENGTH) -> str | None:
    text = value.strip()
    if not text or len(text) > most or any(unicodedata.category(sign) in _NO_TEXT for sign in text):
        return None
    return text


def user(document: Any, pointers: UserPointers, settings: ProviderSettings, provider: str) -> UpstreamUser:
    """Read a user; raises UnusableValueError without a usable subject."""
    picture = optional_text(document, pointers.picture, most=2048)
    is_verified = pointers.email_verified is not None and pointers.email_verified.resolve(document) is True
    email = optional_text(document, pointers.email, most=254)
    return UpstreamUser(
        subject=subject(document, pointers.subject),
        username=optional_text(document, pointers.username, most=254),
        email=email,
        is_email_verified=is_verified and email is not None,
        name=optional_text(document, pointers.name),
        picture_url=picture if picture and picture.startswith(("https://", "http://")) else None,
        role=role(document, settings),
        are_groups_missing=are_groups_missing(document, settings),
        claims=claims(document, settings.claims, provider),
    )


def role(document: Any, settings: ProviderSettings) -> str | None:
    """Return the role with the most permissions of the user's configured groups; None for none."""
    found = settings.groups.resolve(document) if settings.groups else None
    groups = found[:_MAX_GROUPS] if isinstance(found, list) else [found]
    roles = [role for group, role in settings.roles.items() if group in groups]
    return max(roles, key=lambda role: len(ROLE_PERMISSIONS[role]), default=None)


def are_groups_missing(document: Any, settings: ProviderSettings) -> bool:
    """Tell whether the configured groups are missing or null; no groups at all are an empty list."""
    return settings.groups is not None and settings.groups.resolve(document) in (MISSING, None)


def claims(document: Any, pointers: Mapping[str, JsonPointer], provider: str) -> dict[str, Claim]:
    """Return the configured claims that are scalars, as many as fit into MAX_CLAIMS_BYTES of JSON.

    The others are left out and logged by name.
    """
    kept: dict[str, Claim] = {}
    for name, pointer in pointers.items():
        value = pointer.resolve(document)
        if value is MISSING or value is None:
            continue
        if not isinstance(value, str | int | float | bool):
            log.warning("upstream.claim_dropped", provider=provider, claim=name, reason="no scalar")
        elif len(json_text({**kept, name: value})) > MAX_CLAIMS_BYTES:
            log.warning("upstream.claim_dropped", provider=provider, claim=name, reason="too long")
        else:
            kept[name] = value
    return kept
