"""Logs: one JSON object a line, with an event name and fields, never a body."""

import asyncio
import atexit
import logging
import os
import sys
import threading
from datetime import UTC, datetime
from typing import Final, TextIO

import orjson
import structlog
from structlog.typing import EventDict

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


def _complete(logger: object, method: str, event: EventDict) -> EventDict:
    """Add what every line has. One processor and not four, because each costs every request."""
    event.setdefault("request_id", current_request_id())
    event["level"] = method
    event["timestamp"] = datetime.now(UTC)
    return structlog.processors.format_exc_info(logger, method, event) if "exc_info" in event else event


def _render(_logger: object, _method: str, event: EventDict) -> bytes:
    return orjson.dumps(event, default=repr, option=orjson.OPT_UTC_Z)


def _render_text(logger: object, method: str, event: EventDict) -> str:
    return _render(logger, method, event).decode("utf-8")


def configure_logging(level: str, to: TextIO | None = None) -> None:
    """Write the records of structlog and the standard library as JSON lines, by default to standard output.

    Commands log to standard error: what they print may be a file.
    """
    to = to or sys.stdout
    number = logging.getLevelNamesMapping()[level.upper()]
    writer = LineWriter(to.fileno())
    structlog.configure(
        processors=[_complete, _render],
        wrapper_class=structlog.make_filtering_bound_logger(number),
        logger_factory=lambda *_names: writer,
        cache_logger_on_first_use=True,
    )
    handler = logging.StreamHandler(to)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=[_complete],
            processors=[
                structlog.stdlib.ProcessorFormatter.remove_processors_meta,
                _render_text,
            ],
        )
    )
    logging.basicConfig(handlers=[handler], level=number, force=True)
    # The HTTP client's lines have URLs and, at debug level, headers, with cookies and codes of other systems.
    for noisy in ("uvicorn.access", "alembic", "httpx2", "httpcore2"):
        logging.getLogger(noisy).setLevel(logging.WARNING)
