"""A backend that records requests, to check what the edge forwards."""

import json
import sys
import threading
import time
from collections.abc import Mapping
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import TracebackType
from typing import Any, ClassVar, Final, Self, cast

from support.ports import free_port

LATE_SECONDS: Final = 1.5


@dataclass(frozen=True)
class Received:
    """A received request; header names are in lower case, and repeated ones are kept."""

    method: str
    path: str
    headers: tuple[tuple[str, str], ...]
    body: bytes
    connection: int  # the port it came from: equal for requests of one connection

    def values(self, name: str) -> list[str]:
        """Return every value of a header, in order."""
        return [value for key, value in self.headers if key == name.lower()]


CORS_ANSWER: Final[Mapping[str, str]] = {
    "Access-Control-Allow-Origin": "https://app.example.com",
    "Access-Control-Allow-Credentials": "true",
    "Access-Control-Expose-Headers": "ETag, X-Request-ID",
    "Vary": "Origin",
    "Set-Cookie": "__Secure-doorward_refresh_console=dwr_x; Path=/api/v1/auth/refresh-token; Secure",
}
"""What requests with an origin are answered with, as the services answer a listed one."""


class EchoServer:
    """An HTTP server in a thread that records requests and answers them with 200 and JSON.

    For a path that ends with /vanish the connection is closed without a response, like a
    service that dies during a request. One that ends with /late is answered after LATE_SECONDS, one
    that ends with /busy with 503 and a Retry-After of 7. Health checks (GET /) are not recorded.
    """

    def __init__(self) -> None:
        self.port = free_port()
        self.received: list[Received] = []
        self._server: _Server | None = None

    def start(self) -> Self:
        """Listen on the port, the same one after a stop()."""
        self._server = _Server(("127.0.0.1", self.port), _Handler)
        self._server.received = self.received
        threading.Thread(target=self._server.serve_forever, args=(0.05,), daemon=True).start()
        return self

    def stop(self) -> None:
        """Close the socket and every connection."""
        if self._server is not None:
            self._server.shutdown()
            self._server.server_close()
            self._server.close_connections()
            self._server = None

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.stop()


@dataclass(frozen=True)
class Backends:
    """Backends in place of the services, which record requests."""

    auth: EchoServer
    users: EchoServer
    tickets: EchoServer

    @property
    def ports(self) -> tuple[int, int, int]:
        """The port of each backend."""
        return self.auth.port, self.users.port, self.tickets.port

    def received(self) -> list[Received]:
        """The requests that any of them received."""
        return [*self.auth.received, *self.users.received, *self.tickets.received]

    def only(self) -> Received:
        """Return the only received request; fails if there is none or several."""
        received = self.received()
        assert len(received) == 1, received
        return received[0]


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    received: list[Received]

    def __init__(self, *arguments: Any) -> None:
        self._open: set[Any] = set()
        super().__init__(*arguments)

    def process_request(self, request: Any, client_address: Any) -> None:
        self._open.add(request)
        super().process_request(request, client_address)

    def close_request(self, request: Any) -> None:
        self._open.discard(request)
        super().close_request(request)

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Report an error, unless a client disconnected, as a health check may."""
        if not isinstance(sys.exception(), ConnectionError):
            super().handle_error(request, client_address)

    def close_connections(self) -> None:
        """Close kept-alive connections too, like the end of a process."""
        for connection in list(self._open):
            self.shutdown_request(connection)


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server_version = "secret-server/1.2.3"
    disable_nagle_algorithm = True  # otherwise the two writes of header and body are 40 ms apart
    banner: ClassVar[str] = "secret-framework/4.5.6"

    def _answer(self) -> None:
        length = int(self.headers.get("Content-Length", "0"))
        body = self.rfile.read(length)
        headers = tuple((name.lower(), value) for name, value in self.headers.items())
        server = cast("_Server", self.server)
        if self.path != "/":
            received = Received(self.command, self.path, headers, body, self.client_address[1])
            server.received.append(received)
        if self.path.endswith("/vanish"):
            self.close_connection = True
            return
        if self.path.endswith("/late"):
            time.sleep(LATE_SECONDS)
        answer = json.dumps({"path": self.path}).encode()
        busy = self.path.endswith("/busy")
        self.send_response(503 if busy else 200)
        if busy:
            self.send_header("Retry-After", "7")
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(answer)))
        self.send_header("X-Powered-By", self.banner)
        self.send_header("X-Request-ID", self.headers.get("X-Request-ID", ""))
        if "Origin" in self.headers:
            for name, value in CORS_ANSWER.items():
                self.send_header(name, value)
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(answer)

    do_GET = do_HEAD = do_OPTIONS = _answer  # noqa: N815 - http.server's names
    do_POST = do_PUT = do_PATCH = do_DELETE = _answer  # noqa: N815 - http.server's names

    def log_message(self, *_arguments: object) -> None:
        """Stay silent: tests look at `received`."""
