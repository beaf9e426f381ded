"""The metrics of token verification, and the default that measures nothing.

`doorward_client.prometheus` has the implementation for Prometheus.
"""

from collections.abc import Callable
from typing import Protocol


class VerificationMetrics(Protocol):
    """Receives the measurements of token verification. Implementations must not raise."""

    def token_rejected(self, reason: str) -> None:
        """Count an access token rejected for `reason`, one of about twenty fixed words."""

    def key_set_failed(self) -> None:
        """Count a failure to load the key set; the previous keys stay in use."""

    def observe_keys(self, count: Callable[[], int]) -> None:
        """Register `count`, which returns the number of verification keys."""

    def observe_revocations(self, count: Callable[[], int], age: Callable[[], float]) -> None:
        """Register the length of the revocation list and its age in seconds (infinite before the first)."""

    def pubsub_connected(self, connected: bool) -> None:  # noqa: FBT001 - a state, named by the method
        """Record whether the subscription to revocations is connected."""


class NoVerificationMetrics:
    """Discards all measurements."""

    def token_rejected(self, reason: str) -> None:
        pass

    def key_set_failed(self) -> None:
        pass

    def observe_keys(self, count: Callable[[], int]) -> None:
        pass

    def observe_revocations(self, count: Callable[[], int], age: Callable[[], float]) -> None:
        pass

    def pubsub_connected(self, connected: bool) -> None:  # noqa: FBT001 - as in the protocol
        pass
