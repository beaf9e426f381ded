"""Metrics of throttling."""

from prometheus_client import CollectorRegistry, Counter, Gauge

from doorward_auth.rate_limiting.limits import Subject


class RateLimitMetrics:
    """How often each limit counted, and how often it refused somebody."""

    def __init__(self, registry: CollectorRegistry) -> None:
        self._registry = registry
        self._counted = Counter(
            "doorward_rate_limit_hits",
            "Failures and mails counted, by limit.",
            ("limit",),
            registry=registry,
        )
        self._refused = Counter(
            "doorward_rate_limit_rejections",
            "Requests refused because somebody has to wait, by limit.",
            ("limit",),
            registry=registry,
        )

    def counted(self, subject: Subject) -> None:
        """Note that one more was counted."""
        self._counted.labels(subject.limit.name).inc()

    def refused(self, subject: Subject) -> None:
        """Note that a limit refused a request."""
        self._refused.labels(subject.limit.name).inc()

    def redis_connected(self) -> Gauge:
        """Make the gauge that only those have who use Redis."""
        return Gauge(
            "doorward_rate_limit_redis_connected",
            "Whether limits are counted in Redis or Valkey (1) or, while it is away, in the database (0).",
            registry=self._registry,
        )
