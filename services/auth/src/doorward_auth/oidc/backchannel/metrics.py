"""Metrics of back-channel logout."""

from enum import StrEnum

from prometheus_client import CollectorRegistry, Counter


class LogoutOutcome(StrEnum):
    """How one attempt to notify a client ended."""

    DELIVERED = "delivered"
    FAILED = "failed"
    """It is repeated."""
    GIVEN_UP = "given_up"
    """The last attempt failed, or its result is unknown; the client is not notified again."""


class LogoutMetrics:
    """Every metric family of back-channel logout; one instance a process."""

    def __init__(self, registry: CollectorRegistry) -> None:
        self._attempts = Counter(
            "doorward_backchannel_logouts",
            "Attempts to tell a client that a session has ended, by outcome: delivered, failed, given_up.",
            ("outcome",),
            registry=registry,
        )
        for outcome in LogoutOutcome:
            # From the start, because an alert sees no increase in a series that begins with 1.
            self._attempts.labels(outcome.value)

    def attempted(self, outcome: LogoutOutcome) -> None:
        self._attempts.labels(outcome.value).inc()
