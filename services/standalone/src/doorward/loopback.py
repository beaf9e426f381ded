"""A server on a loopback address answers to loopback names alone.

Otherwise a web page whose name resolves to 127.0.0.1 (DNS rebinding) could read what only the user of this
machine may see, as if it came from the page's own server.
"""

import re
from typing import Final

import structlog
from starlette.types import ASGIApp, Receive, Scope, Send

from doorward_client.errors import DoorwardError, problem_response
from doorward_client.loopback import is_loopback
from doorward_client.request_context import begin_request

log = structlog.get_logger(__name__)

_HOST: Final = re.compile(r"(?:\[(?P<ipv6>[0-9A-Fa-f:.]+)\]|(?P<name>[^:\[\]]+))(?::\d{1,5})?")


class MisdirectedRequestError(DoorwardError):
    """421: the request's `Host` is not a name of this machine (RFC 9110 section 15.5.20)."""

    status = 421
    code = "misdirected_request"
    detail = "This server answers to localhost, 127.0.0.1 and [::1] alone."


def is_loopback_authority(authority: str) -> bool:
    """Tell whether the value of a `Host` field names this machine."""
    match = _HOST.fullmatch(authority)
    return match is not None and is_loopback(match["ipv6"] or match["name"])


class LoopbackHosts:
    """Rejects requests for other hosts, before any of them is routed."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request, or the lifespan of the server."""
        if scope["type"] == "http":
            hosts = [value.decode("latin-1") for name, value in scope["headers"] if name == b"host"]
            if len(hosts) != 1 or not is_loopback_authority(hosts[0]):
                await _rejection()(scope, receive, send)
                return
        await self._app(scope, receive, send)


def _rejection() -> ASGIApp:
    request_id = begin_request(None, lambda: "127.0.0.1")
    log.warning("http.misdirected")
    error = MisdirectedRequestError
    headers = {"X-Request-ID": request_id}
    return problem_response(error.status, error.code, error.detail, request_id=request_id, headers=headers)
