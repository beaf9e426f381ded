"""The reset between tests removes the rows of a test and skips tables without writes."""

import pytest

from integration.harness.installation import AUTH, TICKETS, Installation
from integration.harness.people import People, populate
from integration.harness.statements import recorded
from integration.harness.tickets import TICKET


def contents_of(installation: Installation) -> list[object]:
    tables = (
        "users",
        "credentials",
        "sessions",
        "revocations",
        "deleted_users",
        "audit_events",
        "rate_limits",
    )
    return [sorted(installation.execute(f"SELECT * FROM {table}"), key=repr) for table in tables]


@pytest.mark.parametrize(
    "write",
    [
        lambda installation, people: installation.log_in(people.user.email, people.user.password),
        lambda installation, people: installation.call("DELETE", people.user.path, people.admin.access),
        lambda installation, people: installation.call("POST", f"{AUTH}/logout", people.user.access),
        lambda installation, _people: installation.execute("DELETE FROM users"),
        lambda installation, _people: installation.execute("UPDATE credentials SET password_hash = 'x'"),
    ],
    ids=["login", "deletion", "logout", "deletion behind the services", "change behind the services"],
)
def test_rows_written_by_a_test_are_removed(
    installation: Installation, people: People, write: object
) -> None:
    before = contents_of(installation)
    write(installation, people)  # type: ignore[operator]  # any of those above
    assert contents_of(installation) != before
    populate(installation)
    assert contents_of(installation) == before
    assert installation.call("GET", f"{AUTH}/me", people.user.access).status_code == 200


def test_tables_that_were_only_read_are_not_restored(installation: Installation, people: People) -> None:
    installation.call("GET", people.user.path, people.admin.access)
    installation.call("POST", TICKETS, None, json=dict(TICKET))
    with recorded(installation.engine, installation.tickets_engine) as seen:
        populate(installation)
    assert seen == []


def test_only_changed_tables_are_restored(installation: Installation, people: People) -> None:
    installation.call("POST", TICKETS, people.user.access, json=dict(TICKET))
    with recorded(installation.engine, installation.tickets_engine) as seen:
        populate(installation)
    assert any("DELETE FROM tickets" in statement for statement in seen)
    assert not any("users" in statement for statement in seen)
