"""Metrics of mail: one set a process, with each of its outboxes as a label."""

from dataclasses import dataclass
from typing import Final, Self
from weakref import WeakKeyDictionary

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram

from doorward_mail.outbox.leases import OutboxBacklog

_SECONDS_BUCKETS: Final = (0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0)
_DELAY_BUCKETS: Final = (0.1, 0.5, 1.0, 2.5, 5.0, 15.0, 60.0, 300.0, 1800.0, 7200.0, 43_200.0, 172_800.0)


class MailMetrics:
    """Every metric family of mail.

    The gauges describe the whole outbox, so that every replica reports the same: aggregate them by maximum,
    not by sum. The counters are of the process.
    """

    def __init__(self, registry: CollectorRegistry) -> None:
        self._messages = Gauge(
            "doorward_mail_messages",
            "Mails in the outbox, by state: waiting to be sent, or dead letters.",
            ("outbox", "state"),
            registry=registry,
        )
        self._oldest = Gauge(
            "doorward_mail_oldest_message_age_seconds",
            "Age of the mail that has waited longest.",
            ("outbox",),
            registry=registry,
        )
        self._sending = Gauge(
            "doorward_mail_sending", "Mails that this process is sending.", ("outbox",), registry=registry
        )
        self._sent = Counter("doorward_mail_sent", "Mails sent.", ("outbox", "template"), registry=registry)
        self._failed = Counter(
            "doorward_mail_failed",
            "Attempts that failed, by the step that failed.",
            ("outbox", "failure"),
            registry=registry,
        )
        self._discarded = Counter(
            "doorward_mail_discarded",
            "Mails that will not be sent, by reason: skipped, expired, dead.",
            ("outbox", "reason"),
            registry=registry,
        )
        self._seconds = Histogram(
            "doorward_mail_send_seconds",
            "Time from the lease of a mail to the server's acceptance.",
            ("outbox",),
            buckets=_SECONDS_BUCKETS,
            registry=registry,
        )
        self._delay = Histogram(
            "doorward_mail_delay_seconds",
            "Age of mails when they were sent.",
            ("outbox",),
            buckets=_DELAY_BUCKETS,
            registry=registry,
        )

    @classmethod
    def of(cls, registry: CollectorRegistry) -> Self:
        """Return the metrics of a process: one set, however many of its services send mail."""
        if registry not in _made:
            _made[registry] = cls(registry)
        made = _made[registry]
        assert isinstance(made, cls)
        return made

    def outbox(self, name: str) -> "OutboxMetrics":
        return OutboxMetrics(
            name,
            self._messages.labels(name, "waiting"),
            self._messages.labels(name, "dead"),
            self._oldest.labels(name),
            self._sending.labels(name),
            self._seconds.labels(name),
            self._delay.labels(name),
            self._sent,
            self._failed,
            self._discarded,
        )


_made: Final[WeakKeyDictionary[CollectorRegistry, MailMetrics]] = WeakKeyDictionary()


@dataclass(frozen=True, slots=True)
class OutboxMetrics:
    """The metrics of one outbox."""

    name: str
    waiting: Gauge
    dead: Gauge
    oldest: Gauge
    sending: Gauge
    seconds: Histogram
    delay: Histogram
    _sent: Counter
    _failed: Counter
    _discarded: Counter

    def set_backlog(self, backlog: OutboxBacklog) -> None:
        self.waiting.set(backlog.waiting)
        self.dead.set(backlog.dead)
        self.oldest.set(backlog.oldest)

    def count_sent(self, template: str, *, seconds: float, age: float) -> None:
        """Count a mail that took `seconds` to send; `age` is its age at the lease, in seconds."""
        self._sent.labels(self.name, template).inc()
        self.seconds.observe(seconds)
        self.delay.observe(age + seconds)

    def count_failed(self, failure: str) -> None:
        self._failed.labels(self.name, failure).inc()

    def count_discarded(self, reason: str) -> None:
        self._discarded.labels(self.name, reason).inc()
