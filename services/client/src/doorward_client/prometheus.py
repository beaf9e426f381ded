"""Verification metrics for Prometheus (the extra `prometheus`)."""

from collections.abc import Callable
from typing import Final

from prometheus_client import REGISTRY, CollectorRegistry, Counter, Gauge


class PrometheusVerificationMetrics:
    """Five metric families in `registry`; one instance a registry."""

    def __init__(self, registry: CollectorRegistry = REGISTRY) -> None:
        self._rejected: Final = Counter(
            "doorward_tokens_rejected",
            "Access tokens rejected, by reason.",
            ("reason",),
            registry=registry,
        )
        self._keys: Final = Gauge(
            "doorward_verification_keys", "Keys that access tokens are verified with.", registry=registry
        )
        self._key_set_failures: Final = Counter(
            "doorward_key_set_reload_failures",
            "Failures to load the key set; the previous keys stay in use.",
            registry=registry,
        )
        self._revocations: Final = Gauge(
            "doorward_revocations", "Entries in the revocation list.", registry=registry
        )
        self._revocations_age: Final = Gauge(
            "doorward_revocations_age_seconds",
            "Seconds since the revocation list was current; infinite before the first list.",
            registry=registry,
        )
        self._pubsub_connected: Final = Gauge(
            "doorward_revocation_pubsub_connected",
            "Whether revocations arrive through Redis or Valkey: 1 or 0.",
            registry=registry,
        )

    def token_rejected(self, reason: str) -> None:
        self._rejected.labels(reason).inc()

    def key_set_failed(self) -> None:
        self._key_set_failures.inc()

    def observe_keys(self, count: Callable[[], int]) -> None:
        self._keys.set_function(count)

    def observe_revocations(self, count: Callable[[], int], age: Callable[[], float]) -> None:
        self._revocations.set_function(count)
        self._revocations_age.set_function(age)

    def pubsub_connected(self, connected: bool) -> None:  # noqa: FBT001 - as in the protocol
        self._pubsub_connected.set(connected)
