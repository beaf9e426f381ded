"""The bytes that a user stores in tickets and replies: their limit, and what gives them back."""

import uuid
from collections.abc import Iterator

import httpx2
import pytest
import sqlalchemy as sa

from doorward_kit.column_types import utc_now
from doorward_tickets.tables import replies, tickets, user_storage
from integration.harness.installation import TICKETS, Installation, reconfigured
from integration.harness.people import People, Person
from integration.harness.problems import assert_problem
from integration.harness.tickets import limit_rejections, path_of, stored, tickets_execute

LIMIT = 65_536
BODY = "ü" * 10_000  # 20,000 bytes
SUBJECT = "€€"  # 6 bytes


@pytest.fixture
def limited(installation: Installation, people: People) -> Iterator[Installation]:
    """A replica with the smallest limit: three texts of 20,000 bytes fit."""
    del people
    with reconfigured(installation, ticket_bytes_per_user=LIMIT) as replica:
        yield replica


def create(installation: Installation, person: Person, body: str = BODY) -> httpx2.Response:
    sent = {"subject": SUBJECT, "body": body}
    return installation.call("POST", TICKETS, person.access, json=sent)


def reply(installation: Installation, person: Person, path: str, body: str = BODY) -> httpx2.Response:
    return installation.call("POST", f"{path}/replies", person.access, json={"body": body})


def bytes_of(installation: Installation, person: Person) -> int:
    row = user_storage.c.user_id == uuid.UUID(person.id)
    found = tickets_execute(installation, sa.select(user_storage.c.bytes).where(row))
    return found[0][0] if found else 0


def clean_up(installation: Installation) -> None:
    assert installation.tickets.portal is not None
    installation.tickets.portal.call(installation.tickets_app.state.services.cleanup.run_once)


def test_tickets_and_replies_share_one_limit_of_bytes(limited: Installation, people: People) -> None:
    path = path_of(create(limited, people.user).json())
    assert reply(limited, people.user, path).status_code == 201
    put = limited.call("PUT", path, people.user.access, json={"body": BODY + ""})
    assert put.status_code == 200, "the thread ends with it: nothing is added"
    assert bytes_of(limited, people.user) == 40_006
    assert reply(limited, people.user, path, BODY[:-1]).status_code == 201
    left = LIMIT - bytes_of(limited, people.user)
    before = stored(limited)
    assert_problem(create(limited, people.user, "a" * (left - 5)), 409, "storage_limit_reached")
    assert_problem(reply(limited, people.user, path, "a" * (left + 1)), 409, "storage_limit_reached")
    assert stored(limited) == before
    assert create(limited, people.user, "a" * (left - 6)).status_code == 201, "to the last byte"
    assert bytes_of(limited, people.user) == LIMIT
    assert limit_rejections(limited, "bytes-per-user") == 2
    assert_problem(reply(limited, people.user, path, "a"), 409, "storage_limit_reached")
    assert limit_rejections(limited, "bytes-per-user") == 3
    assert create(limited, people.other).status_code == 201


def test_answers_of_managers_are_not_counted(limited: Installation, people: People) -> None:
    path = path_of(create(limited, people.user).json())
    for _ in range(4):
        assert reply(limited, people.admin, path).status_code == 201
        assert create(limited, people.admin).status_code == 201
    assert (bytes_of(limited, people.user), bytes_of(limited, people.admin)) == (20_006, 0)


def test_a_repeated_request_costs_its_bytes_once(limited: Installation, people: People) -> None:
    body, headers = {"subject": SUBJECT, "body": BODY}, {"Idempotency-Key": "once"}
    for _ in range(4):
        answer = limited.call("POST", TICKETS, people.user.access, json=body, headers=headers)
        assert answer.status_code == 201
    assert bytes_of(limited, people.user) == 20_006


def test_deletion_gives_bytes_back(limited: Installation, people: People) -> None:
    deleted, kept = (path_of(create(limited, people.user).json()) for _ in range(2))
    assert reply(limited, people.user, deleted, "ä").status_code == 201
    assert reply(limited, people.admin, deleted).status_code == 201
    assert reply(limited, people.user, kept, "ö").status_code == 201
    assert limited.call("DELETE", deleted, people.admin.access).status_code == 204
    assert bytes_of(limited, people.user) == 20_006 + 2 + 2, "the ticket's come back with the request"
    clean_up(limited)
    assert bytes_of(limited, people.user) == 20_006 + 2
    assert bytes_of(limited, people.admin) == 0


def test_retention_gives_bytes_back(installation: Installation, people: People) -> None:
    with reconfigured(installation, ticket_retention_days=1) as limited:
        for person in (people.user, people.other, people.user):
            path = path_of(create(limited, person).json())
            assert reply(limited, person, path).status_code == 201
            assert limited.call("PATCH", f"{path}/close", person.access).status_code == 200
        path = path_of(create(limited, people.other, "stays").json())
        is_closed = tickets.c.status == "closed"
        tickets_execute(limited, tickets.update().where(is_closed).values(updated_at=utc_now(-100_000)))
        clean_up(limited)
        clean_up(limited)  # the replies of what the first has deleted
        assert (bytes_of(limited, people.user), bytes_of(limited, people.other)) == (0, 6 + 5)


def test_rows_of_an_earlier_release_are_deleted_without_giving_bytes_back(
    limited: Installation, people: People
) -> None:
    old, new = (path_of(create(limited, people.user).json()) for _ in range(2))
    assert reply(limited, people.user, old, "old").status_code == 201
    is_old = uuid.UUID(old.rsplit("/", 1)[1])
    tickets_execute(limited, tickets.update().where(tickets.c.id == is_old).values(counted_bytes=None))
    tickets_execute(limited, replies.update().values(counted_bytes=None))
    tickets_execute(limited, user_storage.update().values(bytes=20_006))  # as if only `new` had been counted
    for path in (old, new):
        assert limited.call("DELETE", path, people.admin.access).status_code == 204
        clean_up(limited)
        assert bytes_of(limited, people.user) == (20_006 if path == old else 0)
