"""Asking the users service who somebody is, with the caller's own token: it tells what they may know."""

import uuid
from typing import Final

import httpx2
import structlog
from pydantic import AwareDatetime, BaseModel, Field, ValidationError

from doorward_client.internal_http import internal_http_client
from doorward_client.request_context import current_request_id
from doorward_kit.retries import CircuitBreaker
from doorward_tickets.tables import NAME_LENGTH
from doorward_tickets.user_snapshots.errors import DirectoryUnavailableError

log = structlog.get_logger(__name__)

_UNKNOWN: Final = frozenset({httpx2.codes.UNAUTHORIZED, httpx2.codes.NOT_FOUND})


class Profile(BaseModel):
    """What tickets wants to know of somebody: part of the users service's `User`, and their language."""

    id: uuid.UUID
    name: str = Field(max_length=NAME_LENGTH)
    role: str = Field(max_length=32)
    status: str
    updated_at: AwareDatetime
    locale: str = ""

    @property
    def is_active(self) -> bool:
        """Whether they may sign in."""
        return self.status == "active"


class Directory:
    """`GET /me` and `GET /{id}` of the users service, which may be away.

    `transport` is how to get there where it is not the network.
    """

    def __init__(
        self, users_url: str, *, timeout: float, transport: httpx2.AsyncBaseTransport | None = None
    ) -> None:
        self._url = users_url
        self._client = internal_http_client(timeout=timeout, transport=transport)
        self._breaker = CircuitBreaker()

    async def find(self, who: str, authorization: str) -> Profile | None:
        """Return who `who` is, an id or `me`; None for nobody. Raises DirectoryUnavailableError."""
        if not self._breaker.permits(1):
            raise DirectoryUnavailableError
        try:
            # With the request's id, which then finds it in both services' logs.
            headers = {"Authorization": authorization, "X-Request-ID": current_request_id()}
            response = await self._client.get(f"{self._url}/{who}", headers=headers)
            if response.status_code in _UNKNOWN:
                self._breaker.record_success()
                return None
            profile = Profile.model_validate_json(response.raise_for_status().content)
        except (httpx2.HTTPError, ValidationError) as error:
            pause = self._breaker.record_failure()
            log.warning("users_service.unavailable", error=type(error).__name__, pause=round(pause, 1))
            raise DirectoryUnavailableError from error
        self._breaker.record_success()
        return profile

    async def close(self) -> None:
        """Close the connections."""
        await self._client.aclose()
