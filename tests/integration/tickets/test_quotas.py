"""Quotas: tickets and replies of a user in an hour, stored tickets of a user, replies to a ticket."""

from collections.abc import Iterator
from datetime import UTC, datetime

import httpx2
import pytest

from doorward_tickets.tables import rate_limits
from integration.harness.installation import TICKETS, Installation, reconfigured
from integration.harness.people import People, Person
from integration.harness.problems import assert_problem
from integration.harness.tickets import (
    TICKET,
    limit_rejections,
    open_ticket,
    path_of,
    store_ticket,
    stored,
    tickets_execute,
)

TICKETS_AN_HOUR = 4
REPLIES_AN_HOUR = 5
LONG_AGO = datetime(2026, 1, 1, tzinfo=UTC)


@pytest.fixture
def limited(installation: Installation, people: People) -> Iterator[Installation]:
    """A replica with small quotas per hour."""
    del people
    with reconfigured(
        installation, tickets_per_hour=TICKETS_AN_HOUR, replies_per_hour=REPLIES_AN_HOUR
    ) as replica:
        yield replica


def create(installation: Installation, person: Person, key: str | None = None) -> httpx2.Response:
    headers = {} if key is None else {"Idempotency-Key": key}
    return installation.call("POST", TICKETS, person.access, json=TICKET, headers=headers)


def reply(
    installation: Installation, person: Person, path: str, text: str = "A reply.", **headers: str
) -> httpx2.Response:
    sent = {name.replace("_", "-"): value for name, value in headers.items()}
    return installation.call("POST", f"{path}/replies", person.access, json={"body": text}, headers=sent)


def assert_over_quota(response: httpx2.Response) -> None:
    assert_problem(response, 429, "quota_exceeded")
    assert 3_500 < int(response.headers["retry-after"]) <= 3_600


def test_a_user_creates_as_many_tickets_in_an_hour_as_the_quota(
    limited: Installation, people: People
) -> None:
    assert [create(limited, people.user).status_code for _ in range(TICKETS_AN_HOUR)] == [201] * 4
    before = stored(limited)
    assert_over_quota(create(limited, people.user))
    assert stored(limited) == before
    assert create(limited, people.other).status_code == 201
    tickets_execute(limited, rate_limits.update().values(expires_at=LONG_AGO, blocked_until=LONG_AGO))
    assert create(limited, people.user).status_code == 201, "the hour is over"


def test_a_user_replies_as_often_in_an_hour_as_the_quota(limited: Installation, people: People) -> None:
    one, other = (f"{TICKETS}/{store_ticket(limited, people.user.id)}" for _ in range(2))
    for number in range(REPLIES_AN_HOUR - 1):
        assert reply(limited, people.user, (one, other)[number % 2]).status_code == 201
    put = {"body": "The last one."}
    assert limited.call("PUT", one, people.user.access, json=put).status_code == 200
    before = stored(limited)
    assert_over_quota(reply(limited, people.user, other))
    assert_over_quota(limited.call("PUT", other, people.user.access, json=put))
    assert limited.call("PUT", one, people.user.access, json=put).status_code == 200, "adds no reply"
    assert stored(limited) == before
    assert create(limited, people.user).status_code == 201, "tickets have a quota of their own"
    assert limited.call("PATCH", f"{one}/close", people.user.access).status_code == 200


def test_users_who_manage_tickets_have_no_quota(limited: Installation, people: People) -> None:
    path = f"{TICKETS}/{store_ticket(limited, people.user.id)}"
    for _ in range(TICKETS_AN_HOUR + 2):
        assert create(limited, people.admin).status_code == 201
    for _ in range(REPLIES_AN_HOUR + 2):
        assert reply(limited, people.admin, path).status_code == 201


def test_repeated_requests_are_counted_once_and_answered_over_the_quota(
    limited: Installation, people: People
) -> None:
    first = create(limited, people.user, "key-0")
    for _ in range(TICKETS_AN_HOUR):
        again = create(limited, people.user, "key-0")
        assert (again.status_code, again.json()["id"]) == (201, first.json()["id"])
    for number in range(1, TICKETS_AN_HOUR):
        assert create(limited, people.user, f"key-{number}").status_code == 201
    assert_over_quota(create(limited, people.user, "key-too-many"))
    assert create(limited, people.user, "key-0").headers["idempotency-replayed"] == "true"


def test_rejected_requests_are_not_counted(limited: Installation, people: People) -> None:
    own = f"{TICKETS}/{store_ticket(limited, people.user.id)}"
    foreign = f"{TICKETS}/{store_ticket(limited, people.other.id)}"
    for _ in range(REPLIES_AN_HOUR + 1):
        assert_problem(reply(limited, people.user, foreign), 404, "ticket_not_found")
        assert_problem(reply(limited, people.user, own, if_match='"9"'), 412, "precondition_failed")
        assert_problem(reply(limited, people.user, own, ""), 422, "validation_error")
    for _ in range(REPLIES_AN_HOUR):
        assert reply(limited, people.user, own).status_code == 201
    assert_over_quota(reply(limited, people.user, own))


def test_a_user_has_at_most_as_many_tickets_as_the_limit(installation: Installation, people: People) -> None:
    with reconfigured(installation, tickets_per_user=3) as limited:
        made = [open_ticket(limited, people.user) for _ in range(3)]
        assert limit_rejections(limited, "tickets-per-user") == 0
        assert_problem(create(limited, people.user), 409, "ticket_limit_reached")
        assert create(limited, people.other).status_code == 201
        assert limited.call("DELETE", path_of(made[0]), people.admin.access).status_code == 204
        assert create(limited, people.user).status_code == 201
        assert_problem(create(limited, people.user), 409, "ticket_limit_reached")
        assert limit_rejections(limited, "tickets-per-user") == 2


def test_past_the_limit_of_a_ticket_only_managers_reply(installation: Installation, people: People) -> None:
    with reconfigured(installation, replies_per_ticket=2) as limited:
        path = path_of(open_ticket(limited, people.user))
        for text in ("One.", "Two."):
            assert reply(limited, people.user, path, text).status_code == 201
        assert limit_rejections(limited, "replies-per-ticket") == 0
        assert_problem(reply(limited, people.user, path), 409, "reply_limit_reached")
        assert limit_rejections(limited, "replies-per-ticket") == 1
        again = limited.call("PUT", path, people.user.access, json={"body": "Two."})
        assert (again.status_code, again.json()["reply_count"]) == (200, 2)
        assert reply(limited, people.admin, path).status_code == 201


def test_expired_counters_are_deleted(limited: Installation, people: People) -> None:
    create(limited, people.user)
    create(limited, people.other)
    cleanup = limited.tickets_app.state.services.cleanup
    assert limited.tickets.portal is not None
    tickets_execute(limited, rate_limits.update().values(expires_at=LONG_AGO))
    create(limited, people.user)
    limited.tickets.portal.call(cleanup.run_once)
    assert len(tickets_execute(limited, rate_limits.select())) == 1
