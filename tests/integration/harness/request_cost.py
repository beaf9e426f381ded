"""What one request costs, as numbers that do not depend on the machine: statements, hops, memory, files."""

import asyncio
import gc
import json
import sys
import tracemalloc
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from types import FrameType
from typing import Any, Final
from urllib.parse import urlencode

import anyio.to_thread
import pytest
import sqlalchemy as sa
from sqlalchemy.engine.interfaces import CacheStats
from starlette.testclient import TestClient
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from doorward_client.request_context import NO_REQUEST_ID, current_request_id

WARM_UPS: Final = 2
"""Statements that are built once, and caches that fill with the first requests, are no cost of a request."""

MEASURED: Final = 5
"""With the warm-ups fewer than a client's sessions in a browser, of which the eleventh costs more."""

OUR_CODE: Final = "/src/doorward"


@dataclass(frozen=True)
class Request:
    """A request to an application of this process. `json_body` and `form` exclude each other."""

    client: TestClient
    method: str
    path: str
    token: str | None = None
    query: str = ""
    json_body: Mapping[str, Any] | None = None
    form: Mapping[str, str] | None = None
    headers: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Cost:
    """What one request costs. `statements` are first words, in order, of all databases; `kib` is the peak."""

    statements: str
    commits: int
    hops: int
    kib: float


class _Counts:
    """What happened on behalf of requests. Background tasks have no request id."""

    def __init__(self) -> None:
        self.statements: list[str] = []
        self.compiled: list[str] = []
        self.commits = 0
        self.hops = 0

    def note_statement(
        self, _connection: object, _cursor: object, statement: str, _values: object, context: Any, _: object
    ) -> None:
        if not _in_request():
            return
        self.statements.append(statement.split(maxsplit=1)[0])
        if context.compiled is not None and context.cache_hit is not CacheStats.CACHE_HIT:
            self.compiled.append(statement)

    def note_commit(self, _connection: object) -> None:
        self.commits += _in_request()

    def note_hop(self) -> None:
        self.hops += _in_request()


class _Files:
    """Our files that threads enter for the first request, and not for those that it sends itself."""

    def __init__(self) -> None:
        self.entered: set[str] = set()
        self._request_id: str | None = None

    def note(self, frame: FrameType, event: str, _argument: object) -> None:
        path = frame.f_code.co_filename
        if event != "call" or OUR_CODE not in path or not _in_request():
            return
        self._request_id = self._request_id or current_request_id()
        if current_request_id() == self._request_id:
            self.entered.add(path.partition("/src/")[2])

    def noted(self, job: Callable[..., Any]) -> Callable[..., Any]:
        """Return the job of a thread, with its files noted."""

        def run(*arguments: Any, **options: Any) -> Any:
            sys.setprofile(self.note)
            try:
                return job(*arguments, **options)
            finally:
                sys.setprofile(None)

        return run


def _in_request() -> bool:
    return current_request_id() != NO_REQUEST_ID


def cost_of(engines: set[sa.Engine], prepare: Callable[[], Request]) -> Cost:
    """Send a newly prepared request several times; return its cost when everything is warm.

    Memory is the smallest peak of several: what Python allocates beyond it comes from elsewhere. Fails the
    test if a request is rejected or compiles a statement, or if two requests differ in anything but memory.
    """
    for _ in range(WARM_UPS):
        _send(prepare())
    measured = [_measured(engines, prepare()) for _ in range(MEASURED)]
    assert len({(cost.statements, cost.commits, cost.hops) for cost in measured}) == 1, measured
    return min(measured, key=lambda cost: cost.kib)


def files_of(prepare: Callable[[], Request]) -> set[str]:
    """Send a newly prepared request; return which of our files it enters, when everything is warm."""
    for _ in range(WARM_UPS):
        _send(prepare())
    request, files = prepare(), _Files()
    submit = ThreadPoolExecutor.submit

    def noted_submit(pool: ThreadPoolExecutor, job: Callable[..., Any], /, *arguments: Any) -> Any:
        return submit(pool, files.noted(job), *arguments)

    async def noted_app(scope: Scope, receive: Receive, send: Send) -> None:
        sys.setprofile(files.note)
        try:
            await request.client.app(scope, receive, send)
        finally:
            sys.setprofile(None)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(ThreadPoolExecutor, "submit", noted_submit)
        _send(request, noted_app)
    return files.entered


def _measured(engines: set[sa.Engine], request: Request) -> Cost:
    with _counted(engines) as counts, _allocations() as peak_kib:
        _send(request)
        peak = peak_kib()
    assert counts.compiled == [], "SQLAlchemy compiles a statement for each request"
    return Cost(" ".join(counts.statements), counts.commits, counts.hops, peak)


@contextmanager
def _counted(engines: set[sa.Engine]) -> Iterator[_Counts]:
    counts = _Counts()
    submit, run_sync = ThreadPoolExecutor.submit, anyio.to_thread.run_sync

    def counting_submit(pool: ThreadPoolExecutor, /, *arguments: Any, **options: Any) -> Any:
        counts.note_hop()
        return submit(pool, *arguments, **options)

    def counting_run_sync(*arguments: Any, **options: Any) -> Any:
        counts.note_hop()
        return run_sync(*arguments, **options)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(ThreadPoolExecutor, "submit", counting_submit)
        patch.setattr(anyio.to_thread, "run_sync", counting_run_sync)
        for engine in engines:
            sa.event.listen(engine, "before_cursor_execute", counts.note_statement)
            sa.event.listen(engine, "commit", counts.note_commit)
        try:
            yield counts
        finally:
            for engine in engines:
                sa.event.remove(engine, "before_cursor_execute", counts.note_statement)
                sa.event.remove(engine, "commit", counts.note_commit)


@contextmanager
def _allocations() -> Iterator[Callable[[], float]]:
    """Trace memory without the collector, whose runs would hide what requests leave to it."""
    gc.disable()
    tracemalloc.start()
    before = tracemalloc.get_traced_memory()[0]
    tracemalloc.reset_peak()
    try:
        yield lambda: (tracemalloc.get_traced_memory()[1] - before) / 1024
    finally:
        tracemalloc.stop()
        gc.enable()


def _send(request: Request, app: ASGIApp | None = None) -> None:
    """Call the application itself: a client would cost more than many requests."""
    body, scope = _asgi(request)
    answered: list[Message] = []
    ended = asyncio.Event()

    async def receive() -> Message:
        if not answered and not ended.is_set():
            ended.set()
            return {"type": "http.request", "body": body}
        return {"type": "http.disconnect"}

    async def send(message: Message) -> None:
        answered.append(message)

    portal = request.client.portal
    assert portal is not None
    portal.call(app or request.client.app, scope, receive, send)
    assert answered[0]["status"] in {200, 201, 204, 304}, answered


def _asgi(request: Request) -> tuple[bytes, dict[str, Any]]:
    headers = {"host": "testserver", **request.headers}
    body = b""
    if request.token is not None:
        headers["authorization"] = f"Bearer {request.token}"
    if request.json_body is not None:
        body, headers["content-type"] = json.dumps(request.json_body).encode(), "application/json"
    if request.form is not None:
        body, headers["content-type"] = (
            urlencode(request.form).encode(),
            "application/x-www-form-urlencoded",
        )
    if body:
        headers["content-length"] = str(len(body))
    return body, {
        "type": "http",
        "asgi": {"version": "3.0"},
        "http_version": "1.1",
        "method": request.method,
        "scheme": "http",
        "path": request.path,
        "raw_path": request.path.encode(),
        "root_path": "",
        "query_string": request.query.encode(),
        "headers": [(name.encode(), value.encode()) for name, value in headers.items()],
        "client": ("127.0.0.1", 50_000),
        "server": ("testserver", 80),
        "state": request.client.app_state.copy(),
    }
