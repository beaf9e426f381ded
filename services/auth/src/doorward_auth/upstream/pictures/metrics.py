"""The metric of pictures at upstreams."""

from collections.abc import Collection
from enum import StrEnum

from prometheus_client import CollectorRegistry, Counter


class PictureOutcome(StrEnum):
    """What became of the picture that a login named."""

    STORED = "stored"
    UNCHANGED = "unchanged"
    """It is the user's picture already, or its URL was asked lately."""
    KEPT = "kept"
    """The user has another picture, or has deleted one."""
    NOT_ALLOWED = "not_allowed"
    """Its URL, or what it redirects to, is not one of `picture_hosts`; or its URL is too long."""
    REJECTED = "rejected"
    """The file is no picture that a user could upload here."""
    FAILED = "failed"
    """Its host did not answer, or answered with an error."""
    NOT_STORED = "not_stored"
    """The decoder, the database or the storage was unavailable here."""
    DROPPED = "dropped"
    """Too many were waiting."""


class PictureMetrics:
    """Counts pictures by outcome."""

    def __init__(self, registry: CollectorRegistry, providers: Collection[str]) -> None:
        self._pictures = Counter(
            "doorward_upstream_pictures",
            "Pictures that logins at an upstream named, by outcome.",
            ("provider", "outcome"),
            registry=registry,
        )
        for provider in providers:
            for outcome in PictureOutcome:
                self._pictures.labels(provider, outcome.value)  # at 0: an increase needs a first value

    def concluded(self, provider: str, outcome: PictureOutcome) -> None:
        self._pictures.labels(provider, outcome.value).inc()
