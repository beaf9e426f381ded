"""Actions that cause mail about tickets, and checks of the outbox and the sent mail."""

import re
from datetime import UTC, datetime
from typing import Any, Final

import httpx2
import sqlalchemy as sa

from doorward_tickets.tables import outbox, pending_notifications
from integration.harness.deployment import wait_until
from integration.harness.installation import Installation
from integration.harness.people import Person
from integration.harness.tickets import tickets_execute
from support.smtp import ReceivedMail, SmtpServer

APP: Final = "https://app.example.com"
LONG_AGO: Final = datetime(2026, 1, 1, tzinfo=UTC)


def reply(installation: Installation, person: Person, path: str, text: str = "A reply.") -> httpx2.Response:
    """Reply to a ticket; fails the test if it is rejected."""
    response = installation.call("POST", f"{path}/replies", person.access, json={"body": text})
    assert response.status_code == 201, response.text
    return response


def assign(installation: Installation, admin: Person, path: str, person: Person | None) -> None:
    """Assign or unassign a ticket; fails the test if it is rejected."""
    body = {"assignee_id": None if person is None else person.id}
    response = installation.call("PATCH", path, admin.access, json=body)
    assert response.status_code == 200, response.text


def waiting(installation: Installation) -> list[tuple[Any, ...]]:
    """Return the rows of the outbox: template, recipient, parameters."""
    return tickets_execute(
        installation, sa.select(outbox.c.template, outbox.c.recipient, outbox.c.parameters)
    )


def settled(installation: Installation, smtp: SmtpServer) -> list[ReceivedMail]:
    """Wait until the outbox is empty, and return the sent mails."""
    wait_until(lambda: not waiting(installation), "sent")
    return smtp.mails()


def let_time_pass(installation: Installation) -> None:
    """Make every mail due."""
    for table in (pending_notifications, outbox):
        tickets_execute(installation, table.update().values(due_at=LONG_AGO))


def events(mails: list[ReceivedMail]) -> list[tuple[str, str]]:
    """Return the sorted recipients of mails, and what each says has happened."""
    return sorted((mail.recipients[0], event_of(mail)) for mail in mails)


def event_of(mail: ReceivedMail) -> str:
    """Return the first sentence of a mail, without the ticket's number."""
    found = re.match(r"Hello,\n\n([^.]+)\.", mail.text())
    assert found is not None, mail.text()
    return re.sub(r"#\d+", "#", found[1])
