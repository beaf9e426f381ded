"""Authentication of registered clients at the OAuth endpoints (RFC 6749 sections 2.3 and 3.2.1).

A client with a secret sends it in HTTP Basic or in the form, never both. A client without one sends its
`client_id` alone.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from urllib.parse import unquote_plus

import sqlalchemy as sa

from doorward_auth.client_secrets import UNKNOWN_CLIENT_HASHES, is_client_id, is_secret_of, read_basic
from doorward_auth.oauth_errors import InvalidClientError, InvalidRequestError
from doorward_auth.oidc.clients import repository
from doorward_auth.oidc.clients.client import RegisteredClient
from doorward_auth.service_clients.rejections import ClientRejections
from doorward_kit.unit_of_work import Database


class AuthenticationMethod(StrEnum):
    """How a client authenticates: the names of OpenID Connect Core section 9."""

    BASIC = "client_secret_basic"
    POST = "client_secret_post"
    NONE = "none"


@dataclass(frozen=True, slots=True)
class PresentedClient:
    """Which client a request says that it is from. `secret` is None with the method `none`."""

    client_id: str
    secret: str | None
    method: AuthenticationMethod


def presented_client(authorization: Sequence[str], form: Mapping[str, str]) -> PresentedClient | None:
    """Read the Authorization headers and the form of a request; None if neither names a client.

    Raises InvalidRequestError for two ways at once, and InvalidClientError for a header that is not Basic.
    """
    client_id, secret = form.get("client_id"), form.get("client_secret")
    if authorization:
        basic = _read_basic(authorization)
        if secret is not None or client_id not in (None, basic.client_id):
            raise InvalidRequestError("Authenticate in one way: the Authorization header or the form.")
        return basic
    if client_id is None:
        if secret is not None:
            raise InvalidRequestError("Send `client_id` with `client_secret`.")
        return None
    method = AuthenticationMethod.NONE if secret is None else AuthenticationMethod.POST
    return PresentedClient(_checked(client_id), secret, method)


def is_authentic(
    presented: PresentedClient, client: RegisteredClient | None, hashes: Sequence[bytes]
) -> bool:
    """Tell whether a request is from the client that it names, as far as that can be proven.

    A client without a secret may send none: a library that sends one takes itself for another kind.
    """
    if presented.secret is None:
        return client is not None and not client.is_disabled and not client.has_secret
    is_right = is_secret_of(presented.secret, hashes or UNKNOWN_CLIENT_HASHES)
    return is_right and client is not None and not client.is_disabled and client.has_secret


class ClientAuthenticator:
    """Finds and authenticates the registered client of a request."""

    def __init__(self, database: Database, rejections: ClientRejections) -> None:
        self._database = database
        self._rejections = rejections

    async def authenticate(self, presented: PresentedClient | None) -> RegisteredClient:
        """Return the client.

        Raises InvalidClientError, also for a request that names none, and TooManyClientFailuresError.
        """
        if presented is None:
            raise InvalidClientError
        client, hashes = await self._database.read(lambda connection: _look_up(connection, presented))
        if client is None or not is_authentic(presented, client, hashes):
            await self._rejections.reject(presented.client_id)
        return client

    async def is_registered(self, client_id: str) -> bool:
        """Tell whether a client calls itself so, disabled or not."""
        client = await self._database.read(lambda connection: repository.find(connection, client_id))
        return client is not None


def _look_up(
    connection: sa.Connection, presented: PresentedClient
) -> tuple[RegisteredClient | None, Sequence[bytes]]:
    client = repository.find(connection, presented.client_id)
    if client is None or presented.secret is None:
        return client, ()
    return client, repository.secret_hashes(connection, client.id)


def _read_basic(headers: Sequence[str]) -> PresentedClient:
    if len(headers) > 1:
        raise InvalidClientError
    client_id, secret = read_basic(headers[0])
    # An empty password is how some libraries send a client without a secret.
    if not secret:
        return PresentedClient(_checked(unquote_plus(client_id)), None, AuthenticationMethod.NONE)
    return PresentedClient(_checked(unquote_plus(client_id)), secret, AuthenticationMethod.BASIC)


def _checked(client_id: str) -> str:
    if not is_client_id(client_id):
        raise InvalidClientError
    return client_id
