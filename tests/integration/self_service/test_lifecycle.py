"""The lifecycle of an account leaks no secrets into logs or the database."""

from io import StringIO

from integration.harness.installation import Installation
from integration.harness.people import People
from integration.self_service.lifecycle import NAME, holds, live
from integration.self_service.mailbox import Mailbox


def test_log_lines_contain_neither_secrets_nor_personal_data(
    installation: Installation, mailbox: Mailbox, people: People, rendered_log: StringIO
) -> None:
    lived = live(installation, mailbox, people.admin.access)
    text = rendered_log.getvalue()
    assert text.count('"event":"mail.sent"') > 5
    assert len(lived.secrets) > 30
    assert {len(secret) for secret in lived.secrets} >= {6, 68}  # including PINs and long codes
    leaked = [secret for secret in lived.secrets if holds(text, secret)]
    assert leaked == []
    for private in (*lived.addresses, NAME, "$argon2", "Bearer"):
        assert private not in text


def test_stored_rows_contain_no_secret(installation: Installation, mailbox: Mailbox, people: People) -> None:
    """Neither codes nor tokens are stored, including in queued mails."""
    lived = live(installation, mailbox, people.admin.access)
    for table in (
        "audit_events",
        "outbox",
        "one_time_codes",
        "pending_registrations",
        "sessions",
        "known_devices",
    ):
        rows = repr(installation.execute(f"SELECT * FROM {table}"))
        leaked = [secret for secret in lived.secrets if len(secret) > 6 and secret in rows]
        assert leaked == [], table
    details = repr(installation.execute("SELECT details FROM audit_events"))
    assert not [secret for secret in lived.secrets if holds(details, secret)]
    for private in (*lived.addresses, NAME):
        assert private not in details
