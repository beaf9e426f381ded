"""Idempotency-Key: repeated and parallel requests are executed once."""

import uuid
from concurrent.futures import ThreadPoolExecutor
from functools import partial

import httpx2
import pytest
import sqlalchemy as sa

from doorward_tickets.tables import idempotency_keys
from integration.harness.installation import TICKETS, Installation
from integration.harness.people import People
from integration.harness.problems import assert_problem, pointers
from integration.harness.tickets import TICKET, open_ticket, path_of, stored, tickets_execute


def requests(installation: Installation, people: People) -> list[tuple[str, str, dict[str, str]]]:
    """Every request that takes a key: method, path, body."""
    path = path_of(open_ticket(installation, people.user))
    return [
        ("POST", TICKETS, dict(TICKET)),
        ("POST", f"{path}/replies", {"body": "Once."}),
        ("PUT", path, {"body": "Once, by PUT."}),
    ]


def send(
    installation: Installation, token: str, request: tuple[str, str, dict[str, str]], key: str, **changes: str
) -> httpx2.Response:
    method, path, body = request
    headers = {"Idempotency-Key": key}
    return installation.call(method, path, token, headers=headers, json={**body, **changes})


@pytest.mark.parametrize("which", range(3))
def test_a_repeated_request_gets_the_same_response(
    installation: Installation, people: People, which: int
) -> None:
    request = requests(installation, people)[which]
    first = send(installation, people.user.access, request, "key-1")
    assert first.status_code in {200, 201}, first.text
    before = stored(installation)
    path = path_of(first.json()) if which == 0 else request[1].removesuffix("/replies")
    installation.call("PATCH", f"{path}/close", people.admin.access)
    closed = stored(installation)
    assert closed != before
    for _ in range(2):
        again = send(installation, people.user.access, request, "key-1")
        assert (again.status_code, again.content) == (first.status_code, first.content)
        for header in ("etag", "location", "content-type"):
            assert again.headers.get(header) == first.headers.get(header)
        assert again.headers["idempotency-replayed"] == "true"
    assert "idempotency-replayed" not in first.headers
    assert stored(installation) == closed


@pytest.mark.parametrize("which", range(3))
def test_twenty_parallel_requests_with_one_key_create_one_ticket(
    installation: Installation, people: People, which: int
) -> None:
    request = requests(installation, people)[which]
    before = len(stored(installation))
    key = uuid.uuid4().hex
    with ThreadPoolExecutor(20) as threads:
        answers = list(threads.map(lambda _: send(installation, people.user.access, request, key), range(20)))
    assert len({(answer.status_code, answer.content) for answer in answers}) == 1, answers[0].text
    assert sum("idempotency-replayed" not in answer.headers for answer in answers) == 1
    assert len(stored(installation)) == before + 1


@pytest.mark.parametrize("which", range(3))
def test_a_key_of_another_request_is_rejected(installation: Installation, people: People, which: int) -> None:
    every = requests(installation, people)
    assert send(installation, people.user.access, every[which], "one").status_code in {200, 201}
    before = stored(installation)
    again = partial(send, installation, people.user.access)
    assert_problem(again(every[which], "one", body="Another text."), 422, "idempotency_key_reused")
    for other in (every[which - 1], every[which - 2]):
        assert_problem(again(other, "one"), 422, "idempotency_key_reused")
    assert stored(installation) == before


def test_keys_are_separate_for_each_caller(installation: Installation, people: People) -> None:
    request = ("POST", TICKETS, dict(TICKET))
    made = {
        send(installation, one.access, request, "same").json()["id"]
        for one in (people.user, people.other, people.admin)
    }
    assert len(made) == 3


def test_a_rejected_request_does_not_use_its_key(installation: Installation, people: People) -> None:
    theirs = path_of(open_ticket(installation, people.other))
    request = ("POST", f"{theirs}/replies", {"body": "x"})
    assert_problem(send(installation, people.user.access, request, "key"), 404, "ticket_not_found")
    assert tickets_execute(installation, sa.select(idempotency_keys)) == []
    assert send(installation, people.user.access, ("POST", TICKETS, dict(TICKET)), "key").status_code == 201


def test_an_expired_key_is_ignored_and_deleted(installation: Installation, people: People) -> None:
    request = ("POST", TICKETS, dict(TICKET))
    first, kept = (send(installation, people.user.access, request, key).json() for key in ("old", "new"))
    age = sa.update(idempotency_keys).values(expires_at=idempotency_keys.c.expires_at)
    owner = uuid.UUID(people.user.id)
    (oldest, *_) = tickets_execute(
        installation, sa.select(idempotency_keys.c.key_hash).order_by(idempotency_keys.c.expires_at)
    )
    long_ago = sa.text("'2020-01-01 00:00:00.000000'")
    past = age.where(idempotency_keys.c.caller_id == owner, idempotency_keys.c.key_hash == oldest[0]).values(
        expires_at=long_ago
    )
    tickets_execute(installation, past)
    again = send(installation, people.user.access, request, "old").json()
    assert again["id"] != first["id"]
    assert send(installation, people.user.access, request, "old").json() == again
    tickets_execute(installation, past)
    assert clean_up(installation) == 1
    assert len(tickets_execute(installation, sa.select(idempotency_keys))) == 1
    assert send(installation, people.user.access, request, "new").json() == kept


def clean_up(installation: Installation) -> int:
    keys = installation.tickets_app.state.services.idempotency_keys
    with installation.tickets_engine.connect() as connection:
        return int(keys.purge(connection, count=100))


@pytest.mark.parametrize("key", ["", " ", "a b", "é", "x" * 256, "a\tb"])
def test_an_invalid_key_is_rejected(installation: Installation, people: People, key: str) -> None:
    response = send(installation, people.user.access, ("POST", TICKETS, dict(TICKET)), key)
    assert pointers(assert_problem(response, 422, "validation_error")) == {"header:idempotency-key"}
    assert stored(installation) == []
