"""Delivering logout tokens as the processes do, and counting what became of them."""

import re
from datetime import UTC, datetime

import sqlalchemy as sa

from doorward_auth.oidc.backchannel.service import OUTBOXES, BackchannelLogout
from doorward_identity.tables import logout_deliveries, sessions
from integration.harness.installation import Installation

LONG_AGO = datetime(2026, 1, 1, tzinfo=UTC)


def deliver(installation: Installation) -> int:
    """Do once what each process does every second."""
    service: BackchannelLogout = installation.auth_app.state.services.backchannel
    portal = installation.auth.portal
    assert portal is not None
    return sum(portal.call(service.deliver_batch, outbox) for outbox in OUTBOXES)


def make_due(installation: Installation) -> None:
    """Let the wait after a failure be over."""
    installation.execute(sessions.update().values(logout_due_at=LONG_AGO))
    installation.execute(logout_deliveries.update().values(due_at=LONG_AGO))


def open_deliveries(installation: Installation) -> int:
    waiting = sa.select(sessions.c.id).where(
        sessions.c.logout_attempts.is_not(None), sessions.c.ended_at.is_not(None)
    )
    return len(installation.execute(waiting)) + len(installation.execute(sa.select(logout_deliveries.c.id)))


def counted(installation: Installation) -> list[float]:
    """Return how many attempts delivered, failed, and were the last that failed."""
    text = installation.call("GET", "/metrics").text
    samples = dict(re.findall(r'\ndoorward_backchannel_logouts_total{outcome="(\w+)"} ([0-9.]+)', text))
    return [float(samples[outcome]) for outcome in ("delivered", "failed", "given_up")]
