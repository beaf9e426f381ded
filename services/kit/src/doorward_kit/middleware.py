"""One pure ASGI layer around every request: id, limits, security headers, log line, metrics.

One layer and not five, because each costs every request; Starlette's BaseHTTPMiddleware alone
would cost more than the rest of the stack.
"""

import time
from collections.abc import Callable, Iterable, Sequence
from functools import partial
from typing import Final

import structlog
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from doorward_client.errors import status_problem
from doorward_client.request_context import begin_request
from doorward_kit.client_ip import Network, client_address
from doorward_kit.metrics import Metrics

log = structlog.get_logger("doorward.http")

MAX_HEADER_BYTES: Final = 32 * 1024
UNMATCHED: Final = "unmatched"
_CLIENT_CLOSED_REQUEST: Final = 499  # NGINX's number for it: nobody is there to be answered
_METHODS: Final = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})

_SECURITY_HEADERS: Final = (
    (b"x-content-type-options", b"nosniff"),
    (b"referrer-policy", b"no-referrer"),
)
_API_CONTENT_POLICY: Final = (b"content-security-policy", b"default-src 'none'; frame-ancestors 'none'")
_CLOSE: Final = (b"connection", b"close")
_NO_STORE: Final = (b"cache-control", b"no-store")


class RequestMiddleware:
    """Wraps a service's whole application.

    `quiet_routes` are route templates that are counted and not logged (probes and scrapes).
    """

    def __init__(  # noqa: PLR0913 - what one layer needs to know
        self,
        app: ASGIApp,
        *,
        service: str,
        metrics: Metrics,
        max_body_bytes: int,
        access_log: bool,
        is_draining: Callable[[], bool],
        trusted_proxies: Sequence[Network],
        quiet_routes: Iterable[str] = (),
    ) -> None:
        self._app = app
        self._in_progress = 0
        metrics.in_progress.labels(service).set_function(lambda: self._in_progress)
        self._metrics = metrics
        self._max_body_bytes = max_body_bytes
        self._access_log = access_log
        self._is_draining = is_draining
        self._trusted_proxies = trusted_proxies
        self._quiet_routes = frozenset(quiet_routes)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        started = time.perf_counter()
        status = 0
        header = _read_header(scope["headers"])
        request_id = begin_request(header.request_id, partial(client_address, scope, self._trusted_proxies))

        async def send_decorated(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                headers = _decorated(message["headers"], request_id)
                if self._is_draining():
                    # The proxy gives this connection up now, between two requests, and not when the
                    # process goes, which may be in the middle of one.
                    headers.append(_CLOSE)
                message = {**message, "headers": headers}
            await send(message)

        self._in_progress += 1
        try:
            refusal = self._refusal(header)
            if refusal is not None:
                await status_problem(refusal, request_id=request_id)(scope, receive, send_decorated)
            else:
                body = self._count_body(receive) if header.is_chunked else receive
                await self._app(scope, body, send_decorated)
        except ClientDisconnect:
            status = status or _CLIENT_CLOSED_REQUEST
        except Exception:
            # The last resort (ASVS 16.5.4). What was raised goes to the log, never to the caller.
            log.exception("http.unhandled_exception", method=scope["method"], path=scope["path"])
            if status:
                raise
            await status_problem(500, request_id=request_id)(scope, receive, send_decorated)
        finally:
            self._in_progress -= 1
            self._record(scope, status, time.perf_counter() - started)

    def _refusal(self, header: "_Header") -> int | None:
        """Return the status for a request that is too large to look at."""
        if header.size > MAX_HEADER_BYTES:
            return 431
        return 413 if header.content_length > self._max_body_bytes else None

    def _count_body(self, receive: Receive) -> Receive:
        """Bound a body that does not announce its length."""
        total = 0

        async def receive_counted() -> Message:
            nonlocal total
            message = await receive()
            total += len(message.get("body", b""))
            if total > self._max_body_bytes:
                raise HTTPException(413)
            return message

        return receive_counted

    def _record(self, scope: Scope, status: int, seconds: float) -> None:
        route = getattr(scope.get("route"), "path", UNMATCHED)
        # A label for each method that somebody makes up would be a leak.
        method = scope["method"] if scope["method"] in _METHODS else "OTHER"
        self._metrics.observe_request(method, route, status, seconds)
        if self._access_log and route not in self._quiet_routes:
            client = scope.get("client")
            log.info(
                "http.request",
                method=method,
                route=route,
                status=status,
                duration_ms=round(seconds * 1000, 2),
                peer=client[0] if client else None,
            )


class _Header:
    __slots__ = ("content_length", "is_chunked", "request_id", "size")

    def __init__(self) -> None:
        self.size = 0
        self.content_length = 0
        self.is_chunked = False
        self.request_id: bytes | None = None


def _decorated(headers: Iterable[tuple[bytes, bytes]], request_id: str) -> list[tuple[bytes, bytes]]:
    """Add the request id and the security headers that the answer does not set itself."""
    decorated = list(headers)
    names = {name for name, _ in decorated}
    decorated += ((b"x-request-id", request_id.encode("ascii")), *_SECURITY_HEADERS)
    if b"content-security-policy" not in names:
        decorated.append(_API_CONTENT_POLICY)
    if b"cache-control" not in names:
        decorated.append(_NO_STORE)
    return decorated


def _read_header(fields: Iterable[tuple[bytes, bytes]]) -> _Header:
    header = _Header()
    for name, value in fields:
        header.size += len(name) + len(value)
        if name == b"content-length" and value.isdigit():
            header.content_length = int(value[:12])
        elif name == b"transfer-encoding":
            header.is_chunked = True
        elif name == b"x-request-id":
            header.request_id = value
    return header
