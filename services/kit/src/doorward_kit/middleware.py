"""One pure ASGI layer around every request: id, limits, delayed rejections, headers, log line, metrics.

One layer and not five, because each costs every request. Starlette's BaseHTTPMiddleware alone would cost
more than the rest of the stack.
"""

import re
import time
from collections.abc import Iterable, Sequence
from functools import partial
from types import SimpleNamespace
from typing import Final

import structlog
from starlette.requests import ClientDisconnect, Request
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from doorward_client.errors import ErrorDetails, Renderer, render_problem, status_problem
from doorward_client.request_context import (
    REJECTED_KEY,
    SESSION_ID_KEY,
    USER_ID_KEY,
    begin_request,
    request_id_of,
)
from doorward_kit.body_limit import BODY_SECONDS, REQUEST_TIMEOUT, BodyLimit
from doorward_kit.client_ip import Network, TrustedProxies
from doorward_kit.cors import CorsPolicy
from doorward_kit.metrics import Metrics
from doorward_kit.rejection_delay import RejectionDelay
from doorward_kit.request_header import RequestHeader, read_header
from doorward_kit.shutdown import Shutdown
from doorward_kit.upload_limit import UploadLimit

log = structlog.get_logger("doorward.http")

MAX_HEADER_BYTES: Final = 32 * 1024
UNMATCHED: Final = "unmatched"
STREAM_KEY: Final = "doorward.stream"
"""Key in the ASGI scope of a response that goes on for as long as the client likes, set before its start.

Such a request counts as answered when its response starts: from then on it is not in progress, and its
duration in metrics ends there. Its log line comes at its end.
"""

_PREFLIGHT_ROUTE: Final = SimpleNamespace(path="preflight")  # for metrics
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
    `render` renders the errors of this layer. Of its own errors the caller gets a problem document.
    `quiet_routes` are route templates that are counted but not logged. Requests of `uploads` may have a body
    of its limit, and all others of `max_body_bytes`. A body arrives within `body_seconds`.
    """

    def __init__(  # noqa: PLR0913 - the parameters of one layer
        self,
        app: ASGIApp,
        *,
        service: str,
        metrics: Metrics,
        max_body_bytes: int,
        uploads: UploadLimit,
        access_log: bool,
        shutdown: Shutdown,
        rejections: RejectionDelay,
        trusted_proxies: Sequence[Network],
        cors: CorsPolicy,
        proxies_set_request_id: bool = False,
        quiet_routes: Iterable[str] = (),
        render: Renderer = render_problem,
        body_seconds: float = BODY_SECONDS,
    ) -> None:
        self._app = app
        self._in_progress = 0
        metrics.in_progress.labels(service).set_function(lambda: self._in_progress)
        self._metrics = metrics
        self._body_limit = BodyLimit(max_body_bytes, uploads, body_seconds)
        self._access_log = access_log
        self._shutdown = shutdown
        self._rejections = rejections
        self._proxies = TrustedProxies(trusted_proxies)
        self._proxies_set_request_id = proxies_set_request_id
        self._cors = cors
        # Browsers send a preflight before nearly every request of another origin, which is logged itself.
        self._quiet_routes = frozenset({_PREFLIGHT_ROUTE.path, *quiet_routes})
        self._render = render

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        started = time.perf_counter()
        status, streams_since, waited = 0, 0.0, 0.0
        client = scope.get("client")
        header = read_header(scope["headers"], client[0] if client else None)
        read_address = partial(self._proxies.client_ip, header.peer, header.forwarded)
        edge_id = header.request_id if self._has_edge_id(header) else None
        request_id = begin_request(edge_id, read_address, scope)

        held: list[Message] = []

        async def send_decorated(message: Message) -> None:
            nonlocal status, streams_since
            if REJECTED_KEY in scope:
                held.append(message)
                return
            if message["type"] == "http.response.start":
                status = message["status"]
                headers = self._decorated(message, request_id, scope["path"], header.origin)
                if STREAM_KEY in scope:
                    streams_since = time.perf_counter()
                    self._in_progress -= 1
                message = {**message, "headers": headers}
            await send(message)

        self._in_progress += 1
        try:
            too_large = self._too_large(scope, header)
            if too_large is not None:
                await self._reject(too_large, scope, receive, send_decorated)
            else:
                await self._answer(scope, header, receive, send_decorated)
            # Not before the application has returned: its frames hold the body of the request.
            waited = await self._release(held, scope, send_decorated)
        except ClientDisconnect:
            status = status or _CLIENT_CLOSED_REQUEST
        except Exception:
            # The last resort (ASVS 16.5.4): the exception goes to the log, never to the client.
            log.exception("http.unhandled_exception", method=scope["method"], path=scope["path"])
            if status:
                raise
            scope.pop(REJECTED_KEY, None)
            await self._reject(500, scope, receive, send_decorated)
        finally:
            ended = time.perf_counter()
            self._in_progress -= 0 if streams_since else 1
            to_answer = (streams_since or ended) - started - waited
            self._record(scope, header, status, ended - started, to_answer)

    def _decorated(
        self, start: Message, request_id: str, path: str, origin: bytes | None
    ) -> list[tuple[bytes, bytes]]:
        """Return the headers of a response with those of this layer."""
        headers = _decorated(start["headers"], request_id)
        self._cors.add_headers(headers, path, origin)
        if self._shutdown.is_draining or start["status"] == REQUEST_TIMEOUT:
            # The proxy drops this connection now, between two requests, instead of when the process stops,
            # possibly in the middle of one. After a timeout the rest of the body may still come, as slowly.
            headers.append(_CLOSE)
        return headers

    async def _reject(self, status: int, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer with an error that no route has answered with, in the form that the path's clients read."""
        try:
            response = self._render(Request(scope), ErrorDetails.of_status(status))
        except Exception:
            log.exception("http.error_not_rendered", method=scope["method"], path=scope["path"])
            response = status_problem(status, request_id=request_id_of(scope))
        await response(scope, receive, send)

    async def _release(self, held: Sequence[Message], scope: Scope, send: Send) -> float:
        """Send what a rejected request is answered with, after a wait; return its seconds."""
        if not held:
            return 0.0
        waited = await self._rejections.wait()
        del scope[REJECTED_KEY]
        for message in held:
            await send(message)
        return waited

    async def _answer(self, scope: Scope, header: RequestHeader, receive: Receive, send: Send) -> None:
        is_preflight = header.requests_method and scope["method"] == "OPTIONS"
        if is_preflight and header.origin is not None:
            await self._answer_preflight(scope, header.origin, send)
        else:
            has_body = header.is_chunked or header.content_length
            await self._app(scope, self._body_limit.limited(scope, receive) if has_body else receive, send)

    async def _answer_preflight(self, scope: Scope, origin: bytes, send: Send) -> None:
        """Answer before routing, so that a page can read that a path or a method does not exist.

        OPTIONS without a method to ask for is answered by its path (methods.py).
        """
        scope["route"] = _PREFLIGHT_ROUTE
        allowed = self._cors.preflight_headers(scope["path"], origin)
        await send({"type": "http.response.start", "status": 204, "headers": allowed})
        await send({"type": "http.response.body", "body": b""})

    def _too_large(self, scope: Scope, header: RequestHeader) -> int | None:
        """Return the status for a request that exceeds a limit, None for others."""
        if header.size > MAX_HEADER_BYTES:
            return 431
        return 413 if self._body_limit.is_too_long(scope, header.content_length) else None

    def _record(
        self, scope: Scope, header: RequestHeader, status: int, seconds: float, seconds_to_answer: float
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

    def _has_edge_id(self, header: RequestHeader) -> bool:
        """Tell whether X-Request-ID is that of our own edge, and no choice of the client."""
        return self._proxies_set_request_id and self._proxies.is_trusted(header.peer)

    def _client_request_id(self, header: RequestHeader) -> dict[str, str]:
        sent = header.client_request_id if self._has_edge_id(header) else header.request_id
        if sent is None or not _WELL_FORMED_ID.fullmatch(sent):
            return {}
        return {"client_request_id": sent.decode("ascii")}


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
