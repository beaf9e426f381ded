"""Asking auth about accounts as the service itself, which it knows by name and secret."""

import uuid
from collections.abc import Sequence
from typing import Final, TypeVar

import httpx2
from pydantic import BaseModel, ValidationError

from doorward_client.errors import UnavailableError
from doorward_client.internal_http import internal_http_client
from doorward_client.settings.verifier import AuthClient, VerifierSettings

T = TypeVar("T", bound=BaseModel)

_TIMEOUT_SECONDS: Final = 3.0


class FeedExpiredError(Exception):
    """The feed of deletions does not go back to where it was read last."""


class AccountsUnavailableError(UnavailableError):
    """503: auth does not answer, or does not know this service."""

    code = "accounts_unavailable"


class Deleted(BaseModel):
    """Somebody who is gone."""

    id: uuid.UUID


class DeletionPage(BaseModel):
    """A page of the feed of deletions."""

    items: list[Deleted]
    next_cursor: str | None
    has_more: bool


class Account(BaseModel):
    """Whose an id is, and where they are reached."""

    id: uuid.UUID
    email: str
    name: str
    role: str
    status: str

    @property
    def is_active(self) -> bool:
        """Whether they may sign in."""
        return self.status == "active"


class _Accounts(BaseModel):
    items: list[Account]


class Accounts:
    """`GET /deleted-users` and `GET /users` of auth.

    `transport` is how to get there where it is not the network.
    """

    def __init__(self, auth: AuthClient, transport: httpx2.AsyncBaseTransport | None = None) -> None:
        self._url = auth.url
        self._client = internal_http_client(
            auth=(auth.client_id, auth.client_secret), timeout=_TIMEOUT_SECONDS, transport=transport
        )

    @classmethod
    def of(cls, settings: VerifierSettings, transport: httpx2.AsyncBaseTransport | None) -> "Accounts":
        """Ask where the settings say; raises SettingsError."""
        return cls(settings.auth_client(purpose="to learn who was deleted"), transport)

    async def deletions(self, after: str | None) -> DeletionPage:
        """Read a page of the feed; raises FeedExpiredError, AccountsUnavailableError."""
        response = await self._get("deleted-users", {} if after is None else {"after": after})
        if response.status_code == httpx2.codes.GONE:
            raise FeedExpiredError
        return _read(DeletionPage, response)

    async def find(self, ids: Sequence[uuid.UUID]) -> dict[uuid.UUID, Account]:
        """Return the accounts that exist, of up to 100; raises AccountsUnavailableError."""
        response = await self._get("users", {"id": [str(one) for one in ids]})
        return {account.id: account for account in _read(_Accounts, response).items}

    async def close(self) -> None:
        """Close the connections."""
        await self._client.aclose()

    async def _get(self, path: str, parameters: dict[str, str | list[str]]) -> httpx2.Response:
        try:
            return await self._client.get(f"{self._url}/{path}", params=parameters)
        except httpx2.HTTPError as error:
            raise AccountsUnavailableError(type(error).__name__) from error


def _read(kind: type[T], response: httpx2.Response) -> T:
    try:
        return kind.model_validate_json(response.raise_for_status().content)
    except (httpx2.HTTPError, ValidationError) as error:
        raise AccountsUnavailableError(f"status {response.status_code}") from error
