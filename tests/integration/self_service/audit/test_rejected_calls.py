"""Rejections are recorded, and repeated ones do not fill the audit log."""

import uuid
from datetime import UTC, datetime, timedelta

import pytest
import sqlalchemy as sa

from doorward_auth.rate_limiting.limits import WRONG_CODE_EVENTS
from doorward_identity.audit.rejected_calls import MAX_OF_A_CALL, MAX_TOGETHER, RejectedCalls
from doorward_identity.audit.repository import AuditAction, record
from doorward_identity.tables import audit_events
from doorward_kit.unit_of_work import DatabaseUnavailableError
from integration.harness.installation import AUTH, USERS, Installation
from integration.harness.people import People, Person
from integration.harness.problems import assert_problem
from integration.self_service.flows import Flows

pytestmark = pytest.mark.databases("sqlite")  # the rules are the same; the cases run on each


def count(installation: Installation, action: AuditAction) -> int:
    counted = sa.select(sa.func.count()).where(audit_events.c.action == action.value)
    return int(installation.execute(counted)[0][0])


def reject(installation: Installation, caller: Person, method: str, path: str) -> None:
    response = installation.call(method, path, caller.access, json={} if method == "POST" else None)
    assert_problem(response, 403, "insufficient_permission")


def test_repeated_rejections_of_a_caller_are_recorded_ten_times_an_hour(
    installation: Installation, people: People
) -> None:
    for _ in range(MAX_OF_A_CALL + 3):
        reject(installation, people.user, "DELETE", people.admin.path)
    assert count(installation, AuditAction.CALL_REJECTED_BY_USERS) == MAX_OF_A_CALL
    # Neither another call nor another caller is hidden by them.
    reject(installation, people.user, "POST", USERS)
    reject(installation, people.other, "DELETE", people.admin.path)
    assert count(installation, AuditAction.CALL_REJECTED_BY_USERS) == MAX_OF_A_CALL + 2
    # An hour later they are recorded again.
    earlier = datetime.now(UTC) - timedelta(hours=2)
    rows = installation.execute(sa.select(audit_events.c.id))
    for (event_id,) in rows:
        moved = int(earlier.timestamp() * 1000).to_bytes(6, "big") + event_id.bytes[6:]
        changed = audit_events.update().where(audit_events.c.id == event_id)
        installation.execute(changed.values(id=uuid.UUID(bytes=moved)))
    reject(installation, people.user, "DELETE", people.admin.path)
    assert count(installation, AuditAction.CALL_REJECTED_BY_USERS) == MAX_OF_A_CALL + 3


def test_rejections_of_a_caller_have_a_limit_together(installation: Installation, people: People) -> None:
    actor = uuid.UUID(people.user.id)
    with installation.transaction() as connection:
        for number in range(MAX_TOGETHER):
            details = {"call": f"GET /{number}"}
            record(connection, AuditAction.CALL_REJECTED_BY_AUTH, actor=actor, target=None, details=details)
    reject(installation, people.user, "GET", f"{AUTH}/audit")
    assert count(installation, AuditAction.CALL_REJECTED_BY_AUTH) == MAX_TOGETHER


def test_wrong_codes_of_a_source_are_recorded_twenty_times_an_hour(
    flows: Flows, installation: Installation
) -> None:
    for number in range(WRONG_CODE_EVENTS.free + 5):
        enter = flows.accept if number % 2 else flows.verify
        assert_problem(enter("wrong"), 400, "invalid_code")
    recorded = [
        count(installation, action)
        for action in (AuditAction.INVITATION_FAILED, AuditAction.EMAIL_VERIFICATION_FAILED)
    ]
    assert sum(recorded) == WRONG_CODE_EVENTS.free


def test_a_proxys_question_is_no_rejected_call(installation: Installation, people: People) -> None:
    for query in ("role=admin", "permission=users:write"):
        rejected = installation.call("GET", f"{AUTH}/verify?{query}", people.user.access)
        assert_problem(rejected, 403, "insufficient_permission")
    assert count(installation, AuditAction.CALL_REJECTED_BY_AUTH) == 0


def test_a_rejection_stands_while_its_event_cannot_be_written(
    installation: Installation, people: People, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def fail(*_arguments: object) -> None:
        raise DatabaseUnavailableError

    monkeypatch.setattr(RejectedCalls, "record", fail)
    reject(installation, people.user, "DELETE", people.admin.path)
