"""One pure ASGI layer around every request: id, limits, security headers, log line, metrics.

One layer and not five, because each costs every request. Starlette's BaseHTTPMiddleware alone would cost
more than the rest of the stack.
"""

import re
import time
from collections.abc import Callable, Iterable, Sequence
from functools import partial
from typing import Final

import structlog
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from doorward_client.errors import status_problem
from doorward_client.request_context import SESSION_ID_KEY, USER_ID_KEY, begin_request
from doorward_kit.client_ip import Network, TrustedProxies
from doorward_kit.metrics import Metrics

log = structlog.get_logger("doorward.http")

MAX_HEADER_BYTES: Final = 32 * 1024
UNMATCHED: Final = "unmatched"
STREAM_KEY: Final = "doorward.stream"
"""Key in the ASGI scope of a response that goes on for as long as the client likes, set before its start.

Such a request counts as answered when its response starts: from then on it is not in progress, and its
duration in metrics ends there. Its log line comes at its end.
"""

_CLIENT_CLOSED_REQUEST: Final = 499  # NGINX's status for a client that disconnected
_METHODS: Final = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})
_WELL_FORMED_ID: Final = re.compile(rb"[A-Za-z0-9._-]{1,128}")

_SECURITY_HEADERS: Final = (
    (b"x-content-type-options", b"nosniff"),
    (b"referrer-policy", b"no-referrer"),
)
_API_CONTENT_POLICY: Final = (b"content-security-policy", b"default-src 'none'; frame-ancestors 'none'")
_CLOSE: Final = (b"connection", b"close")
_NO_STORE: Final = (b"cache-control", b"no-store")


class RequestMiddleware:
    """Wraps the whole application of a service.

    With `proxies_set_request_id` the request id is X-Request-ID of a trusted proxy, otherwise a new one.
    Clients must not choose the ids of the audit log, and many ingress controllers forward theirs. The
    client's own id is logged as `client_request_id`.
    `quiet_routes` are route templates that are counted but not logged.
    """

    def __init__(  # noqa: PLR0913 - the parameters of one layer
        self,
        app: ASGIApp,
        *,
        service: str,
        metrics: Metrics,
        max_body_bytes: int,
        access_log: bool,
        is_draining: Callable[[], bool],
        trusted_proxies: Sequence[Network],
        proxies_set_request_id: bool = False,
        quiet_routes: Iterable[str] = (),
    ) -> None:
        self._app = app
        self._in_progress = 0
        metrics.in_progress.labels(service).set_function(lambda: self._in_progress)
        self._metrics = metrics
        self._max_body_bytes = max_body_bytes
        self._access_log = access_log
        self._is_draining = is_draining
        self._proxies = TrustedProxies(trusted_proxies)
        self._proxies_set_request_id = proxies_set_request_id
        self._quiet_routes = frozenset(quiet_routes)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        started = time.perf_counter()
        status, streams_since = 0, 0.0
        client = scope.get("client")
        header = _read_header(scope["headers"], client[0] if client else None)
        read_address = partial(self._proxies.client_ip, header.peer, header.forwarded)
        request_id = begin_request(header.request_id if self._has_edge_id(header) else None, read_address)

        async def send_decorated(message: Message) -> None:
            nonlocal status, streams_since
            if message["type"] == "http.response.start":
                status = message["status"]
                headers = _decorated(message["headers"], request_id)
                if self._is_draining():
                    # The proxy drops this connection now, between two requests, instead of when the
                    # process stops, possibly in the middle of one.
                    headers.append(_CLOSE)
                if STREAM_KEY in scope:
                    streams_since = time.perf_counter()
                    self._in_progress -= 1
                message = {**message, "headers": headers}
            await send(message)

        self._in_progress += 1
        try:
            too_large = self._too_large(header)
            if too_large is not None:
                await status_problem(too_large, request_id=request_id)(scope, receive, send_decorated)
            else:
                body = self._limit_body(receive) if header.is_chunked else receive
                await self._app(scope, body, send_decorated)
        except ClientDisconnect:
            status = status or _CLIENT_CLOSED_REQUEST
        except Exception:
            # The last resort (ASVS 16.5.4): the exception goes to the log, never to the client.
            log.exception("http.unhandled_exception", method=scope["method"], path=scope["path"])
            if status:
                raise
            await status_problem(500, request_id=request_id)(scope, receive, send_decorated)
        finally:
            ended = time.perf_counter()
            self._in_progress -= 0 if streams_since else 1
            self._record(scope, header, status, ended - started, (streams_since or ended) - started)

    def _too_large(self, header: "_Header") -> int | None:
        """Return the status for a request that exceeds a limit, None for others."""
        if header.size > MAX_HEADER_BYTES:
            return 431
        return 413 if header.content_length > self._max_body_bytes else None

    def _limit_body(self, receive: Receive) -> Receive:
        """Limit a body that does not announce its length."""
        total = 0

        async def receive_counted() -> Message:
            nonlocal total
            message = await receive()
            total += len(message.get("body", b""))
            if total > self._max_body_bytes:
                raise HTTPException(413)
            return message

        return receive_counted

    def _record(
        self, scope: Scope, header: "_Header", status: int, seconds: float, seconds_to_answer: float
    ) -> None:
        route = getattr(scope.get("route"), "path", UNMATCHED)
        # Unknown methods share a label, or clients could create labels without end.
        method = scope["method"] if scope["method"] in _METHODS else "OTHER"
        self._metrics.observe_request(method, route, status, seconds_to_answer)
        if self._access_log and route not in self._quiet_routes:
            log.info(
                "http.request",
                method=method,
                route=route,
                status=status,
                duration_ms=round(seconds * 1000, 2),
                client_ip=self._proxies.client_ip(header.peer, header.forwarded),
                peer=header.peer,
                user_id=scope.get(USER_ID_KEY),
                session_id=scope.get(SESSION_ID_KEY),
                **self._client_request_id(header),
            )

    def _has_edge_id(self, header: "_Header") -> bool:
        """Tell whether X-Request-ID is that of our own edge, and no choice of the client."""
        return self._proxies_set_request_id and self._proxies.is_trusted(header.peer)

    def _client_request_id(self, header: "_Header") -> dict[str, str]:
        sent = header.client_request_id if self._has_edge_id(header) else header.request_id
        if sent is None or not _WELL_FORMED_ID.fullmatch(sent):
            return {}
        return {"client_request_id": sent.decode("ascii")}


class _Header:
    __slots__ = (
        "client_request_id",
        "content_length",
        "forwarded",
        "is_chunked",
        "peer",
        "request_id",
        "size",
    )

    def __init__(self, peer: str | None) -> None:
        self.peer = peer
        self.size = 0
        self.content_length = 0
        self.is_chunked = False
        self.forwarded: list[bytes] = []
        self.request_id: bytes | None = None
        self.client_request_id: bytes | None = None


def _decorated(headers: Iterable[tuple[bytes, bytes]], request_id: str) -> list[tuple[bytes, bytes]]:
    """Add the request id, and the security headers that the response does not set itself."""
    decorated = list(headers)
    names = {name for name, _ in decorated}
    decorated += ((b"x-request-id", request_id.encode("ascii")), *_SECURITY_HEADERS)
    if b"content-security-policy" not in names:
        decorated.append(_API_CONTENT_POLICY)
    if b"cache-control" not in names:
        decorated.append(_NO_STORE)
    return decorated


def _read_header(fields: Iterable[tuple[bytes, bytes]], peer: str | None) -> _Header:
    header = _Header(peer)
    for name, value in fields:
        header.size += len(name) + len(value)
        if name == b"content-length" and value.isdigit():
            header.content_length = int(value[:12])
        elif name == b"transfer-encoding":
            header.is_chunked = True
        elif name == b"x-forwarded-for":
            header.forwarded.append(value)
        elif name == b"x-request-id":
            header.request_id = value
        elif name == b"x-client-request-id":
            header.client_request_id = value
    return header
