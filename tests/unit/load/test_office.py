"""Whom a run makes, it removes; whom it has not made, it leaves alone."""

from typing import Any

import pytest

from load.office import Office, is_ours
from load.people import People
from load.wire import Answer, LoadError, Request
from unit.load.wires import Wire, refusal, session_on, tokens

OURS = {"id": "7", "email": "load-0a1b2c3d-7@example.com", "name": "Load test 0a1b2c3d 7"}


def page(*users: dict[str, Any], cursor: str | None = None) -> Answer:
    return Answer(200, body={"items": list(users), "next_cursor": cursor})


def office_on(wire: Wire, *answers: Answer) -> Office:
    return Office(session_on(wire, [tokens(1), *answers]), "example.com", sleep=wire.sleep)


@pytest.mark.parametrize(
    "changed",
    [
        {"email": "load-balancer@example.com"},
        {"email": "load-0a1b2c3d-7@example.org"},
        {"email": "load-0a1b2c3d-7@example.community"},
        {"email": "load-0a1b2c3-7@example.com"},
        {"email": "x-load-0a1b2c3d-7@example.com"},
        {"email": "load-0a1b2c3d-7@examplexcom"},
        {"name": "Ada Lovelace"},
    ],
)
def test_it_knows_its_own(changed: dict[str, str]) -> None:
    assert is_ours(OURS, "example.com")
    assert not is_ours({**OURS, **changed}, "example.com")


def test_it_removes_its_own_on_every_page_and_looks_again() -> None:
    wire = Wire()
    other = {"id": "9", "email": "load-balancer@example.com", "name": "Load Balancer"}
    late = {**OURS, "id": "8", "email": "load-0a1b2c3d-8@example.com"}
    office = office_on(
        wire,
        *(page(other, cursor="next"), page(OURS), Answer(204)),
        *(page(other, late), Answer(404)),
        page(other),
    )
    assert office.remove() == 1, "who was gone already is not counted"
    deleted = [request.path for request in wire.sent if request.method == "DELETE"]
    assert deleted == ["/api/v1/users/7", "/api/v1/users/8"]
    assert "cursor=next" in wire.sent[2].path


def test_it_is_patient_with_limits_outages_and_lost_answers() -> None:
    wire = Wire()
    office = office_on(wire, refusal(429, "too_many_requests", 9), Answer(502), Answer(0), page())
    assert office.remove() == 0
    assert wire.slept == [9, 1, 1]


def test_it_says_whom_it_could_not_remove() -> None:
    with pytest.raises(LoadError, match=r"load-0a1b2c3d-7@example\.com could not be removed: 403 nope"):
        office_on(Wire(), page(OURS), Answer(403, body={"code": "nope"})).remove()


def test_it_does_not_go_on_for_ever() -> None:
    with pytest.raises(LoadError, match="there are still people"):
        office_on(Wire(), *[page(OURS), Answer(204)] * 5).remove()


def test_people_are_named_after_their_run_and_taken_in_turn() -> None:
    wire = Wire()
    people = People(office_on(wire))

    def created(request: Request) -> Answer:
        assert request.body is not None
        assert is_ours({"email": request.body["email"], "name": request.body["name"]}, "example.com")
        return Answer(201, body={"id": request.body["email"]})

    wire.answers.extend([created, created])
    people.create(2)
    taken = [people.take() for _ in range(3)]
    assert [person.email for person in taken] == [f"load-{people.run}-{n}@example.com" for n in (0, 1, 0)]
    assert taken[0] is not taken[2], "the same person, with another device"
    assert len({person.password for person in taken}) == 2
    assert people.somebody().email in {taken[0].email, taken[1].email}


def test_who_cannot_be_made_ends_it() -> None:
    people = People(office_on(Wire(), Answer(403, body={"code": "insufficient_permission"})))
    with pytest.raises(
        LoadError, match="could not be created as an administrator: 403 insufficient_permission"
    ):
        people.create(1)


def test_nobody_is_too_few() -> None:
    with pytest.raises(LoadError, match="0 people are too few"):
        People(office_on(Wire())).create(0)


@pytest.mark.parametrize("readable", [True, False])
def test_one_is_tried_out_before_all_of_them_come(*, readable: bool) -> None:
    office, theirs = Wire(), Wire()
    people = People(office_on(office, Answer(201, body={"id": "1"})))
    people.create(1)
    forbidden = Answer(403, body={"code": "insufficient_permission"})
    theirs.answers.extend([tokens(1), page() if readable else forbidden, Answer(204)])
    assert people.try_out(theirs) is readable
    assert theirs.routes()[-1] == "POST /api/v1/auth/logout"


def test_whoever_was_made_and_cannot_sign_in_is_a_reason_not_to_begin() -> None:
    office, theirs = Wire(), Wire()
    people = People(office_on(office, Answer(201, body={"id": "1"})))
    people.create(1)
    theirs.answers.append(Answer(403, body={"code": "password_change_required"}))
    with pytest.raises(LoadError, match="was made and cannot sign in: 403 password_change_required"):
        people.try_out(theirs)
