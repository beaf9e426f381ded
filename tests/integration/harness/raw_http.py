"""HTTP/1.1 over plain sockets, for thousands of parallel requests and for aborted ones."""

import asyncio
import contextlib
import json
import re
import socket
from collections import deque
from dataclasses import dataclass
from typing import Any, Final

_LENGTH: Final = re.compile(rb"\r\ncontent-length: *(\d+)\r\n", re.IGNORECASE)
_SECONDS: Final = 20.0


@dataclass(frozen=True, slots=True)
class Reply:
    """A status and a body."""

    status: int
    content: bytes

    def json(self) -> dict[str, Any]:
        """Return the body, which must be an object."""
        body: dict[str, Any] = json.loads(self.content)
        return body


def request_bytes(
    method: str, path: str, token: str | None = None, body: object = None, *, address: str | None = None
) -> bytes:
    """Build a request with `body` as JSON and `address` as the client IP that a proxy reports."""
    content = b"" if body is None else json.dumps(body).encode("utf-8")
    head = [f"{method} {path} HTTP/1.1", "Host: 127.0.0.1", f"Content-Length: {len(content)}"]
    if body is not None:
        head.append("Content-Type: application/json")
    if token is not None:
        head.append(f"Authorization: Bearer {token}")
    if address is not None:
        head.append(f"X-Forwarded-For: {address}")
    return "\r\n".join([*head, "", ""]).encode("ascii") + content


class RawHttpClient:
    """Keep-alive connections to a port of 127.0.0.1, one for each parallel request."""

    def __init__(self, port: int) -> None:
        self._port = port
        self._idle: deque[tuple[asyncio.StreamReader, asyncio.StreamWriter]] = deque()

    async def call(
        self,
        method: str,
        path: str,
        token: str | None = None,
        body: object = None,
        *,
        address: str | None = None,
    ) -> Reply:
        """Send one request; raises OSError or EOFError if the connection breaks."""
        reader, writer = self._idle.pop() if self._idle else await self._connect()
        try:
            async with asyncio.timeout(_SECONDS):
                writer.write(request_bytes(method, path, token, body, address=address))
                head = await reader.readuntil(b"\r\n\r\n")
                length = _LENGTH.search(head)
                content = await reader.readexactly(int(length[1])) if length else b""
        except BaseException:
            writer.close()
            raise
        self._idle.append((reader, writer))
        return Reply(int(head[9:12]), content)

    async def close(self) -> None:
        """Close the idle connections; the next call opens a new one."""
        while self._idle:
            writer = self._idle.pop()[1]
            writer.close()
            with contextlib.suppress(OSError):
                await writer.wait_closed()

    async def _connect(self) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        return await asyncio.open_connection("127.0.0.1", self._port)


def send_and_leave(port: int, request: bytes) -> None:
    """Send a request and close the connection without waiting for the response."""
    send_and_ignore(port, request).close()


def send_and_ignore(port: int, request: bytes) -> socket.socket:
    """Send a request without reading the response; return the connection, which the caller closes."""
    connection = socket.create_connection(("127.0.0.1", port), timeout=_SECONDS)
    connection.sendall(request)
    return connection
