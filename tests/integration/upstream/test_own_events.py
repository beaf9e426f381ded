"""What users may do with their own links is limited, so that they cannot fill the audit log."""

import base64
import uuid

import httpx2
import pytest
import sqlalchemy as sa

from doorward_identity.audit.own_events import CHANGES, TOKEN_READS
from doorward_identity.audit.repository import AuditAction, record
from doorward_identity.tables import audit_events
from integration.harness.installation import CLIENT
from integration.harness.people import Person, bootstrap, sign_in
from integration.harness.problems import assert_problem
from integration.upstream.installation import ADA, SECRET, UPSTREAM, UpstreamSetup

pytestmark = pytest.mark.databases("sqlite")  # the rules are the same; the limit is tested on each

BASIC = {"Authorization": "Basic " + base64.b64encode(":".join(CLIENT).encode()).decode()}


@pytest.fixture
def setup(running_setup: UpstreamSetup) -> UpstreamSetup:
    running_setup.api.wipe()
    running_setup.register(ADA)
    running_setup.api.wipe()  # the account stays at the upstream
    bootstrap(running_setup.api, "admin@example.com")
    return running_setup


@pytest.fixture
def caller(setup: UpstreamSetup) -> Person:
    return sign_in(setup.api, "admin@example.com")


def fill(setup: UpstreamSetup, action: AuditAction, caller: Person, count: int) -> None:
    with setup.api.transaction() as connection:
        for _ in range(count):
            record(connection, action, actor=uuid.UUID(caller.id), target=uuid.UUID(caller.id))


def link(setup: UpstreamSetup, caller: Person) -> httpx2.Response:
    body = {"email": ADA, "password": SECRET}
    return setup.api.call("POST", f"{UPSTREAM}/theapi/link", caller.access, json=body)


def links(setup: UpstreamSetup, caller: Person) -> int:
    return len(setup.api.call("GET", UPSTREAM, caller.access).json()["items"])


def test_links_are_limited(setup: UpstreamSetup, caller: Person) -> None:
    fill(setup, AuditAction.UPSTREAM_LINKED, caller, CHANGES.most)
    assert_problem(link(setup, caller), 429, "too_many_attempts")
    assert links(setup, caller) == 0


def test_a_link_can_always_be_removed(setup: UpstreamSetup, caller: Person) -> None:
    assert link(setup, caller).status_code == 204
    fill(setup, AuditAction.UPSTREAM_UNLINKED, caller, CHANGES.most)
    assert setup.api.call("DELETE", f"{UPSTREAM}/theapi", caller.access).status_code == 204
    assert links(setup, caller) == 0


def test_reads_of_own_tokens_are_limited_and_those_of_service_clients_are_not(
    setup: UpstreamSetup, caller: Person
) -> None:
    assert link(setup, caller).status_code == 204
    path = f"{UPSTREAM}/theapi/token"
    fill(setup, AuditAction.UPSTREAM_TOKEN_READ, caller, TOKEN_READS.most - 1)
    subject = {"subject": caller.id}
    assert setup.api.call("GET", path, headers=BASIC, params=subject).status_code == 200
    assert setup.api.call("GET", path, caller.access).status_code == 200
    rejected = setup.api.call("GET", path, caller.access)
    assert_problem(rejected, 429, "too_many_attempts")
    assert 0 < int(rejected.headers["retry-after"]) <= TOKEN_READS.window.total_seconds()
    assert setup.api.call("GET", path, headers=BASIC, params=subject).status_code == 200
    reads = audit_events.c.action == AuditAction.UPSTREAM_TOKEN_READ.value
    actors = setup.api.execute(sa.select(audit_events.c.actor_id).where(reads))
    assert actors.count((None,)) == 2
    assert actors.count((uuid.UUID(caller.id),)) == TOKEN_READS.most
