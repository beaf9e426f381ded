"""Each security event is recorded once, with actor, target and request id, and without secrets."""

import json
import uuid
from typing import Any

import httpx2
import pytest
import sqlalchemy as sa

from doorward import create_admin
from doorward_identity.audit.repository import AuditAction
from doorward_identity.passwords import PasswordHashing
from doorward_identity.tables import audit_events
from doorward_kit.metrics import Metrics
from doorward_kit.unit_of_work import Database
from integration.harness.installation import AUTH, USERS, Installation, auth_settings
from integration.harness.people import PASSWORD, People
from integration.self_service.audit.audit_cases import CASES, COMMANDS, OF_CODES, PROVIDER, UPSTREAMS
from integration.self_service.audit.audit_setup import AuditSetup, Case, Event
from integration.self_service.flows import ANOTHER, CHOSEN, Flows, Joined, unique

pytestmark = pytest.mark.databases("sqlite")


class Traced:
    """Records the ids of the requests that it sends."""

    def __init__(self, installation: Installation) -> None:
        self._installation = installation
        self.request_ids: list[str] = []

    def call(
        self,
        method: str,
        path: str,
        token: str | None = None,
        headers: dict[str, str] | None = None,
        **options: Any,
    ) -> httpx2.Response:
        response = self._installation.call(method, path, token, headers, **options)
        self.request_ids.append(response.headers["x-request-id"])
        return response


def recorded(installation: Installation, *request_ids: str) -> list[Event]:
    """Return the events of requests from the database."""
    columns = audit_events.c
    found = sa.select(columns.action, columns.actor_id, columns.target_id, columns.details)
    rows = installation.execute(found.where(columns.request_id.in_(request_ids)).order_by(columns.id))
    return [
        (action, _text(actor), _text(target), None if details is None else json.loads(details))
        for action, actor, target, details in rows
    ]


def _text(identity: bytes | None) -> str | None:
    return None if identity is None else str(identity)


@pytest.fixture
def setup(flows: Flows, installation: Installation, people: People, ada: Joined) -> AuditSetup:
    traced = Traced(installation)
    return AuditSetup(flows, Flows(traced, flows.mailbox), traced.request_ids, installation, people, ada)


@pytest.mark.parametrize(("action", "case"), [pytest.param(*one, id=one[1].__name__) for one in CASES])
def test_each_event_is_recorded_once_with_its_request_id(
    setup: AuditSetup, action: AuditAction, case: Case
) -> None:
    expected = case(setup)
    assert [one[0] for one in expected] == [action.value]
    assert recorded(setup.installation, *setup.request_ids) == expected
    addresses = setup.installation.execute("SELECT DISTINCT ip_address FROM audit_events")
    assert addresses == [("0.0.0.0",)]  # there is no network in this process


def test_commands_are_recorded(installation: Installation, people: People) -> None:
    metrics, settings = Metrics(), auth_settings(installation.database_url)
    database, hashing = Database(settings, metrics, pool_size=1), PasswordHashing(settings, metrics)
    installation.execute("DELETE FROM audit_events")
    create_admin.create_admin(database, hashing, "root@example.com", PASSWORD)
    create_admin.create_admin(database, hashing, people.user.email, PASSWORD)
    create_admin.create_admin(database, hashing, people.user.email, ANOTHER, reset_password=True)
    hashing.shutdown()
    database.dispose()
    root = installation.call("GET", USERS, people.admin.access, params={"q": "root@"}).json()["items"][0][
        "id"
    ]
    assert recorded(installation, "-") == [
        ("command:admin:created", None, root, None),
        ("command:admin:promoted", None, people.user.id, None),
        ("command:admin:password_set", None, people.user.id, None),
    ]


def test_every_event_type_has_a_case() -> None:
    """An event type without a case might never be recorded."""
    assert {action for action, _ in CASES} | COMMANDS | UPSTREAMS | PROVIDER | OF_CODES == set(AuditAction)


def test_rejected_requests_record_no_success(setup: AuditSetup) -> None:
    """Events belong to the transaction of their request, so a rollback removes them."""
    traced, people = setup.traced, setup.people
    traced.register("x@example.com", "password123")
    traced.register("x@", CHOSEN)
    traced.verify("dwv_x")
    traced.accept("dwi_x")
    traced.create(people.admin.access, people.user.email, password=CHOSEN)
    traced.create(people.user.access, unique())
    traced.invite_again(people.admin.access, people.user.id)
    traced.change(setup.ada.access, CHOSEN, CHOSEN)
    traced.ask_for_address(setup.ada.access, "x@", CHOSEN)
    setup.send("PATCH", people.user.path, people.admin.access, json={"email": people.other.email})
    setup.send("POST", f"{AUTH}/mail/dead-letters/{uuid.uuid4()}/retry", people.admin.access)
    assert len(setup.request_ids) > 10
    events = recorded(setup.installation, *setup.request_ids)
    rejections = {"auth:email:verification_failed", "auth:invitation:failed", "users:call:refused"}
    assert {action for action, *_ in events} == rejections
