"""Logs: one JSON object a line on standard output, with an event name and fields, never a body."""

import asyncio
import atexit
import logging
import os
import sys
import threading
from typing import Any, Final

import orjson
import structlog
from structlog.typing import EventDict, Processor

from doorward_client.request_context import current_request_id

LEVELS: Final = ("debug", "info", "warning", "error", "critical")


class LineWriter:
    """Writes lines to a file descriptor, all lines of one iteration of the event loop in one call.

    Each call releases the interpreter's lock, and concurrent requests would contend for it with every line.
    """

    def __init__(self, descriptor: int) -> None:
        self._descriptor = descriptor
        self._lines: list[bytes] = []
        self._loop_thread: int | None = None
        atexit.register(self.flush)

    def write(self, line: bytes) -> None:
        """Write a line at once, or on an event loop at the end of its iteration."""
        try:
            loop = asyncio.get_running_loop()
        except RuntimeError:
            if threading.get_ident() == self._loop_thread:
                self.flush()  # the loop has stopped before its flush
            self._write(line + b"\n")
            return
        self._loop_thread = threading.get_ident()
        self._lines.append(line)
        if len(self._lines) == 1:
            loop.call_soon(self.flush)

    debug = info = warning = error = critical = write

    def flush(self) -> None:
        """Write the buffered lines."""
        lines, self._lines = self._lines, []
        if lines:
            self._write(b"\n".join(lines) + b"\n")

    def _write(self, text: bytes) -> None:
        while text:
            text = text[os.write(self._descriptor, text) :]


def _add_request_id(_logger: object, _method: str, event: EventDict) -> EventDict:
    event.setdefault("request_id", current_request_id())
    return event


def _render(event: EventDict, **_options: Any) -> bytes:
    return orjson.dumps(event, default=repr)


def _render_text(event: EventDict, **options: Any) -> str:
    return _render(event, **options).decode("utf-8")


_SHARED: Final[tuple[Processor, ...]] = (
    _add_request_id,
    structlog.processors.add_log_level,
    structlog.processors.TimeStamper(fmt="iso", utc=True),
    structlog.processors.format_exc_info,
)


def configure_logging(level: str) -> None:
    """Write the records of structlog and the standard library to standard output as JSON lines."""
    number = logging.getLevelNamesMapping()[level.upper()]
    writer = LineWriter(sys.stdout.fileno())
    structlog.configure(
        processors=[*_SHARED, structlog.processors.JSONRenderer(serializer=_render)],
        wrapper_class=structlog.make_filtering_bound_logger(number),
        logger_factory=lambda *_names: writer,
        cache_logger_on_first_use=True,
    )
    handler = logging.StreamHandler(sys.stdout)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=_SHARED,
            processors=[
                structlog.stdlib.ProcessorFormatter.remove_processors_meta,
                structlog.processors.JSONRenderer(serializer=_render_text),
            ],
        )
    )
    logging.basicConfig(handlers=[handler], level=number, force=True)
    # The HTTP client's lines have URLs and, at debug level, headers, with cookies and codes of other systems.
    for noisy in ("uvicorn.access", "alembic", "httpx2", "httpcore2"):
        logging.getLogger(noisy).setLevel(logging.WARNING)
