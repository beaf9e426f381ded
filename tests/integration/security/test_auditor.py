"""The auditor reads the audit log and the directory, and is an ordinary user everywhere else."""

import pytest

from integration.harness.installation import AUTH, TICKETS, USERS, Installation, reconfigured
from integration.harness.people import People, enrol
from integration.harness.problems import assert_problem
from integration.harness.tickets import store_ticket


def test_an_auditor_reads_the_audit_log_and_the_directory(installation: Installation, people: People) -> None:
    token = enrol(installation, people.admin, role="auditor").access
    events = installation.call("GET", f"{AUTH}/audit", token).json()["items"]
    assert {event["action"] for event in events} >= {"users:account:created", "auth:login:succeeded"}
    assert installation.call("GET", f"{AUTH}/me", token).json()["permissions"] == ["audit:read", "users:read"]
    with reconfigured(installation, directory_visibility="admins") as closed:
        listed = closed.call("GET", USERS, token).json()["items"]
        assert {user["role"] for user in listed} == {"admin", "auditor", "user"}
        assert closed.call("GET", people.other.path, token).status_code == 200
        assert_problem(closed.call("GET", USERS, people.user.access), 403, "insufficient_permission")


def test_an_auditor_cannot_change_other_users(installation: Installation, people: People) -> None:
    auditor = enrol(installation, people.admin, role="auditor")
    token = auditor.access
    for method, path, body in (
        ("PATCH", people.other.path, {"name": "Changed"}),
        ("PATCH", auditor.path, {"role": "admin"}),
        ("DELETE", people.other.path, None),
        ("DELETE", f"{AUTH}/users/{people.other.id}/sessions", None),
    ):
        assert_problem(installation.call(method, path, token, json=body), 403, "insufficient_permission")
    ticket = store_ticket(installation, people.other.id)
    assert_problem(installation.call("GET", f"{TICKETS}/{ticket}", token), 404, "ticket_not_found")
    assert installation.call("PATCH", f"{USERS}/me", token, json={"name": "Own name"}).status_code == 200


def test_an_auditor_does_not_replace_the_last_administrator(
    installation: Installation, people: People
) -> None:
    """An auditor cannot manage users, so the last administrator cannot be removed."""
    gone = installation.call("PATCH", people.deputy.path, people.admin.access, json={"role": "auditor"})
    assert gone.status_code == 200
    for change in ({"role": "auditor"}, {"role": "user"}, {"status": "disabled"}):
        rejected = installation.call("PATCH", people.admin.path, people.admin.access, json=change)
        assert_problem(rejected, 409, "last_admin")
    assert_problem(installation.call("DELETE", people.admin.path, people.admin.access), 409, "last_admin")


@pytest.mark.parametrize("role", ["admin", "user"])
def test_a_change_of_role_revokes_earlier_tokens(
    installation: Installation, people: People, role: str
) -> None:
    person = enrol(installation, people.admin)
    path = f"{AUTH}/audit"
    assert_problem(installation.call("GET", path, person.access), 403, "insufficient_permission")
    changed = installation.call("PATCH", person.path, people.admin.access, json={"role": "auditor"})
    assert changed.json()["role"] == "auditor"
    tokens = installation.log_in(person.email, person.password)
    assert installation.call("GET", path, tokens.access).status_code == 200
    installation.call("PATCH", person.path, people.admin.access, json={"role": role})
    assert_problem(installation.call("GET", path, tokens.access), 401, "invalid_token")
