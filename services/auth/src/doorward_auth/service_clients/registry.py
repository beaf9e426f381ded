"""The registered service clients, and their authentication (RFC 6749 section 2.3.1)."""

import base64
import binascii
import hashlib
import hmac
import re
from collections.abc import Mapping
from typing import Final, Self
from urllib.parse import unquote_plus

from doorward_client import strict_json
from doorward_client.errors import DoorwardError
from doorward_client.keys.secret_strength import check_secret

_CLIENT_ID: Final = re.compile(r"[A-Za-z0-9._-]{1,64}")
_MAX_HEADER: Final = 1024


class InvalidClientError(DoorwardError):
    """401 for a caller that is not a registered client."""

    status = 401
    code = "invalid_client"
    detail = "Authenticate as a registered client: `Authorization: Basic ...`."
    oauth_error = "invalid_client"

    def __init__(self) -> None:
        super().__init__(headers={"WWW-Authenticate": 'Basic realm="doorward clients"'})


class ClientRegistry:
    """Clients and hashes of their secrets. The secrets are long and random, so a plain hash is enough."""

    def __init__(self, secrets: Mapping[str, tuple[str, ...]]) -> None:
        self._hashes = {client: tuple(_hash(secret) for secret in known) for client, known in secrets.items()}

    @classmethod
    def parse(cls, text: str) -> Self:
        """Read a JSON object of client ids and secrets, each one text or a list; raises ValueError.

        Two secrets of one client let the second replace the first without an interruption.
        """
        document = strict_json.loads(text.encode("utf-8"))
        if not isinstance(document, dict):
            raise ValueError('is not a JSON object like {"tickets": "a long random secret"}')  # noqa: TRY004 - a value of the wrong kind, as pydantic wants it
        return cls({client: _secrets(client, value) for client, value in document.items()})

    def authenticate(self, header: str | None) -> str:
        """Return the client that an Authorization header proves; raises InvalidClientError."""
        client, secret = _read_basic(header or "")
        # Raw and form-encoded, as RFC 6749 has it: of generated secrets at most one spelling is right.
        offered = {_hash(secret), _hash(unquote_plus(secret))}
        known = self._hashes.get(client) or self._hashes.get(unquote_plus(client)) or (bytes(32),)
        if not any(hmac.compare_digest(stored, hashed) for stored in known for hashed in offered):
            raise InvalidClientError
        return client


def _secrets(client: str, value: object) -> tuple[str, ...]:
    if not _CLIENT_ID.fullmatch(client):
        raise ValueError("has a client id that is not 1 to 64 letters, digits, dots, hyphens or underscores")
    secrets = tuple(value) if isinstance(value, list) else (value,)
    if not secrets or not all(isinstance(secret, str) for secret in secrets):
        raise ValueError(f"has a client without a secret: {client}")
    for secret in secrets:
        try:
            check_secret(secret.encode("utf-8"))
        except ValueError as error:
            raise ValueError(f"has a secret that {error}: {client}") from None
    return secrets


def _read_basic(header: str) -> tuple[str, str]:
    scheme, _, encoded = header.partition(" ")
    if scheme.lower() != "basic" or len(header) > _MAX_HEADER:
        raise InvalidClientError
    try:
        pair = base64.b64decode(encoded, validate=True).decode("utf-8")
    except (binascii.Error, UnicodeDecodeError):
        raise InvalidClientError from None
    client, separator, secret = pair.partition(":")
    if not separator:
        raise InvalidClientError
    return client, secret


def _hash(secret: str) -> bytes:
    return hashlib.sha256(secret.encode("utf-8", "surrogatepass")).digest()
