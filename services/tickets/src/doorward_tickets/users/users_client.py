"""Client of the users service: the profile of the caller, and of an assignee.

Requests carry the caller's own access token, so that the users service decides what the caller may read.
"""

import uuid
from dataclasses import dataclass, field
from typing import Final

import httpx2
import structlog
from pydantic import AwareDatetime, BaseModel, Field, ValidationError

from doorward_client.bearer_auth import InvalidAccessTokenError
from doorward_client.errors import UnavailableError
from doorward_client.internal_http import FetchError, fetch, internal_http_client
from doorward_client.request_context import current_request_id
from doorward_client.tokens import Claims
from doorward_kit.retries import CircuitBreaker
from doorward_tickets.tables import NAME_LENGTH

log = structlog.get_logger(__name__)

_UNKNOWN: Final = (httpx2.codes.UNAUTHORIZED, httpx2.codes.NOT_FOUND)
_MAX_BYTES: Final = 65_536


class UsersUnavailableError(UnavailableError):
    """503: the users service is unavailable, and the snapshot does not answer the question."""

    code = "users_unavailable"
    detail = "The users service is unavailable. Nothing was changed; try again shortly."


@dataclass(frozen=True, slots=True)
class Caller:
    """The caller of a change. `locale` is the caller's preferred language, empty if unknown."""

    claims: Claims
    authorization: str = field(repr=False)
    locale: str = ""

    @property
    def user_id(self) -> uuid.UUID:
        return self.claims.user_id


class Profile(BaseModel):
    """A user: the part of the users service's `User` that tickets needs, and the user's language."""

    id: uuid.UUID
    name: str = Field(max_length=NAME_LENGTH)
    role: str = Field(max_length=32)
    status: str
    updated_at: AwareDatetime
    locale: str = ""

    @property
    def is_active(self) -> bool:
        return self.status == "active"


class UsersClient:
    """Calls `GET /me` and `GET /{id}` of the users service. `transport` replaces the network."""

    def __init__(
        self, users_url: str, *, timeout: float, transport: httpx2.AsyncBaseTransport | None = None
    ) -> None:
        self._url = users_url
        self._timeout = timeout
        self._client = internal_http_client(transport=transport)
        self._breaker = CircuitBreaker()

    async def require_current_profile(self, caller: Caller) -> Profile | None:
        """Return the caller's profile, None while the users service is unavailable.

        Raises InvalidAccessTokenError for a caller who was deleted, disabled or given another role since
        the token was issued. Changes check this, because the revocation list may be seconds old.
        """
        try:
            profile = await self._get("me", caller)
        except UsersUnavailableError:
            return None
        if profile is None or not profile.is_active or profile.role != caller.claims.role:
            raise InvalidAccessTokenError
        return profile.model_copy(update={"locale": caller.locale})

    async def get_profile(self, user_id: uuid.UUID, caller: Caller) -> Profile | None:
        """Return a user's profile, None for an unknown user; raises UsersUnavailableError."""
        return await self._get(str(user_id), caller)

    async def close(self) -> None:
        await self._client.aclose()

    async def _get(self, path: str, caller: Caller) -> Profile | None:
        if not self._breaker.permits(1):
            raise UsersUnavailableError
        # So that the logs of both services can be joined, under `request_id` or `client_request_id`.
        headers = {"Authorization": caller.authorization, "X-Request-ID": current_request_id()}
        try:
            response = await fetch(
                self._client,
                f"{self._url}/{path}",
                headers=headers,
                accept=(httpx2.codes.OK, *_UNKNOWN),
                max_bytes=_MAX_BYTES,
                timeout=self._timeout,
            )
            is_known = response.status not in _UNKNOWN
            profile = Profile.model_validate_json(response.content) if is_known else None
        except (FetchError, ValidationError) as error:
            pause = self._breaker.record_failure()
            reason = str(error) if isinstance(error, FetchError) else type(error).__name__
            log.warning("users_service.unavailable", error=reason, pause=round(pause, 1))
            raise UsersUnavailableError from error
        self._breaker.record_success()
        return profile
