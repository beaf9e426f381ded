"""Logs: one JSON object a line on standard output, an event name and its fields, never a body."""

import logging
import sys
from typing import Any, Final

import orjson
import structlog
from structlog.typing import EventDict, Processor

from doorward_common.request_context import current_request_id

LEVELS: Final = ("debug", "info", "warning", "error", "critical")


def _add_request_id(_logger: object, _method: str, event: EventDict) -> EventDict:
    event.setdefault("request_id", current_request_id())
    return event


def _render(event: EventDict, **_options: Any) -> str:
    return orjson.dumps(event, default=repr).decode("utf-8")


_SHARED: Final[tuple[Processor, ...]] = (
    _add_request_id,
    structlog.processors.add_log_level,
    structlog.processors.TimeStamper(fmt="iso", utc=True),
    structlog.processors.format_exc_info,
)


def configure_logging(level: str) -> None:
    """Send structlog's and the standard library's records to standard output as JSON lines."""
    number = logging.getLevelNamesMapping()[level.upper()]
    structlog.configure(
        processors=[*_SHARED, structlog.processors.JSONRenderer(serializer=_render)],
        wrapper_class=structlog.make_filtering_bound_logger(number),
        logger_factory=structlog.PrintLoggerFactory(sys.stdout),
        cache_logger_on_first_use=True,
    )
    handler = logging.StreamHandler(sys.stdout)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=_SHARED,
            processors=[
                structlog.stdlib.ProcessorFormatter.remove_processors_meta,
                structlog.processors.JSONRenderer(serializer=_render),
            ],
        )
    )
    logging.basicConfig(handlers=[handler], level=number, force=True)
    for noisy in ("uvicorn.access", "alembic"):
        logging.getLogger(noisy).setLevel(logging.WARNING)
