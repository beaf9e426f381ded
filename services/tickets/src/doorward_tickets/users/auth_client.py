"""Client of auth, as a registered service: deleted users, and the accounts that mail goes to."""

import uuid
from collections.abc import Mapping, Sequence
from typing import Final, TypeVar

import httpx2
from pydantic import BaseModel, ValidationError

from doorward_client.errors import UnavailableError
from doorward_client.internal_http import FetchedResponse, FetchError, fetch, internal_http_client
from doorward_client.verifier_settings import VerifierSettings

T = TypeVar("T", bound=BaseModel)

_TIMEOUT_SECONDS: Final = 3.0
_MAX_BYTES: Final = 1_048_576  # 100 accounts, or a page of the feed, are a tenth of it


class FeedExpiredError(Exception):
    """The feed of deleted users no longer has the entries after the cursor."""


class AuthUnavailableError(UnavailableError):
    """503: auth is unavailable, or rejects this service's credentials."""

    code = "auth_unavailable"


class DeletedUser(BaseModel):
    """An entry of the feed."""

    id: uuid.UUID


class DeletedUsersPage(BaseModel):
    """A page of the feed of deleted users."""

    items: list[DeletedUser]
    next_cursor: str | None
    has_more: bool


class AuthAccount(BaseModel):
    """An account and its email address; None for a user whose upstream told none."""

    id: uuid.UUID
    email: str | None
    name: str
    role: str
    status: str

    @property
    def is_active(self) -> bool:
        return self.status == "active"


class _AccountList(BaseModel):
    items: list[AuthAccount]


class AuthClient:
    """Calls `GET /deleted-users` and `GET /users` of auth. `transport` replaces the network.

    Raises SettingsError without a URL and credentials of auth.
    """

    def __init__(
        self, settings: VerifierSettings, transport: httpx2.AsyncBaseTransport | None = None
    ) -> None:
        auth = settings.auth_credentials(purpose="to learn of deleted users")
        self._url = auth.url
        self._client = internal_http_client(auth=(auth.client_id, auth.client_secret), transport=transport)

    async def list_deleted_users(self, after: str | None) -> DeletedUsersPage:
        """Read a page of the feed; raises FeedExpiredError, AuthUnavailableError."""
        response = await self._get("deleted-users", {} if after is None else {"after": after})
        if response.status == httpx2.codes.GONE:
            raise FeedExpiredError
        return _parse(DeletedUsersPage, response)

    async def find_accounts(self, ids: Sequence[uuid.UUID]) -> dict[uuid.UUID, AuthAccount]:
        """Return those of up to 100 accounts that exist; raises AuthUnavailableError."""
        response = await self._get("users", {"id": [str(user_id) for user_id in ids]})
        return {account.id: account for account in _parse(_AccountList, response).items}

    async def close(self) -> None:
        await self._client.aclose()

    async def _get(self, path: str, parameters: Mapping[str, str | Sequence[str]]) -> FetchedResponse:
        try:
            return await fetch(
                self._client,
                f"{self._url}/{path}",
                params=parameters,
                accept=(httpx2.codes.OK, httpx2.codes.GONE),
                max_bytes=_MAX_BYTES,
                timeout=_TIMEOUT_SECONDS,
            )
        except FetchError as error:
            raise AuthUnavailableError(str(error)) from error


def _parse(model: type[T], response: FetchedResponse) -> T:
    try:
        return model.model_validate_json(response.content)
    except ValidationError as error:
        raise AuthUnavailableError(f"unexpected body, status {response.status}") from error
