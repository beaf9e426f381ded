"""Prometheus metrics, with one registry a process that all its services share."""

from dataclasses import dataclass
from typing import Final

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram
from prometheus_client.exposition import generate_latest
from prometheus_client.gc_collector import GCCollector
from prometheus_client.platform_collector import PlatformCollector
from prometheus_client.process_collector import ProcessCollector

from doorward_client.prometheus import PrometheusVerificationMetrics

SECONDS_BUCKETS: Final = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0)


@dataclass(frozen=True, slots=True)
class ExecutorMetrics:
    """The metrics of one executor's queue."""

    depth: Gauge
    wait: Histogram
    rejected: Counter


@dataclass(frozen=True, slots=True)
class RejectionMetrics:
    """The metrics of rejections, which wait before they are answered."""

    waiting: Gauge
    undelayed: Counter


class _RequestMetrics:
    """The two metrics of one (method, route, status), looked up once."""

    __slots__ = ("duration", "requests")

    def __init__(self, requests: Counter, duration: Histogram) -> None:
        self.requests = requests
        self.duration = duration


class Metrics:
    """The metric families that all services have."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        ProcessCollector(registry=self.registry)
        PlatformCollector(registry=self.registry)
        GCCollector(registry=self.registry)
        self._requests = Counter(
            "doorward_http_requests",
            "Requests answered.",
            ("method", "route", "status"),
            registry=self.registry,
        )
        self._duration = Histogram(
            "doorward_http_request_duration_seconds",
            "Time from the request's header to the end of the response.",
            ("method", "route"),
            buckets=SECONDS_BUCKETS,
            registry=self.registry,
        )
        self.in_progress = Gauge(
            "doorward_http_requests_in_progress",
            "Requests being served.",
            ("service",),
            registry=self.registry,
        )
        self._depth = Gauge(
            "doorward_executor_queue_depth",
            "Jobs waiting for a thread.",
            ("executor",),
            registry=self.registry,
        )
        self._wait = Histogram(
            "doorward_executor_wait_seconds",
            "Time that jobs waited for a thread.",
            ("executor",),
            buckets=SECONDS_BUCKETS,
            registry=self.registry,
        )
        self._rejected = Counter(
            "doorward_executor_refused",
            "Jobs rejected because the queue was too long.",
            ("executor",),
            registry=self.registry,
        )
        self.argon2_build = Gauge(
            "doorward_argon2_build_info",
            "The build of Argon2 that this process hashes passwords with: baseline or x86-64-v3.",
            ("build",),
            registry=self.registry,
        )
        self.pool_connections = Gauge(
            "doorward_database_pool_connections",
            "Database connections of this process, in use and idle.",
            ("database", "state"),
            registry=self.registry,
        )
        self.database_errors = Counter(
            "doorward_database_errors",
            "Database errors by driver code, and the outcome of the unit of work.",
            ("code", "outcome"),
            registry=self.registry,
        )
        self.batch_size = Histogram(
            "doorward_database_batch_size",
            "Keys read by one statement.",
            ("batch",),
            buckets=(1, 2, 4, 8, 16, 32, 64, 128),
            registry=self.registry,
        )
        self.rate_limit_hits = Counter(
            "doorward_rate_limit_hits",
            "Attempts counted, by limit.",
            ("limit",),
            registry=self.registry,
        )
        self.rate_limit_rejections = Counter(
            "doorward_rate_limit_rejections",
            "Requests rejected because the caller must wait, by limit.",
            ("limit",),
            registry=self.registry,
        )
        self.rejections = RejectionMetrics(
            waiting=Gauge(
                "doorward_rejections_waiting",
                "Rejected requests whose answers wait.",
                registry=self.registry,
            ),
            undelayed=Counter(
                "doorward_rejections_undelayed",
                "Rejected requests answered without a delay, because too many waited.",
                registry=self.registry,
            ),
        )
        self.verification = PrometheusVerificationMetrics(self.registry)
        self._observed: dict[tuple[str, str, int], _RequestMetrics] = {}

    def executor(self, name: str) -> ExecutorMetrics:
        return ExecutorMetrics(self._depth.labels(name), self._wait.labels(name), self._rejected.labels(name))

    def observe_request(self, method: str, route: str, status: int, seconds: float) -> None:
        """Record a request under its route template."""
        key = (method, route, status)
        observed = self._observed.get(key)
        if observed is None:
            observed = self._observed[key] = _RequestMetrics(
                self._requests.labels(method, route, str(status)), self._duration.labels(method, route)
            )
        observed.requests.inc()
        observed.duration.observe(seconds)

    def render(self) -> bytes:
        """Return all metrics in the Prometheus text format."""
        return generate_latest(self.registry)
