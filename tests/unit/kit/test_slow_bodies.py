"""A body has a deadline, however steadily its bytes come; what follows the body has none."""

import asyncio
import json
from collections.abc import Sequence
from typing import Any

import pytest
from fastapi import FastAPI, Request
from starlette.types import Message

from doorward_client.errors import setup_error_handlers
from doorward_kit.cors import NO_CORS_ROUTES, CorsPolicy
from doorward_kit.metrics import Metrics
from doorward_kit.middleware import RequestMiddleware
from doorward_kit.rejection_delay import RejectionDelay
from doorward_kit.shutdown import Shutdown
from doorward_kit.upload_limit import UploadLimit

CHUNKED = (b"transfer-encoding", b"chunked")
LONG = 3_600.0


def piece(body: bytes, *, more: bool = True) -> Message:
    return {"type": "http.request", "body": body, "more_body": more}


class Exchange:
    """One request whose body comes piece by piece; after the pieces nothing comes."""

    def __init__(self, pieces: Sequence[Message], *headers: tuple[bytes, bytes], seconds: float) -> None:
        self._pieces = list(pieces)
        self._headers = list(headers)
        self._seconds = seconds
        self.sent: list[Message] = []
        self.read = b""
        self.disconnected = False

    async def run(self) -> int:
        """Return the status of the answer."""
        app = FastAPI()
        setup_error_handlers(app)

        @app.post("/")
        async def take(request: Request) -> None:
            self.read = await request.body()
            self.disconnected = await request.is_disconnected()

        metrics = Metrics()
        middleware = RequestMiddleware(
            app,
            service="things",
            metrics=metrics,
            max_body_bytes=1_024,
            uploads=UploadLimit(1_024, []),
            access_log=False,
            shutdown=Shutdown(),
            rejections=RejectionDelay(0.0, metrics.rejections),
            trusted_proxies=(),
            cors=CorsPolicy(NO_CORS_ROUTES),
            body_seconds=self._seconds,
        )
        scope: dict[str, Any] = {
            "type": "http",
            "http_version": "1.1",
            "method": "POST",
            "path": "/",
            "raw_path": b"/",
            "query_string": b"",
            "headers": self._headers,
            "client": None,
        }
        await middleware(scope, self._receive, self._send)
        return int(self.sent[0]["status"])

    @property
    def headers(self) -> dict[bytes, bytes]:
        return dict(self.sent[0]["headers"])

    async def _receive(self) -> Message:
        await asyncio.sleep(0)
        if not self._pieces:
            await asyncio.Event().wait()
        return self._pieces.pop(0)

    async def _send(self, message: Message) -> None:
        self.sent.append(message)


@pytest.mark.parametrize("header", [CHUNKED, (b"content-length", b"9")])
async def test_a_body_that_does_not_end_is_rejected(header: tuple[bytes, bytes]) -> None:
    exchange = Exchange([piece(b"a"), piece(b"b")], header, seconds=0.05)
    assert await exchange.run() == 408
    assert exchange.headers[b"connection"] == b"close", "the rest may come as slowly"
    assert json.loads(exchange.sent[1]["body"])["code"] == "request_timeout"


async def test_bytes_that_keep_coming_change_nothing() -> None:
    endless = [piece(b"") for _ in range(100_000)]
    assert await Exchange(endless, CHUNKED, seconds=0.0).run() == 408


async def test_a_body_in_time_is_read_whole() -> None:
    pieces = [piece(b"a"), piece(b"b"), piece(b"c", more=False)]
    exchange = Exchange([*pieces, {"type": "http.disconnect"}], CHUNKED, seconds=LONG)
    assert await exchange.run() == 200
    assert exchange.read == b"abc"
    assert b"connection" not in exchange.headers


async def test_what_follows_the_body_has_no_deadline(monkeypatch: pytest.MonkeyPatch) -> None:
    """As a stream waits for the client's disconnection."""
    deadlines = []
    timeout_at = asyncio.timeout_at

    def noted(when: float | None) -> asyncio.Timeout:
        deadlines.append(when)
        return timeout_at(when)

    monkeypatch.setattr(asyncio, "timeout_at", noted)
    pieces = [piece(b"a", more=False), {"type": "http.disconnect"}]
    exchange = Exchange(pieces, CHUNKED, seconds=LONG)
    assert await exchange.run() == 200
    assert len(deadlines) == 1


async def test_a_request_without_a_body_has_no_deadline() -> None:
    exchange = Exchange([piece(b"", more=False)], seconds=-LONG)
    assert await exchange.run() == 200
