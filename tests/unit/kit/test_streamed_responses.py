"""A response without an end of its own is no request in progress, and takes as long as its start."""

import asyncio
import time
from typing import Any

import pytest
from starlette.types import Message, Receive, Scope, Send
from structlog.testing import capture_logs

from doorward_kit.cors import NO_CORS_ROUTES, CorsPolicy
from doorward_kit.metrics import Metrics
from doorward_kit.middleware import STREAM_KEY, RequestMiddleware
from doorward_kit.rejection_delay import RejectionDelay
from doorward_kit.shutdown import Shutdown
from doorward_kit.upload_limit import UploadLimit

START: Message = {"type": "http.response.start", "status": 200, "headers": []}
END: Message = {"type": "http.response.body", "body": b""}


class Served:
    """One request to an application behind the middleware, which sends what the test says."""

    def __init__(self, *, is_stream: bool) -> None:
        self.metrics = Metrics()
        self._messages: asyncio.Queue[Message | None] = asyncio.Queue()
        self._is_stream = is_stream
        middleware = RequestMiddleware(
            self._application,
            service="things",
            metrics=self.metrics,
            max_body_bytes=1_024,
            uploads=UploadLimit(1_024, []),
            access_log=True,
            shutdown=Shutdown(),
            rejections=RejectionDelay(0.0, self.metrics.rejections),
            trusted_proxies=(),
            cors=CorsPolicy(NO_CORS_ROUTES),
        )
        scope: dict[str, Any] = {"type": "http", "method": "GET", "path": "/", "headers": [], "client": None}
        self.task = asyncio.create_task(middleware(scope, self._nothing, self._discard))

    async def send(self, *messages: Message | None) -> None:
        """Let the application send messages; None ends it."""
        for message in messages:
            self._messages.put_nowait(message)
        for _ in range(5):
            await asyncio.sleep(0)

    def value(self, name: str, **labels: str) -> float | None:
        return self.metrics.registry.get_sample_value(name, labels)

    @property
    def in_progress(self) -> float | None:
        return self.value("doorward_http_requests_in_progress", service="things")

    async def _application(self, scope: Scope, _receive: Receive, send: Send) -> None:
        if self._is_stream:
            scope[STREAM_KEY] = True
        while (message := await self._messages.get()) is not None:
            await send(message)

    async def _nothing(self) -> Message:
        await asyncio.Event().wait()
        return {}

    async def _discard(self, _message: Message) -> None:
        pass


@pytest.mark.parametrize("is_stream", [True, False])
async def test_a_stream_is_in_progress_until_its_start(*, is_stream: bool) -> None:
    served = Served(is_stream=is_stream)
    await served.send()
    assert served.in_progress == 1
    await served.send(START)
    assert served.in_progress == (0 if is_stream else 1)
    await served.send(END, None)
    await served.task
    assert served.in_progress == 0


async def test_a_stream_that_never_starts_is_a_request_like_others() -> None:
    served = Served(is_stream=True)
    await served.send(None)
    await served.task
    assert served.in_progress == 0


async def test_the_metric_ends_with_the_start_and_the_log_line_with_the_stream(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    now = 1_000.0
    monkeypatch.setattr(time, "perf_counter", lambda: now)
    with capture_logs() as logged:
        served = Served(is_stream=True)
        await served.send()
        now += 0.5
        await served.send(START)
        now += 300
        await served.send(END, None)
        await served.task
    labels = {"method": "GET", "route": "unmatched"}
    assert served.value("doorward_http_request_duration_seconds_sum", **labels) == 0.5
    assert served.value("doorward_http_requests_total", status="200", **labels) == 1
    [line] = [line for line in logged if line["event"] == "http.request"]
    assert line["duration_ms"] == 300_500
