"""A node that closes kept-alive connections during a request, like a reloaded NGINX."""

import socket
import threading
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import pytest

from support.certificates import self_signed
from support.client import Client
from support.haproxy import HAProxy

ANSWER = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nConnection: keep-alive\r\n\r\nok"


class ClosesKeptConnections:
    """Answers the first request of a connection, and closes it on the second without a response."""

    def __init__(self) -> None:
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port: int = self._listener.getsockname()[1]
        self.dropped = 0
        threading.Thread(target=self._accept, daemon=True).start()

    def close(self) -> None:
        self._listener.close()

    def _accept(self) -> None:
        with suppress(OSError):
            while True:
                connection, _ = self._listener.accept()
                threading.Thread(target=self._serve, args=(connection,), daemon=True).start()

    def _serve(self, connection: socket.socket) -> None:
        with connection, suppress(OSError):
            connection.recv(65_536)
            connection.sendall(ANSWER)
            if connection.recv(65_536):
                self.dropped += 1


@pytest.fixture
def node() -> Iterator[ClosesKeptConnections]:
    node = ClosesKeptConnections()
    yield node
    node.close()


@pytest.mark.parametrize("method", ["GET", "POST", "DELETE"])
def test_requests_do_not_use_connections_that_are_closing(
    node: ClosesKeptConnections, tmp_path: Path, method: str
) -> None:
    with (
        HAProxy(tmp_path, nodes=[node.port], certificate=self_signed(tmp_path)) as haproxy,
        Client(haproxy.plain_url) as client,
    ):
        for _ in range(5):
            assert client.http.request(method, "/api/v1/users").status_code == 200
    assert node.dropped == 0
