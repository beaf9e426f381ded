"""A relay in front of auth that forwards to replicas in turn and records requests and responses."""

import contextlib
import http.client
import itertools
import threading
from collections.abc import Sequence
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import TracebackType
from typing import Final, Self, cast

from integration.harness.installation import AUTH
from support.ports import free_port

_FORWARDED: Final = ("Authorization", "If-None-Match")
_RETURNED: Final = ("Content-Type", "ETag", "Age", "Cache-Control", "WWW-Authenticate", "Retry-After")
_SECONDS: Final = 20.0


@dataclass(frozen=True, slots=True)
class Exchange:
    """One request to auth and the size of its response."""

    path: str
    status: int
    bytes: int

    @property
    def is_poll(self) -> bool:
        """Whether the request was a poll of the revocation list."""
        return self.path.startswith(f"{AUTH}/revocations")

    @property
    def has_list(self) -> bool:
        """Whether the response contained the list."""
        return self.is_poll and self.status == 200


class Relay:
    """Forwards GET requests to ports of 127.0.0.1, each to the next one."""

    def __init__(self, ports: Sequence[int]) -> None:
        self.port = free_port()
        self.auth_url = f"http://127.0.0.1:{self.port}{AUTH}"
        self.exchanges: list[Exchange] = []
        self._server = _Server(("127.0.0.1", self.port), _Handler)
        self._server.ports = itertools.cycle(ports)
        self._server.exchanges = self.exchanges

    def polls(self) -> list[Exchange]:
        """Return the polls of the revocation list."""
        return [exchange for exchange in self.exchanges if exchange.is_poll]

    def __enter__(self) -> Self:
        threading.Thread(target=self._server.serve_forever, args=(0.05,), daemon=True).start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self._server.shutdown()
        self._server.server_close()


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    ports: "itertools.cycle[int]"
    exchanges: list[Exchange]

    def handle_error(self, request: object, client_address: object) -> None:
        """Stay silent: a client that is stopped breaks its connection."""


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True

    def do_GET(self) -> None:
        server = cast("_Server", self.server)
        forwarded = {name: self.headers[name] for name in _FORWARDED if name in self.headers}
        backend = http.client.HTTPConnection("127.0.0.1", next(server.ports), timeout=_SECONDS)
        with contextlib.closing(backend):
            backend.request("GET", self.path, headers=forwarded)
            answer = backend.getresponse()
            content = answer.read()
        server.exchanges.append(Exchange(self.path, answer.status, len(content)))
        self.send_response(answer.status)
        for name in _RETURNED:
            if name in answer.headers:
                self.send_header(name, answer.headers[name])
        if answer.status != http.client.NOT_MODIFIED:
            self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    def log_message(self, *_arguments: object) -> None:
        """Stay silent: tests look at `exchanges`."""
