"""Ids and secrets of clients, which are registered ones and other services, and how a request carries them.

A secret is 256 random bits that are shown once, or an operator's own.
"""

import base64
import hashlib
import hmac
import re
import secrets
from collections.abc import Collection
from typing import Final
from urllib.parse import unquote_plus

from doorward_auth.oauth_errors import InvalidClientError

PREFIX: Final = "dwc_"
"""By which scanners recognise a leaked secret."""

MAX_SECRETS: Final = 2
"""Secrets of one client at a time: two, so that a new one replaces the old one without an interruption."""

UNKNOWN_CLIENT_HASHES: Final = (bytes(32),)
"""For an unknown client, which costs the same comparison."""

_CLIENT_ID: Final = re.compile(r"[A-Za-z0-9._-]{1,64}")
_MAX_HEADER: Final = 1024
_SECRET_BYTES: Final = 32


def is_client_id(text: str) -> bool:
    return _CLIENT_ID.fullmatch(text) is not None


def new_secret() -> str:
    return PREFIX + secrets.token_urlsafe(_SECRET_BYTES)


def hash_secret(secret: str) -> bytes:
    """Return what is stored: SHA-256 suffices for a secret that cannot be guessed."""
    return hashlib.sha256(secret.encode("utf-8", "surrogatepass")).digest()


def is_secret_of(presented: str, hashes: Collection[bytes]) -> bool:
    """Tell whether a presented secret has one of the hashes.

    Clients send it in HTTP Basic raw, or form-encoded as RFC 6749 section 2.3.1 wants it. Of a long random
    secret at most one reading is right.
    """
    offered = {hash_secret(presented), hash_secret(unquote_plus(presented))}
    matches = [hmac.compare_digest(stored, reading) for stored in hashes for reading in offered]
    return any(matches)


def read_basic(header: str) -> tuple[str, str]:
    """Return id and secret of an Authorization header as they were sent; raises InvalidClientError."""
    # One or more spaces separate scheme and credentials (RFC 9110 section 11.4).
    scheme, _, encoded = header.partition(" ")
    if scheme.lower() != "basic" or len(header) > _MAX_HEADER:
        raise InvalidClientError
    try:
        pair = base64.b64decode(encoded.lstrip(" "), validate=True).decode("utf-8")
    except ValueError:  # of base64, of UTF-8, and of a header that is not ASCII
        raise InvalidClientError from None
    client_id, separator, secret = pair.partition(":")
    if not separator:
        raise InvalidClientError
    return client_id, secret
