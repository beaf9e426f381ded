"""Metrics of upstream grants."""

from collections.abc import Collection
from enum import StrEnum
from itertools import product
from typing import Final

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram

from doorward_auth.upstream.grants.models import GrantState
from doorward_auth.upstream.grants.repository import Backlog

_SECONDS_BUCKETS: Final = (0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0)


class RefreshOutcome(StrEnum):
    """How an attempt to refresh a grant ended."""

    REFRESHED = "refreshed"
    INVALID_GRANT = "invalid_grant"
    LOST = "lost"
    EXPIRED = "expired"
    UNREADABLE = "unreadable"
    UNKNOWN_KEY = "unknown_key"
    FAILED = "failed"
    MALFORMED = "malformed"
    MISCONFIGURED = "misconfigured"
    THROTTLED = "throttled"
    UNREACHABLE = "unreachable"
    """Nothing was sent."""
    UNCERTAIN = "uncertain"
    """It was sent, and there is no answer."""
    NOT_STORED = "not_stored"
    """The database was unavailable until the lease ended: the answer is lost."""
    LEASE_LOST = "lease_lost"
    UNWANTED = "unwanted"
    """The session or user is gone."""
    RELEASED = "released"
    """The process stops."""


class RequestOutcome(StrEnum):
    """How a request to an upstream ended that is no refresh."""

    SUCCEEDED = "succeeded"
    REJECTED = "rejected"
    """The upstream works, and rejects what the user sent."""
    FAILED = "failed"
    MALFORMED = "malformed"
    UNVERIFIED = "unverified"
    """Its proof of who logged in does not hold."""
    MISCONFIGURED = "misconfigured"
    THROTTLED = "throttled"
    UNREACHABLE = "unreachable"
    """Nothing was sent."""
    UNCERTAIN = "uncertain"
    """It was sent, and there is no answer."""
    NOT_ASKED = "not_asked"
    """This process did not try: after failed connections, or with too many requests under way."""


class RevocationOutcome(StrEnum):
    """How tokens to revoke left the outbox."""

    DELIVERED = "delivered"
    GIVEN_UP = "given_up"
    """They stay valid at the upstream until they expire."""
    SUPERSEDED = "superseded"
    """Their account there is in use again."""


OTHER_REQUESTS: Final = ("begin", "callback", "login", "register", "revoke")
"""Every request but refreshes. `callback` is the return of a browser with an error, which no alert counts."""


class UpstreamMetrics:
    """Every metric family of upstreams.

    The gauges of grants and revocations describe the whole table, so that every replica reports the same:
    aggregate them by maximum, not by sum. The others are of the process.
    """

    def __init__(self, registry: CollectorRegistry, providers: Collection[str]) -> None:
        self._refreshes = Counter(
            "doorward_upstream_refreshes",
            "Attempts to refresh a grant, by outcome.",
            ("provider", "outcome"),
            registry=registry,
        )
        for provider in providers:
            for outcome in RefreshOutcome:
                self._refreshes.labels(provider, outcome.value)  # at 0: an increase needs a first value
        self._requests = Counter(
            "doorward_upstream_requests",
            "Requests to an upstream but refreshes, by outcome.",
            ("provider", "request", "outcome"),
            registry=registry,
        )
        for provider in providers:
            for request, kind in product(OTHER_REQUESTS, RequestOutcome):
                self._requests.labels(provider, request, kind.value)
        self._revocations = Counter(
            "doorward_upstream_revocations",
            "Tokens that were to be revoked at an upstream, by outcome: delivered, given_up, superseded.",
            ("provider", "outcome"),
            registry=registry,
        )
        for provider in providers:
            for end in RevocationOutcome:
                self._revocations.labels(provider, end.value)
        self._pending_revocations = Gauge(
            "doorward_upstream_revocations_pending",
            "Tokens that are still to be revoked at an upstream.",
            ("provider",),
            registry=registry,
        )
        self._grants = Gauge(
            "doorward_upstream_grants", "Grants, by state.", ("provider", "state"), registry=registry
        )
        self._oldest = Gauge(
            "doorward_upstream_oldest_due_seconds",
            "Age of the refresh that is due for longest.",
            ("provider",),
            registry=registry,
        )
        self._seconds = Histogram(
            "doorward_upstream_request_seconds",
            "Time of a request to an upstream.",
            ("provider", "request"),
            buckets=_SECONDS_BUCKETS,
            registry=registry,
        )
        self._up = Gauge(
            "doorward_upstream_up",
            "1 if the upstream answered its last refresh usefully, 0 if not.",
            ("provider",),
            registry=registry,
        )
        self._vault_failures = Counter(
            "doorward_vault_keys_failures",
            "Contents of the vault's key file that could not be used.",
            registry=registry,
        )

    def refreshed(self, provider: str, outcome: RefreshOutcome) -> None:
        self._refreshes.labels(provider, outcome.value).inc()

    def concluded(self, provider: str, request: str, outcome: RequestOutcome) -> None:
        self._requests.labels(provider, request, outcome.value).inc()

    def requested(self, provider: str, request: str, seconds: float) -> None:
        self._seconds.labels(provider, request).observe(seconds)

    def revocation_concluded(self, provider: str, outcome: RevocationOutcome) -> None:
        self._revocations.labels(provider, outcome.value).inc()

    def set_pending_revocations(self, provider: str, count: int) -> None:
        self._pending_revocations.labels(provider).set(count)

    def set_up(self, provider: str, *, is_up: bool) -> None:
        self._up.labels(provider).set(is_up)

    def set_backlog(self, provider: str, backlog: Backlog) -> None:
        for state in GrantState:
            self._grants.labels(provider, state.value).set(backlog.counts.get(state.value, 0))
        self._oldest.labels(provider).set(backlog.oldest_due)

    def vault_keys_failed(self) -> None:
        self._vault_failures.inc()
