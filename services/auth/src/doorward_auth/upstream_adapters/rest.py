"""A JSON or form API that registers, logs in and refreshes, as its settings describe it."""

from collections.abc import Iterable, Mapping
from typing import Any, Final, TypeVar

import httpx2

from doorward_auth.upstream_adapters.answers import values
from doorward_auth.upstream_adapters.answers.tokens import read_tokens
from doorward_auth.upstream_adapters.base import (
    AlreadyTakenError,
    Image,
    InvalidGrantError,
    MalformedAnswerError,
    MisconfiguredError,
    UnusedTokens,
    UpstreamError,
    UpstreamLogin,
    UpstreamRegistration,
    UpstreamTokens,
    ValuesRejectedError,
    WrongPasswordError,
)
from doorward_auth.upstream_adapters.http.client import Call, UpstreamClient
from doorward_auth.upstream_adapters.http.messages import Answer, Body
from doorward_auth.upstream_adapters.json_pointer import MISSING, JsonPointer
from doorward_auth.upstream_adapters.settings.rest import ErrorMatch, Operation, RestSettings

R = TypeVar("R", bound=ErrorMatch)

_OAUTH_ERROR: Final = JsonPointer("/error")
_WRONG_PASSWORD: Final = (ErrorMatch(status=400), ErrorMatch(status=401))
_INVALID_GRANT: Final = (
    ErrorMatch(status=400, pointer=_OAUTH_ERROR, value="invalid_grant"),
    ErrorMatch(status=401, pointer=_OAUTH_ERROR, value="invalid_grant"),
)

_VALUES_REFUSED: Final = frozenset({400, 409, 413, 415, 422})
_WE_ARE_REFUSED: Final = frozenset({401, 403})
_NOTHING_TO_REVOKE: Final = frozenset({400, 404, 410})


class RestAdapter:
    """A `PasswordUpstream`."""

    def __init__(self, provider: str, settings: RestSettings) -> None:
        """Raise SettingsError if no client can be made."""
        self._provider = provider
        self._settings = settings
        self._http = UpstreamClient(provider, settings)
        errors = settings.errors
        self._wrong_password = _WRONG_PASSWORD if errors.wrong_password is None else errors.wrong_password
        self._invalid_grant = _INVALID_GRANT if errors.invalid_grant is None else errors.invalid_grant
        # With an API key, a 401 may be about the key, which must not end every grant.
        self._reads_401 = errors.invalid_grant is None and not settings.api_key

    @property
    def can_reuse_refresh_tokens(self) -> bool:
        return self._settings.refresh_token_reuse

    @property
    def login_by(self) -> str:
        """Our name of what users log in by."""
        return self._settings.login_by

    @property
    def can_register(self) -> bool:
        """Whether there is a request that creates an account."""
        return self._settings.register_ is not None

    async def register(self, registration: UpstreamRegistration) -> UpstreamLogin:
        operation = self._settings.register_
        if operation is None:
            raise MisconfiguredError
        ours = {
            "email": registration.email,
            "password": registration.password,
            "name": registration.name,
            "username": registration.username or "",
        }
        image = (operation.image_field, registration.image) if registration.image else None
        async with self._http.call("register") as call:
            answer = await self._post(call, operation, ours, image=image)
            taken = _match(answer, self._settings.errors.taken)
            if taken:
                raise answer.error(AlreadyTakenError, taken.member)
            if answer.is_success:
                return self._read_login(call, answer)
            if answer.status in _VALUES_REFUSED:
                raise answer.error(ValuesRejectedError)
            raise _failure(answer)

    async def log_in(self, identifier: str, password: str) -> UpstreamLogin:
        ours = {self._settings.login_by: identifier, "password": password}
        async with self._http.call("login") as call:
            answer = await self._post(call, self._settings.login, ours)
            if _is_about_client(answer):
                raise answer.error(MisconfiguredError)
            if _match(answer, self._wrong_password):
                raise answer.error(WrongPasswordError)
            if answer.is_success:
                return self._read_login(call, answer)
            if answer.status in _VALUES_REFUSED:
                raise answer.error(ValuesRejectedError)
            raise _failure(answer)

    async def refresh(self, refresh_token: str) -> UpstreamTokens:
        operation = self._settings.refresh
        if operation is None:
            raise MisconfiguredError
        async with self._http.call("refresh") as call:
            answer = await self._post(call, operation, {"refresh_token": refresh_token})
            if _is_about_client(answer):
                raise answer.error(MisconfiguredError)
            if _match(answer, self._invalid_grant) or self._is_unauthorized(answer):
                raise answer.error(InvalidGrantError)
            if answer.is_success:
                pointers = operation.answer or self._settings.answer
                return read_tokens(answer, answer.json(), pointers, provider=self._provider, is_refresh=True)
            raise _failure(answer)

    def _is_unauthorized(self, answer: Answer) -> bool:
        """Tell whether a 401 ends a grant, where the settings do not say: not one of a proxy in between."""
        if answer.status != httpx2.codes.UNAUTHORIZED or not self._reads_401:
            return False
        return not answer.content or isinstance(answer.json_or_none(), dict)

    async def revoke(self, tokens: UpstreamTokens) -> None:
        operation = self._settings.revoke
        if operation is None:
            return
        ours = {"access_token": tokens.access_token, "refresh_token": tokens.refresh_token or ""}
        sends_bearer = operation.bearer and bool(tokens.access_token)
        headers = {"Authorization": f"Bearer {tokens.access_token}"} if sends_bearer else {}
        async with self._http.call("revoke") as call:
            answer = await self._post(call, operation, ours, headers=headers)
            if answer.is_success or answer.status in _NOTHING_TO_REVOKE:
                return
            if answer.status == httpx2.codes.UNAUTHORIZED and not self._settings.api_key:
                if operation.bearer:
                    # It is about the access token, which expires first: the refresh token may be valid.
                    raise answer.failure()
                return
            raise _failure(answer)

    async def close(self) -> None:
        await self._http.close()

    async def _post(
        self,
        call: Call,
        operation: Operation,
        ours: Mapping[str, str],
        *,
        image: tuple[str | None, Image] | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> Answer:
        """Send our values under the upstream's names; a picture only if it has a field for one."""
        fields = {theirs: ours[our] for theirs, our in operation.fields.items()}
        picture = (image[0], image[1]) if image and image[0] else None
        body = Body(operation.body, {**operation.constants, **fields}, picture)
        sent_headers = dict(headers or {})
        if self._settings.api_key_header and self._settings.api_key:
            sent_headers[self._settings.api_key_header] = self._settings.api_key
        return await call.post(
            self._settings.base_url.rstrip("/") + operation.path, body, headers=sent_headers
        )

    def _read_login(self, call: Call, answer: Answer) -> UpstreamLogin:
        document = answer.json()
        tokens = read_tokens(answer, document, self._settings.answer, provider=self._provider)
        call.issued = UnusedTokens(tokens)
        try:
            user = values.user(document, self._settings.answer, self._settings, self._provider)
        except values.UnusableValueError:
            raise answer.error(MalformedAnswerError) from None
        return UpstreamLogin(user, tokens)


def _match(answer: Answer, matches: Iterable[R]) -> R | None:
    """Return the first one that matches the answer."""
    candidates = [match for match in matches if match.status == answer.status]
    if not candidates:
        return None
    document = answer.json_or_none()
    return next((match for match in candidates if _has_value(document, match)), None)


def _has_value(document: Any, match: ErrorMatch) -> bool:
    if match.pointer is None:
        return True
    value = match.pointer.resolve(document)
    if match.value is None:
        return value is not MISSING
    return type(value) is type(match.value) and bool(value == match.value)


def _is_about_client(answer: Answer) -> bool:
    """Tell whether the upstream says, as OAuth does, that it does not accept our credentials."""
    return not answer.is_success and _OAUTH_ERROR.resolve(answer.json_or_none()) == "invalid_client"


def _failure(answer: Answer) -> UpstreamError:
    return answer.error(MisconfiguredError) if answer.status in _WE_ARE_REFUSED else answer.failure()
