"""Metrics of event streams."""

from collections.abc import Callable
from enum import StrEnum
from typing import Final

from prometheus_client import CollectorRegistry, Counter, Gauge


class StreamLimit(StrEnum):
    """The limit for which a stream is rejected."""

    SESSION = "session"
    USER = "user"
    PROCESS = "process"


class EventMetrics:
    """Every metric family of event streams; one instance a process."""

    def __init__(self, registry: CollectorRegistry, *, streams: Callable[[], int]) -> None:
        gauge = Gauge("doorward_event_streams", "Open event streams.", registry=registry)
        gauge.set_function(streams)
        self._ended: Final = Counter(
            "doorward_event_streams_ended", "Event streams ended, by reason.", ("reason",), registry=registry
        )
        self._rejected: Final = Counter(
            "doorward_event_streams_refused",
            "Event streams rejected, by the limit: session, user, process.",
            ("limit",),
            registry=registry,
        )
        for limit in StreamLimit:
            self._rejected.labels(limit.value)  # at 0: an increase needs a first value
        self._sent: Final = Counter(
            "doorward_events_sent", "Events sent to streams, by name.", ("event",), registry=registry
        )
        self._dropped: Final = Counter(
            "doorward_events_dropped",
            "Events dropped, because a stream's client did not read them in time.",
            registry=registry,
        )

    def stream_ended(self, reason: str) -> None:
        self._ended.labels(reason).inc()

    def stream_rejected(self, limit: StreamLimit) -> None:
        self._rejected.labels(limit.value).inc()

    def event_sent(self, name: str) -> None:
        self._sent.labels(name).inc()

    def event_dropped(self) -> None:
        self._dropped.inc()
