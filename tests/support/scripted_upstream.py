"""An HTTP server on this event loop that answers as scripted, down to the byte."""

import asyncio
import contextlib
import json
import socket
import struct
from collections import deque
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from enum import Enum, auto


class Then(Enum):
    """What happens after the bytes of an answer."""

    KEEP_ALIVE = auto()
    CLOSE = auto()
    RESET = auto()
    HANG = auto()


@dataclass(frozen=True)
class Reply:
    raw: bytes = b""
    then: Then = Then.KEEP_ALIVE


@dataclass(frozen=True)
class Received:
    """A request as it came."""

    method: str
    target: str
    headers: Mapping[str, str]
    body: bytes


Script = Reply | Callable[[Received], Reply]


def answer(status: int, body: bytes | str | object = b"", headers: Mapping[str, str] | None = None) -> Reply:
    """An answer with a body: bytes and text as they are, else as JSON."""
    if isinstance(body, str):
        content = body.encode()
    elif isinstance(body, bytes):
        content = body
    else:
        content = json.dumps(body).encode()
    lines = [f"HTTP/1.1 {status} Any", f"Content-Length: {len(content)}"]
    lines += [f"{name}: {value}" for name, value in (headers or {}).items()]
    return Reply("\r\n".join(lines).encode() + b"\r\n\r\n" + content)


@dataclass
class ScriptedUpstream:
    """Answers in the order of `script`, then with `otherwise`."""

    port: int = 0
    script: deque[Script] = field(default_factory=deque)
    otherwise: Script = field(default_factory=lambda: answer(500, "no more answers"))
    received: list[Received] = field(default_factory=list)
    connections: int = 0
    request_came: asyncio.Event = field(default_factory=asyncio.Event)
    _open: dict[asyncio.Task[None], asyncio.StreamWriter] = field(default_factory=dict)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def will(self, *replies: Script) -> None:
        self.script.extend(replies)

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        task = asyncio.current_task()
        assert task is not None
        self._open[task] = writer
        with contextlib.suppress(ConnectionError, asyncio.IncompleteReadError):
            while True:
                request = await _read_request(reader)
                self.received.append(request)
                self.request_came.set()
                next_one = self.script.popleft() if self.script else self.otherwise
                reply = next_one if isinstance(next_one, Reply) else next_one(request)
                writer.write(reply.raw)
                await writer.drain()
                if reply.then is Then.HANG:
                    await reader.read()
                if reply.then is Then.RESET:
                    connection = writer.get_extra_info("socket")
                    # Linger for zero seconds: the kernel sends a reset.
                    connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
                if reply.then is not Then.KEEP_ALIVE:
                    break
        writer.close()

    async def close(self) -> None:
        """Close every connection, and wait until each is over."""
        for writer in self._open.values():
            writer.close()
        await asyncio.gather(*self._open)


async def _read_request(reader: asyncio.StreamReader) -> Received:
    head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1")
    first, *lines = head.rstrip().split("\r\n")
    method, target, _ = first.split(" ")
    pairs = (line.split(": ", 1) for line in lines)
    headers = {name.lower(): value for name, value in pairs}
    body = await reader.readexactly(int(headers.get("content-length", "0")))
    return Received(method, target, headers, body)


@asynccontextmanager
async def scripted_upstream() -> AsyncIterator[ScriptedUpstream]:
    upstream = ScriptedUpstream()
    server = await asyncio.start_server(upstream.serve, "127.0.0.1", 0)
    upstream.port = server.sockets[0].getsockname()[1]
    try:
        yield upstream
    finally:
        server.close()
        await upstream.close()
