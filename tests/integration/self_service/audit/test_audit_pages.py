"""Reading the audit log: administrators read all of it, users read events about themselves."""

import uuid
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from integration.harness.deployment import wait_until
from integration.harness.installation import AUTH, USERS, Installation
from integration.harness.people import PASSWORD, People
from integration.harness.problems import assert_problem
from integration.self_service.flows import ANOTHER, CHOSEN, Flows, Joined

AUDIT = f"{AUTH}/audit"
ACTIVITY = f"{USERS}/me/activity"
MEMBERS = {"id", "action", "actor_id", "target_id", "ip", "request_id", "occurred_at", "details"}

Event = dict[str, Any]


def read(installation: Installation, token: str, path: str = AUDIT, **params: object) -> list[Event]:
    """Read all pages of three events each."""
    events: list[Event] = []
    cursor = None
    while True:
        sent = {**params, "limit": 3, **({} if cursor is None else {"cursor": cursor})}
        response = installation.call("GET", path, token, params=sent)
        assert response.status_code == 200, response.text
        page = response.json()
        assert len(page["items"]) <= 3
        events += page["items"]
        cursor = page["next_cursor"]
        if cursor is None:
            return events
        assert len(page["items"]) == 3


@pytest.fixture
def users_with_events(flows: Flows, people: People) -> People:
    """Users with some events."""
    for _ in range(4):
        flows.sign_in(people.user.email, PASSWORD)
        flows.log_in(people.other.email, ANOTHER)
    flows.create(people.admin.access, "bob@example.com", password=CHOSEN)
    flows.change(people.other.access, PASSWORD)
    return people


def test_events_are_complete_and_listed_newest_first(
    flows: Flows, installation: Installation, people: People
) -> None:
    before = datetime.now(UTC) - timedelta(seconds=1)
    flows.log_in(people.user.email, ANOTHER)
    events = read(installation, people.admin.access)
    assert all(event.keys() == MEMBERS for event in events)
    newest = events[0]
    assert newest["action"] == "auth:login:failed"
    assert (newest["actor_id"], newest["target_id"]) == (None, people.user.id)
    assert newest["ip"] == "0.0.0.0"
    assert newest["details"] is None
    assert before < datetime.fromisoformat(newest["occurred_at"]) < datetime.now(UTC) + timedelta(seconds=1)
    assert newest["occurred_at"].endswith("Z")
    ids = [event["id"] for event in events]
    assert ids == sorted(set(ids), reverse=True)


def test_the_audit_log_requires_an_administrator(installation: Installation, people: People) -> None:
    assert_problem(installation.call("GET", AUDIT), 401, "not_authenticated")
    assert_problem(installation.call("GET", AUDIT, people.user.access), 403, "insufficient_permission")


def test_filters_select_the_named_events(installation: Installation, users_with_events: People) -> None:
    admin = users_with_events.admin.access
    everything = read(installation, admin)
    wanted: list[tuple[dict[str, str], Any]] = [
        ({"action": "auth:login:failed"}, lambda event: event["action"] == "auth:login:failed"),
        (
            {"actor": users_with_events.admin.id},
            lambda event: event["actor_id"] == users_with_events.admin.id,
        ),
        (
            {"target": users_with_events.other.id},
            lambda event: event["target_id"] == users_with_events.other.id,
        ),
        (
            {
                "target": users_with_events.user.id,
                "actor": users_with_events.user.id,
                "action": "auth:login:succeeded",
            },
            lambda event: (
                event["actor_id"] == users_with_events.user.id and event["action"] == "auth:login:succeeded"
            ),
        ),
        ({"actor": str(uuid.uuid4())}, lambda _event: False),
        ({"action": "auth:mail:resent"}, lambda _event: False),
    ]
    for params, picks in wanted:
        expected = [event for event in everything if picks(event)]
        assert read(installation, admin, **params) == expected, params
    assert [event for event in everything if event["action"] == "auth:login:failed"] != []


def test_since_and_until_limit_the_log(flows: Flows, installation: Installation, people: People) -> None:
    flows.log_in(people.user.email, ANOTHER)
    [first] = read(installation, people.admin.access, action="auth:login:failed")
    later = datetime.fromisoformat(first["occurred_at"]) + timedelta(milliseconds=50)
    wait_until(lambda: datetime.now(UTC) > later, "later")
    middle = later.isoformat()
    flows.log_in(people.user.email, ANOTHER)
    second, *_ = everything = read(installation, people.admin.access)
    assert read(installation, people.admin.access, since=middle) == [second]
    assert read(installation, people.admin.access, until=middle) == everything[1:]
    assert read(installation, people.admin.access, since=middle, until=middle) == []
    far = {"since": "0001-01-01T00:00:00Z", "until": "9999-12-31T23:59:59Z"}
    assert read(installation, people.admin.access, **far) == everything


@pytest.mark.databases("sqlite")  # these rejections do not depend on the database
@pytest.mark.parametrize(
    ("params", "pointer"),
    [
        ({"action": "auth:nothing"}, "query:action"),
        ({"actor": "x"}, "query:actor"),
        ({"target": "' OR 1=1 --"}, "query:target"),
        ({"since": "2026-01-01T00:00:00"}, "query:since"),  # without a time zone
        ({"until": "yesterday"}, "query:until"),
        ({"since": "1e30"}, "query:since"),
        ({"since": "0.5"}, "query:since"),
        ({"until": "1700000000"}, "query:until"),
        ({"until": "10000-01-01T00:00:00Z"}, "query:until"),
        ({"limit": 0}, "query:limit"),
        ({"limit": 201}, "query:limit"),
        ({"limit": "1e30"}, "query:limit"),
    ],
)
def test_invalid_filters_are_rejected(
    installation: Installation, people: People, params: dict[str, Any], pointer: str
) -> None:
    response = installation.call("GET", AUDIT, people.admin.access, params=params)
    document = assert_problem(response, 422, "validation_error")
    assert [error["pointer"] for error in document["errors"]] == [pointer]


@pytest.mark.parametrize("moment", ["9999-12-31T23:59:59.999999-23:59", "0001-01-01T00:00:00+23:59"])
def test_the_earliest_and_latest_times_are_accepted(
    installation: Installation, people: People, moment: str
) -> None:
    for name in ("since", "until"):
        assert installation.call("GET", AUDIT, people.admin.access, params={name: moment}).status_code == 200


def test_new_events_do_not_shift_pages(
    flows: Flows, installation: Installation, users_with_events: People
) -> None:
    expected = read(installation, users_with_events.admin.access)
    seen: list[Event] = []
    cursor: str | None = None
    while len(seen) < len(expected):
        params = {"limit": "2", **({} if cursor is None else {"cursor": cursor})}
        page = installation.call("GET", AUDIT, users_with_events.admin.access, params=params).json()
        seen += page["items"]
        cursor = page["next_cursor"]
        flows.sign_in(users_with_events.user.email, PASSWORD)
    assert seen == expected
    assert cursor is None
    assert len(read(installation, users_with_events.admin.access)) > len(expected)


def test_a_cursor_is_bound_to_its_filter_and_cannot_be_forged(
    installation: Installation, users_with_events: People
) -> None:
    admin = users_with_events.admin.access
    cursor = installation.call("GET", AUDIT, admin, params={"limit": 1}).json()["next_cursor"]
    users = installation.call("GET", USERS, admin, params={"limit": 1}).json()["next_cursor"]
    others = [
        {"cursor": cursor, "action": "auth:login:failed"},
        {"cursor": cursor, "target": users_with_events.user.id},
        {"cursor": cursor, "since": "2020-01-01T00:00:00Z"},
        {"cursor": users},
        {"cursor": "x"},
        {"cursor": "=" * 64},
        {"cursor": cursor[:-2]},
        {"cursor": cursor + "AA"},
        {"cursor": ""},
        *(
            {"cursor": cursor[:at] + ("A" if cursor[at] != "A" else "B") + cursor[at + 1 :]}
            for at in (0, 12, 30)
        ),
    ]
    for params in others:
        assert_problem(installation.call("GET", AUDIT, admin, params=params), 400, "invalid_cursor")
    assert_problem(installation.call("GET", AUDIT, admin, params={"cursor": "x" * 1025}), 422)
    assert_problem(
        installation.call("GET", ACTIVITY, admin, params={"cursor": cursor}), 400, "invalid_cursor"
    )
    assert installation.call("GET", AUDIT, admin, params={"cursor": cursor, "limit": 200}).status_code == 200


def test_event_types_of_a_newer_release_are_shown(installation: Installation, people: People) -> None:
    """During an update the previous release reads events of the new one."""
    installation.execute("UPDATE audit_events SET action = 'auth:passkey:added'")
    for path in (AUDIT, ACTIVITY):
        response = installation.call("GET", path, people.admin.access)
        assert response.status_code == 200, response.text
        assert {event["action"] for event in response.json()["items"]} == {"auth:passkey:added"}


def test_activity_lists_events_about_the_own_account(
    flows: Flows, installation: Installation, users_with_events: People
) -> None:
    everything = read(installation, users_with_events.admin.access)
    for person in (users_with_events.user, users_with_events.admin):
        mine = read(installation, person.access, ACTIVITY)
        assert mine == [event for event in everything if event["target_id"] == person.id]
        assert "auth:login:succeeded" in {event["action"] for event in mine}
    # A change of another account belongs to the activity of that account.
    actions = [event["action"] for event in read(installation, users_with_events.admin.access, ACTIVITY)]
    assert "users:account:created" not in actions
    other = flows.joined(users_with_events.other.email, ANOTHER)
    actions = [event["action"] for event in read(installation, other.access, ACTIVITY)]
    assert actions[:2] == ["auth:login:succeeded", "auth:password:changed"]
    assert actions.count("auth:login:failed") == 4


def test_activity_of_other_users_is_not_shown(installation: Installation, users_with_events: People) -> None:
    mine = read(installation, users_with_events.user.access, ACTIVITY)
    for name, value in (
        ("target", users_with_events.admin.id),
        ("actor", users_with_events.admin.id),
        ("user_id", users_with_events.admin.id),
    ):
        assert read(installation, users_with_events.user.access, ACTIVITY, **{name: value}) == mine
    first = installation.call("GET", ACTIVITY, users_with_events.admin.access, params={"limit": 1}).json()
    stolen = {"cursor": first["next_cursor"]}
    assert_problem(
        installation.call("GET", ACTIVITY, users_with_events.user.access, params=stolen),
        400,
        "invalid_cursor",
    )
    assert_problem(installation.call("GET", ACTIVITY), 401, "not_authenticated")


def test_events_of_a_deleted_account_remain_without_its_name(
    flows: Flows, installation: Installation, people: People, ada: Joined
) -> None:
    installation.call("DELETE", ada.path, people.admin.access)
    events = read(installation, people.admin.access, target=ada.id)
    assert [event["action"] for event in events] == [
        "users:account:deleted",
        "auth:login:succeeded",
        "auth:email:verified",
    ]
    assert ada.email not in repr(events)
    again = flows.join(ada.email)
    assert ada.id not in repr(read(installation, again.access, ACTIVITY))
