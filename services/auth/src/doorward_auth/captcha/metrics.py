"""Metrics of the captcha."""

from prometheus_client import CollectorRegistry, Counter


class CaptchaMetrics:
    """What became of the requests that needed one."""

    def __init__(self, registry: CollectorRegistry) -> None:
        self._judged = Counter(
            "doorward_captcha_verifications",
            "Requests that needed a captcha: passed, failed, missing, or unavailable.",
            ("outcome",),
            registry=registry,
        )

    def judged(self, outcome: str) -> None:
        """Note what became of one."""
        self._judged.labels(outcome).inc()
