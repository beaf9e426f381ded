"""A fake upstream that rotates refresh tokens, and adapters for it: in this process, or over a socket."""

import asyncio
import json
import secrets
import socketserver
import threading
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict, replace
from typing import Any, Final

from doorward_auth.upstream_adapters.base import (
    Arrival,
    FailedError,
    InvalidGrantError,
    UnreachableError,
    UpstreamError,
    UpstreamTokens,
)

MARK: Final = "s3cr3t-0f-th3-0th3r-s1d3"
"""In every token, so that one can be searched for."""


class RotatingUpstream:
    """Exchanges each refresh token once. A second use is `invalid_grant`; with `is_reusable` it is not.

    `script` holds what the next requests get instead: an error, or a function of the regular answer.
    """

    def __init__(self, *, expires_in: int | None = 3_600, is_reusable: bool = False) -> None:
        self.expires_in = expires_in
        self.is_reusable = is_reusable
        self.refresh_expires_in: int | None = None
        self.requests: list[str] = []
        self.revoked: list[UpstreamTokens] = []
        self.revocations: deque[UpstreamError | Exception] = deque()
        """What the next requests to revoke get instead of success."""
        self.script: deque[UpstreamError | Exception | Callable[[UpstreamTokens], UpstreamTokens]] = deque()
        self._valid: set[str] = set()
        self._lock = threading.Lock()

    def issue(self, **changes: Any) -> UpstreamTokens:
        """Log a user in."""
        number = secrets.token_hex(12)
        tokens = UpstreamTokens(
            f"A-{MARK}-{number}",
            f"R-{MARK}-{number}",
            f"I-{MARK}-{number}",
            expires_in=self.expires_in,
            refresh_expires_in=self.refresh_expires_in,
        )
        tokens = replace(tokens, **changes)
        if tokens.refresh_token is not None:
            self._valid.add(tokens.refresh_token)
        return tokens

    def refresh(self, refresh_token: str) -> UpstreamTokens:
        """Answer a request; raises UpstreamError."""
        with self._lock:
            self.requests.append(refresh_token)
            step = self.script.popleft() if self.script else None
            if isinstance(step, Exception):
                raise step
            if refresh_token not in self._valid:
                raise InvalidGrantError(status=400)
            if not self.is_reusable:
                self._valid.discard(refresh_token)
            tokens = self.issue(id_token=None)
            return tokens if step is None else step(tokens)

    def revoke(self, tokens: UpstreamTokens) -> None:
        """Answer a request to revoke; raises UpstreamError."""
        with self._lock:
            if self.revocations:
                raise self.revocations.popleft()
            self.revoked.append(tokens)

    def is_valid(self, refresh_token: str | None) -> bool:
        """Whether a refresh token would be accepted."""
        return refresh_token in self._valid


class DirectAdapter:
    """An adapter in the process of the upstream. `before` and `after` run around each request."""

    def __init__(self, upstream: RotatingUpstream) -> None:
        self.upstream = upstream
        self.before: Callable[[], Any] | None = None
        self.before_revoking: Callable[[], Any] | None = None
        self.after: Callable[[], Any] | None = None

    @property
    def can_reuse_refresh_tokens(self) -> bool:
        return self.upstream.is_reusable

    async def refresh(self, refresh_token: str) -> UpstreamTokens:
        await _call(self.before)
        tokens = self.upstream.refresh(refresh_token)
        await _call(self.after)
        return tokens

    async def revoke(self, tokens: UpstreamTokens) -> None:
        await _call(self.before_revoking)
        self.upstream.revoke(tokens)

    async def close(self) -> None: ...


async def _call(hook: Callable[[], Any] | None) -> None:
    result = None if hook is None else hook()
    if result is not None:
        await result


class UpstreamServer:
    """The upstream for other processes. While `hold` is cleared, requests act and are not answered."""

    def __init__(self, upstream: RotatingUpstream) -> None:
        self.upstream = upstream
        self.hold = threading.Event()
        self.hold.set()
        self.acted = threading.Semaphore(0)
        """Released once for each request that has acted."""
        self.port = 0

    def answer(self, line: str) -> dict[str, Any]:
        operation, _, refresh_token = line.partition(" ")
        try:
            if operation == "revoke":
                self.upstream.revoke(UpstreamTokens("", refresh_token))
                reply: dict[str, Any] = {}
            else:
                reply = asdict(self.upstream.refresh(refresh_token))
        except InvalidGrantError:
            reply = {"error": "invalid_grant"}
        except UpstreamError:
            reply = {"error": "failed"}
        self.acted.release()
        self.hold.wait(120)
        return reply

    @contextmanager
    def running(self) -> Iterator["UpstreamServer"]:
        answer = self.answer

        class Handler(socketserver.StreamRequestHandler):
            def handle(self) -> None:
                reply = answer(self.rfile.readline().decode().rstrip("\n"))
                self.wfile.write(json.dumps(reply).encode() + b"\n")

        with socketserver.ThreadingTCPServer(("127.0.0.1", 0), Handler) as server:
            server.daemon_threads = True
            server.block_on_close = False
            self.port = server.server_address[1]
            thread = threading.Thread(target=server.serve_forever, args=(0.05,))
            thread.start()
            try:
                yield self
            finally:
                self.hold.set()
                server.shutdown()
                thread.join()


class SocketAdapter:
    """An adapter in another process than the upstream."""

    def __init__(self, port: int, *, is_reusable: bool = False) -> None:
        self._port = port
        self._is_reusable = is_reusable

    @property
    def can_reuse_refresh_tokens(self) -> bool:
        return self._is_reusable

    async def refresh(self, refresh_token: str) -> UpstreamTokens:
        return UpstreamTokens(**await self._request(f"refresh {refresh_token}"))

    async def _request(self, request: str) -> dict[str, Any]:
        try:
            reader, writer = await asyncio.open_connection("127.0.0.1", self._port)
        except OSError:
            raise UnreachableError(Arrival.NOT_SENT) from None
        try:
            writer.write(request.encode() + b"\n")
            line = await reader.readline()
        except OSError:
            line = b""
        finally:
            writer.close()
        if not line:
            raise UnreachableError(Arrival.UNKNOWN)
        reply: dict[str, Any] = json.loads(line)
        match reply.get("error"):
            case None:
                return reply
            case "invalid_grant":
                raise InvalidGrantError(status=400)
        raise FailedError(status=500)

    async def revoke(self, tokens: UpstreamTokens) -> None:
        await self._request(f"revoke {tokens.refresh_token}")

    async def close(self) -> None: ...
