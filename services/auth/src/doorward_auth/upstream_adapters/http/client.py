"""Requests to an upstream: one deadline, bounded answers, no redirects, no repetitions, no cookies."""

import asyncio
import functools
import logging
import ssl
import zlib
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from http.cookiejar import CookieJar, DefaultCookiePolicy
from typing import Any, Final

import httpx2
import structlog

from doorward_auth.upstream_adapters.base import (
    AlreadyTakenError,
    Arrival,
    InvalidGrantError,
    MalformedAnswerError,
    ThrottledError,
    UnreachableError,
    UnusedTokens,
    UnverifiedIdentityError,
    UpstreamError,
    ValuesRejectedError,
    WrongPasswordError,
)
from doorward_auth.upstream_adapters.http.error_bodies import safe_excerpt
from doorward_auth.upstream_adapters.http.messages import Answer, Body
from doorward_auth.upstream_adapters.settings.provider import ProviderSettings
from doorward_client.settings import SettingsError

log = structlog.get_logger(__name__)

MAX_ANSWER_BYTES: Final = 65_536

_WINDOWS: Final = {
    "gzip": zlib.MAX_WBITS | 16,
    "x-gzip": zlib.MAX_WBITS | 16,
    "deflate": zlib.MAX_WBITS,
}
"""Encodings that are unpacked though none was asked for, with zlib's number for their header."""

_KEEP_ALIVE_SECONDS: Final = 4.0
"""Shorter than the five seconds after which many servers close: a request must not meet that moment."""

_ANSWERS_ABOUT_USERS: Final = (WrongPasswordError, AlreadyTakenError, ValuesRejectedError, InvalidGrantError)


@dataclass(slots=True)
class Call:
    """One use of an upstream within its deadline.

    `arrival` becomes UNKNOWN when the first byte of a request leaves that can change something. `issued` is
    what the upstream has issued so far; an error of the call has it as `unused`.
    """

    client: httpx2.AsyncClient
    provider: str
    operation: str
    arrival: Arrival = field(default=Arrival.NOT_SENT)
    issued: UnusedTokens | None = None

    async def get(
        self,
        url: str | httpx2.URL,
        *,
        headers: Mapping[str, str] | None = None,
        max_bytes: int = MAX_ANSWER_BYTES,
    ) -> Answer:
        """Send a request that changes nothing; raises UnreachableError, MalformedAnswerError."""
        return await self._send("GET", url, None, headers or {}, max_bytes)

    async def post(self, url: str, body: Body, *, headers: Mapping[str, str] | None = None) -> Answer:
        """Send a request; raises UnreachableError, MalformedAnswerError."""
        return await self._send("POST", url, body, headers or {}, MAX_ANSWER_BYTES)

    async def _send(
        self,
        method: str,
        url: str | httpx2.URL,
        body: Body | None,
        headers: Mapping[str, str],
        max_bytes: int,
    ) -> Answer:
        arguments = body.arguments() if body else {}
        extensions = {"trace": self._note_sending} if body else {}
        try:
            async with self.client.stream(
                method, url, headers=headers, extensions=extensions, **arguments
            ) as response:
                content, is_whole = await _read(response, max_bytes)
        except (httpx2.RequestError, OSError, EOFError):
            # No cause, because it quotes the request's URL and the answer's bytes.
            raise UnreachableError(self.arrival) from None
        answer = Answer.of(response, content)
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
        authority = settings.ca_file
        verify = ssl.create_default_context(cafile=authority) if authority else _public_authorities()
        try:
            self._client = httpx2.AsyncClient(
                headers={
                    "Accept": "application/json",
                    "Accept-Encoding": "identity",
                    "User-Agent": "doorward",
                },
                cookies=CookieJar(DefaultCookiePolicy(allowed_domains=())),
                # Each call has a deadline of its own. Connecting has a third of it, because a connection that
                # the deadline cancels in the TLS handshake stays open until it is garbage.
                timeout=httpx2.Timeout(None, connect=settings.timeout_seconds / 3),
                verify=verify,
                # No request waits for a connection: senders are limited before, logins and refreshes apart.
                limits=httpx2.Limits(
                    max_connections=None,
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
        try:
            try:
                async with asyncio.timeout(self._seconds):
                    yield call
            except TimeoutError:
                raise UnreachableError(call.arrival) from None
        except UpstreamError as error:
            error.unused = error.unused or call.issued
            _log_failure(self.provider, operation, error)
            raise

    async def close(self) -> None:
        """Close the connections."""
        await self._client.aclose()


@functools.cache
def _public_authorities() -> ssl.SSLContext:
    # Once for all upstreams, because reading the certificates takes tens of milliseconds.
    return httpx2.create_ssl_context()


async def _read(response: httpx2.Response, max_bytes: int) -> tuple[bytes, bool]:
    """Return the decoded body up to its limit, and whether that is all of it."""
    content = bytearray()
    async for chunk in response.aiter_raw():
        content += chunk
        if len(content) > max_bytes:
            break
    try:
        decoded = _decoded(bytes(content), response.headers.get("content-encoding", ""), max_bytes)
    except zlib.error:
        return b"", False
    return decoded[:max_bytes], max(len(content), len(decoded)) <= max_bytes


def _decoded(content: bytes, encoding: str, max_bytes: int) -> bytes:
    """Return up to a byte more than the limit; raises zlib.error.

    Not by the HTTP client, which would unpack a chunk of a compressed answer to a thousand times its size.
    """
    name = encoding.strip().lower()
    if name in {"", "identity"}:
        return content
    if name not in _WINDOWS:
        raise zlib.error("an encoding that was not accepted")
    unpacking = zlib.decompressobj(_WINDOWS[name])
    decoded = unpacking.decompress(content, max_bytes + 1)
    if len(decoded) <= max_bytes and not unpacking.eof:
        raise zlib.error("cut off")
    return decoded


def _log_failure(provider: str, operation: str, error: UpstreamError) -> None:
    """Log an error: at info level what is about a user, because it is no fault of the upstream."""
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
        provider=provider,
        operation=operation,
        error=type(error).__name__,
        **{name: value for name, value in details.items() if value is not None},
    )
