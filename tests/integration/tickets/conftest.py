"""A replica that sends mail about tickets."""

from collections.abc import Iterator

import pytest

from integration.harness.installation import Installation
from integration.harness.people import People
from integration.harness.tickets import mailing_through
from integration.tickets.mailing import APP
from support.smtp import SmtpServer


@pytest.fixture
def mailing(installation: Installation, people: People, smtp: SmtpServer) -> Iterator[Installation]:
    """A replica that sends mail at once, and then at most one of a type per ticket and hour."""
    del people
    with mailing_through(
        installation,
        smtp,
        mail_from_name="Test Team",
        mail_poll_seconds=0.05,
        mail_retry_seconds=0.1,
        notification_interval_seconds=3600,
        frontend_url=APP,
    ) as replica:
        yield replica
