"""The registered service clients, and their authentication (RFC 6749 section 2.3.1)."""

from collections.abc import Collection, Mapping
from typing import Annotated, Self
from urllib.parse import unquote_plus

from pydantic import AfterValidator, SecretStr

from doorward_auth.client_secrets import (
    UNKNOWN_CLIENT_HASHES,
    hash_secret,
    is_client_id,
    is_secret_of,
    read_basic,
)
from doorward_auth.oauth_errors import InvalidClientError
from doorward_client import strict_json
from doorward_client.keys.secret_strength import check_secret


class ClientRegistry:
    """Clients and hashes of their secrets. The secrets are long and random, so a plain hash is enough."""

    def __init__(self, secrets: Mapping[str, tuple[str, ...]]) -> None:
        self._hashes = {
            client: tuple(hash_secret(secret) for secret in known) for client, known in secrets.items()
        }

    @classmethod
    def parse(cls, text: str) -> Self:
        """Read a JSON object of client ids and secrets, each one text or a list; raises ValueError.

        Two secrets of one client let the second replace the first without an interruption.
        """
        try:
            document = strict_json.loads(text.encode("utf-8"))
        except strict_json.InvalidJsonError as error:
            raise ValueError(f"is not JSON: {error}") from None
        if not isinstance(document, dict):
            raise ValueError('is not a JSON object like {"tickets": "a long random secret"}')  # noqa: TRY004 - a value of the wrong kind, as pydantic wants it
        return cls({client: _secrets(client, value) for client, value in document.items()})

    @classmethod
    def of_setting(cls, setting: SecretStr | None) -> Self:
        """Read the setting `ServiceClients`; without it there are no clients."""
        return cls.parse("{}" if setting is None else setting.get_secret_value())

    @property
    def ids(self) -> Collection[str]:
        """The ids of the clients."""
        return self._hashes.keys()

    def names(self, header: str | None) -> bool:
        """Tell whether an Authorization header is from one of these clients, by what it says."""
        return named_client(header) in self._hashes

    def authenticate(self, header: str | None) -> str:
        """Return the client that an Authorization header proves; raises InvalidClientError."""
        client, secret = read_basic(header or "")
        known = self._hashes.get(client) or self._hashes.get(unquote_plus(client))
        if not is_secret_of(secret, known or UNKNOWN_CLIENT_HASHES):
            raise InvalidClientError
        return client


def _usable(text: SecretStr) -> SecretStr:
    ClientRegistry.parse(text.get_secret_value())
    return text


ServiceClients = Annotated[SecretStr, AfterValidator(_usable)]
"""The setting with the service clients, as `ClientRegistry.parse` reads it."""


def named_client(header: str | None) -> str | None:
    """Return the client id that an Authorization header names; None if none could be called so."""
    try:
        client, _ = read_basic(header or "")
    except InvalidClientError:
        return None
    client = unquote_plus(client)
    return client if is_client_id(client) else None


def _secrets(client: str, value: object) -> tuple[str, ...]:
    if not is_client_id(client):
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
