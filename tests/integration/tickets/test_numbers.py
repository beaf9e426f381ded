"""Numbers of tickets: assigned once, found by, and given to the tickets of an earlier release."""

import asyncio
import uuid

import sqlalchemy as sa

from doorward_tickets.numbers.repository import number_batch
from doorward_tickets.tables import tickets
from integration.harness.installation import TICKETS, Installation
from integration.harness.people import People, Person
from integration.harness.problems import assert_problem
from integration.harness.tickets import open_ticket, path_of, store_ticket, tickets_execute


def numbers_found(installation: Installation, person: Person, **params: object) -> list[int]:
    response = installation.call("GET", TICKETS, person.access, params=params)
    assert response.status_code == 200, response.text
    assert response.json()["next_cursor"] is None
    return [ticket["number"] for ticket in response.json()["items"]]


def test_each_ticket_gets_the_next_number_in_every_response(
    installation: Installation, people: People
) -> None:
    first, second = (open_ticket(installation, people.user) for _ in range(2))
    assert second["number"] == first["number"] + 1
    for response in (
        installation.call("GET", path_of(second), people.user.access),
        installation.call("PATCH", f"{path_of(second)}/close", people.user.access),
    ):
        assert response.json()["number"] == second["number"]
    assert numbers_found(installation, people.user) == [second["number"], first["number"]]


def test_the_number_of_a_deleted_ticket_is_not_assigned_again(
    installation: Installation, people: People
) -> None:
    deleted = open_ticket(installation, people.user)
    assert installation.call("DELETE", path_of(deleted), people.admin.access).status_code == 204
    assert open_ticket(installation, people.user)["number"] > deleted["number"]


def test_a_ticket_is_found_by_its_number_by_those_who_may_see_it(
    installation: Installation, people: People
) -> None:
    ticket = open_ticket(installation, people.user)
    number = ticket["number"]
    assert numbers_found(installation, people.user, number=number) == [number]
    assert numbers_found(installation, people.admin, number=number) == [number]
    assert numbers_found(installation, people.other, number=number) == []
    assert numbers_found(installation, people.admin, number=number + 1) == []
    assert numbers_found(installation, people.admin, number=2**63 - 1) == []


def test_a_number_and_other_filters_must_all_match(installation: Installation, people: People) -> None:
    number = open_ticket(installation, people.user, subject="Printer")["number"]
    for matching in ({"q": "printer"}, {"status": "open"}, {"author": people.user.id}, {"sort": "priority"}):
        assert numbers_found(installation, people.admin, number=number, **matching) == [number]
    for other in ({"q": "scanner"}, {"status": "closed"}, {"author": people.other.id}):
        assert numbers_found(installation, people.admin, number=number, **other) == []


def test_a_number_that_no_ticket_can_have_is_rejected(installation: Installation, people: People) -> None:
    for number in ("0", "-1", str(2**63), "x", "1.5", "9" * 5000):
        response = installation.call("GET", TICKETS, people.user.access, params={"number": number})
        assert_problem(response, 422, "validation_error")


def test_tickets_of_an_earlier_release_are_numbered_in_the_order_of_creation(
    installation: Installation, people: People
) -> None:
    ids = [uuid.UUID(int=10**30 + place) for place in range(5)]
    for ticket_id in (ids[3], ids[1], ids[4], ids[0], ids[2]):
        store_ticket(installation, people.user.id, id=ticket_id)
    kept = open_ticket(installation, people.user)
    path = f"{TICKETS}/{ids[0]}"
    before = installation.call("GET", path, people.user.access).json()
    assert before["number"] is None

    numbering = installation.tickets_app.state.services.numbering
    assert asyncio.run(numbering.catch_up()) == len(ids)
    assert asyncio.run(numbering.catch_up()) == 0

    found = tickets_execute(
        installation, sa.select(tickets.c.number, tickets.c.version).order_by(tickets.c.id)
    )
    assert found[: len(ids)] == [(kept["number"] + place, 1) for place in range(1, len(ids) + 1)]
    after = installation.call("GET", path, people.user.access).json()
    assert after == {**before, "number": kept["number"] + 1}


def test_a_batch_leaves_the_rest_to_the_next(installation: Installation, people: People) -> None:
    for _ in range(201):
        store_ticket(installation, people.user.id)
    with installation.tickets_engine.connect() as connection:
        counts = []
        for _ in range(3):
            connection.exec_driver_sql("BEGIN")
            counts.append(number_batch(connection))
            connection.commit()
    assert counts == [200, 1, 0]
