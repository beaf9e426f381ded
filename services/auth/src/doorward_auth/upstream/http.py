"""Requests to an upstream: one deadline, bounded answers, no redirects, no repetitions, no cookies."""

import asyncio
import logging
import re
import ssl
from collections.abc import AsyncIterator, Iterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from http.cookiejar import CookieJar, DefaultCookiePolicy
from typing import Any, Final

import httpx2
import structlog

from doorward_auth.upstream.adapters.base import (
    AlreadyTakenError,
    Arrival,
    FailedError,
    Image,
    InvalidGrantError,
    MalformedAnswerError,
    RefusedError,
    ThrottledError,
    UnreachableError,
    UnverifiedIdentityError,
    UpstreamError,
    WrongPasswordError,
)
from doorward_auth.upstream.error_bodies import safe_excerpt
from doorward_auth.upstream.provider_settings import BodyKind, ProviderSettings
from doorward_auth.upstream.retry_after import parse_retry_after
from doorward_client import strict_json
from doorward_client.settings import SettingsError

log = structlog.get_logger(__name__)

MAX_ANSWER_BYTES: Final = 65_536

_REQUEST_ID_HEADERS: Final = ("x-request-id", "x-correlation-id", "request-id", "x-github-request-id")
_REQUEST_ID: Final = re.compile(r"[A-Za-z0-9._:/+=-]{1,128}")
_KEEP_ALIVE_SECONDS: Final = 4.0
"""Shorter than the five seconds after which many servers close: a request must not meet that moment."""

_ANSWERS_ABOUT_USERS: Final = (WrongPasswordError, AlreadyTakenError, RefusedError, InvalidGrantError)


@dataclass(frozen=True, slots=True, repr=False)
class Body:
    """The fields of a request, and its picture with the field's name."""

    kind: BodyKind
    fields: Mapping[str, str]
    image: tuple[str, Image] | None = None

    def arguments(self) -> dict[str, Any]:
        """Return the arguments of httpx2's request."""
        if self.kind == "json":
            return {"json": dict(self.fields)}
        if self.kind == "form":
            return {"data": dict(self.fields)}
        parts: list[tuple[str, Any]] = [(name, (None, value)) for name, value in self.fields.items()]
        if self.image:
            name, image = self.image
            parts.append((name, (image.filename, image.data, image.media_type)))
        return {"files": parts}


@dataclass(frozen=True, slots=True, repr=False)
class Answer:
    """An answer that was read to its end; of a refusal perhaps the beginning alone."""

    status: int
    content: bytes
    request_id: str | None = None
    retry_after: int | None = None

    @property
    def is_success(self) -> bool:
        return 200 <= self.status < 300  # noqa: PLR2004 - RFC 9110 section 15.3

    def json(self) -> Any:
        """Parse the body; raises MalformedAnswerError."""
        try:
            return strict_json.loads(self.content)
        except strict_json.InvalidJsonError:
            raise self.error(MalformedAnswerError) from None

    def json_or_none(self) -> Any:
        """Parse the body of a refusal, which may be anything."""
        try:
            return strict_json.loads(self.content)
        except strict_json.InvalidJsonError:
            return None

    def error(self, kind: type[UpstreamError], *arguments: Any) -> UpstreamError:
        """Return an error with the answer's status and request id."""
        return kind(*arguments, status=self.status, request_id=self.request_id)

    def failure(self) -> UpstreamError:
        """Return what a status says that means nothing to the protocol."""
        if self.status == httpx2.codes.TOO_MANY_REQUESTS:
            return self.error(ThrottledError, self.retry_after)
        return self.error(FailedError)


@dataclass(slots=True)
class Call:
    """One use of an upstream within its deadline.

    `arrival` becomes UNKNOWN when the first byte of a request leaves that can change something.
    """

    client: httpx2.AsyncClient
    provider: str
    operation: str
    arrival: Arrival = field(default=Arrival.NOT_SENT)

    async def get(self, url: str, *, headers: Mapping[str, str] | None = None) -> Answer:
        """Send a request that changes nothing; raises UnreachableError, MalformedAnswerError."""
        return await self._send("GET", url, None, headers or {})

    async def post(self, url: str, body: Body, *, headers: Mapping[str, str] | None = None) -> Answer:
        """Send a request; raises UnreachableError, MalformedAnswerError."""
        return await self._send("POST", url, body, headers or {})

    async def _send(self, method: str, url: str, body: Body | None, headers: Mapping[str, str]) -> Answer:
        arguments = body.arguments() if body else {}
        extensions = {"trace": self._note_sending} if body else {}
        try:
            async with self.client.stream(
                method, url, headers=headers, extensions=extensions, **arguments
            ) as response:
                content, is_whole = await _read(response)
        except (httpx2.RequestError, OSError, EOFError):
            # No cause, because it quotes the request's URL and the answer's bytes.
            raise UnreachableError(self.arrival) from None
        answer = _answer(response, content)
        if answer.is_success and not is_whole:
            raise answer.error(MalformedAnswerError)
        if not answer.is_success and log.is_enabled_for(logging.DEBUG):
            self._log_body(answer, [*(body.fields.values() if body else ()), *headers.values()])
        return answer

    async def _note_sending(self, event: str, info: Mapping[str, Any]) -> None:
        # A proxy's CONNECT says nothing yet to the upstream.
        if event.endswith(".send_request_headers.started") and info["request"].method != b"CONNECT":
            self.arrival = Arrival.UNKNOWN

    def _log_body(self, answer: Answer, sent: list[str]) -> None:
        credentials = [part for value in sent for part in (value, value.partition(" ")[2])]
        log.debug(
            "upstream.error_body",
            provider=self.provider,
            operation=self.operation,
            status=answer.status,
            body=safe_excerpt(answer.content, credentials),
        )


class UpstreamClient:
    """The HTTP client of one provider."""

    def __init__(self, provider: str, settings: ProviderSettings) -> None:
        """Raise SettingsError if the environment's proxy cannot be used."""
        self.provider = provider
        self._seconds = settings.timeout_seconds
        verify = ssl.create_default_context(cafile=settings.ca_file) if settings.ca_file else True
        try:
            self._client = httpx2.AsyncClient(
                headers={
                    "Accept": "application/json",
                    "Accept-Encoding": "identity",
                    "User-Agent": "doorward",
                },
                cookies=CookieJar(DefaultCookiePolicy(allowed_domains=())),
                timeout=None,  # each call has a deadline of its own
                verify=verify,
                limits=httpx2.Limits(
                    max_connections=settings.max_connections,
                    max_keepalive_connections=settings.max_connections,
                    keepalive_expiry=_KEEP_ALIVE_SECONDS,
                ),
            )
        except (ImportError, ValueError, httpx2.InvalidURL):
            # Not the reason, because a proxy's URL may hold a password.
            raise SettingsError(
                "HTTP_PROXY, HTTPS_PROXY or ALL_PROXY cannot be used: write http://proxy.example.com:3128"
            ) from None

    @asynccontextmanager
    async def call(self, operation: str) -> AsyncIterator[Call]:
        """Limit the time of all requests within, and log how they fail; raises UpstreamError."""
        call = Call(self._client, self.provider, operation)
        with self._logged_failures(operation):
            try:
                async with asyncio.timeout(self._seconds):
                    yield call
            except TimeoutError:
                raise UnreachableError(call.arrival) from None

    async def close(self) -> None:
        """Close the connections."""
        await self._client.aclose()

    def _logged_failures(self, operation: str) -> "_LoggedFailures":
        return _LoggedFailures(self.provider, operation)


class _LoggedFailures:
    """Logs an upstream's errors: those about a user at info level, because they are no fault."""

    def __init__(self, provider: str, operation: str) -> None:
        self._fields = {"provider": provider, "operation": operation}

    def __enter__(self) -> None:
        return

    def __exit__(self, _kind: object, error: object, _traceback: object) -> None:
        if not isinstance(error, UpstreamError):
            return
        details = {
            "arrival": error.arrival if isinstance(error, UnreachableError) else None,
            "reason": error.reason if isinstance(error, UnverifiedIdentityError) else None,
            "retry_after": error.retry_after if isinstance(error, ThrottledError) else None,
            "status": error.status,
            "upstream_request_id": error.request_id,
        }
        write = log.info if isinstance(error, _ANSWERS_ABOUT_USERS) else log.warning
        write(
            "upstream.failed",
            **self._fields,
            error=type(error).__name__,
            **{name: value for name, value in details.items() if value is not None},
        )


async def _read(response: httpx2.Response) -> tuple[bytes, bool]:
    """Return the decoded body up to its limit, and whether that is all of it."""
    content = bytearray()
    try:
        async for chunk in response.aiter_bytes():
            content += chunk
            if len(content) > MAX_ANSWER_BYTES:
                return bytes(content[:MAX_ANSWER_BYTES]), False
    except httpx2.DecodingError:
        return b"", False
    return bytes(content), True


def _answer(response: httpx2.Response, content: bytes) -> Answer:
    headers = response.headers
    return Answer(
        response.status_code,
        content,
        next(_request_ids(headers), None),
        parse_retry_after(headers.get("retry-after"), headers.get("date")),
    )


def _request_ids(headers: Mapping[str, str]) -> Iterator[str]:
    for name in _REQUEST_ID_HEADERS:
        value = headers.get(name)
        if value and _REQUEST_ID.fullmatch(value):
            yield value
