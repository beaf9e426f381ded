"""Create, read, reply, close, reopen, assign: permissions, effects, and hidden tickets."""

import uuid

import pytest

from doorward_tickets.tickets.schemas import Reply, Ticket, TicketDetail
from integration.harness.installation import TICKETS, Installation
from integration.harness.people import People
from integration.harness.problems import assert_problem, pointers
from integration.harness.tickets import TICKET, open_ticket, path_of, store_ticket, stored


def test_a_created_ticket_can_be_read(installation: Installation, people: People) -> None:
    body = {**TICKET, "priority": "high"}
    response = installation.call("POST", TICKETS, people.user.access, json=body)
    assert response.status_code == 201
    created = response.json()
    assert {name: created[name] for name in body} == body
    assert created["author"] == {"id": people.user.id, "name": "User", "deleted": False}
    assert (created["status"], created["assignee"], created["replies"]) == ("open", None, [])
    assert uuid.UUID(created["id"]).version == 7
    assert response.headers["location"] == path_of(created)
    for reader in (people.user, people.admin):
        assert installation.call("GET", path_of(created), reader.access).json() == created


def test_documents_have_the_documented_shape(installation: Installation, people: People) -> None:
    ticket = open_ticket(installation, people.user)
    reply = installation.call(
        "POST", f"{path_of(ticket)}/replies", people.admin.access, json={"body": "On our way."}
    ).json()
    patch = {"assignee_id": people.deputy.id}
    managed = installation.call("PATCH", path_of(ticket), people.admin.access, json=patch).json()
    detail = installation.call("GET", path_of(ticket), people.user.access).json()
    listed = installation.call("GET", TICKETS, people.user.access).json()["items"][0]
    for document, model in ((reply, Reply), (managed, Ticket), (listed, Ticket), (detail, TicketDetail)):
        assert model.model_validate(document).model_dump(mode="json") == document
    assert detail["replies"] == [reply]
    assert listed == managed


def test_a_ticket_of_another_user_is_not_found(installation: Installation, people: People) -> None:
    theirs = path_of(open_ticket(installation, people.other))
    nobodys = f"{TICKETS}/{uuid.uuid4()}"
    before = stored(installation)
    attempts = [
        ("GET", "", {}),
        ("GET", "/replies", {}),
        ("PUT", "", {"json": {"body": "x"}}),
        ("POST", "/replies", {"json": {"body": "x"}}),
        ("PATCH", "/close", {}),
    ]
    for method, rest, options in attempts:
        for headers in ({}, {"If-Match": '"1"'}, {"If-Match": '"7"'}, {"If-None-Match": "*"}):
            answers = [
                installation.call(method, where + rest, people.user.access, headers=headers, **options)
                for where in (theirs, nobodys)
            ]
            documents = [assert_problem(answer, 404, "ticket_not_found") for answer in answers]
            for document in documents:
                del document["request_id"]
            assert documents[0] == documents[1]
    assert stored(installation) == before


def test_administrators_assign_and_set_the_priority(installation: Installation, people: People) -> None:
    path = path_of(open_ticket(installation, people.user))

    def manage(**wanted: object) -> dict[str, object]:
        response = installation.call("PATCH", path, people.admin.access, json=wanted)
        assert response.status_code == 200, response.text
        changed: dict[str, object] = response.json()
        return changed

    assert manage(assignee_id=people.deputy.id)["assignee"] == {
        "id": people.deputy.id,
        "name": "Deputy",
        "deleted": False,
    }
    assert manage(priority="urgent")["priority"] == "urgent"
    assert manage(assignee_id=people.admin.id)["assignee"] == {
        "id": people.admin.id,
        "name": "Administrator",
        "deleted": False,
    }
    assert manage(assignee_id=None, priority="low")["assignee"] is None
    before = stored(installation)
    assert manage()["priority"] == "low"
    assert stored(installation) == before


def test_users_without_access_cannot_be_assigned(installation: Installation, people: People) -> None:
    path = path_of(open_ticket(installation, people.user))
    before = stored(installation)
    for user_id in (people.user.id, people.other.id, str(uuid.uuid4())):
        response = installation.call("PATCH", path, people.admin.access, json={"assignee_id": user_id})
        assert_problem(response, 409, "not_assignable")
    assert stored(installation) == before


def test_a_closed_ticket_cannot_be_assigned(installation: Installation, people: People) -> None:
    path = path_of(open_ticket(installation, people.user))
    installation.call("PATCH", f"{path}/close", people.user.access)
    for wanted in ({"priority": "high"}, {"assignee_id": people.deputy.id}):
        response = installation.call("PATCH", path, people.admin.access, json=wanted)
        assert_problem(response, 409, "ticket_closed")


def test_changes_with_a_stale_etag_are_rejected(installation: Installation, people: People) -> None:
    path = path_of(open_ticket(installation, people.user))
    seen = installation.call("GET", path, people.user.access).headers["etag"]
    installation.call("POST", f"{path}/replies", people.user.access, json={"body": "More."})
    before = stored(installation)
    changes = [
        ("PUT", path, {"json": {"body": "x"}}),
        ("POST", f"{path}/replies", {"json": {"body": "x"}}),
        ("PATCH", f"{path}/close", {}),
        ("PATCH", path, {"json": {"priority": "low"}}),
    ]
    for method, where, options in changes:
        for stale in (seen, '"1"', '"nonsense"', "", 'W/"2"', '"2-xyz"'):
            response = installation.call(
                method, where, people.admin.access, headers={"If-Match": stale}, **options
            )
            assert_problem(response, 412, "precondition_failed")
    assert stored(installation) == before
    for method, where, options in changes:
        current = installation.call("GET", path, people.user.access).headers["etag"]
        response = installation.call(
            method, where, people.admin.access, headers={"If-Match": current}, **options
        )
        assert response.status_code in {200, 201, 409}, response.text


def test_an_unchanged_ticket_is_304(installation: Installation, people: People) -> None:
    path = path_of(open_ticket(installation, people.user))
    first = installation.call("GET", path, people.user.access)
    headers = {"If-None-Match": first.headers["etag"]}
    assert installation.call("GET", path, people.user.access, headers=headers).status_code == 304
    installation.call("PATCH", f"{path}/close", people.user.access)
    assert installation.call("GET", path, people.user.access, headers=headers).status_code == 200


@pytest.mark.databases("sqlite")  # these rejections do not depend on the database
@pytest.mark.parametrize(
    ("member", "value"),
    [
        ("subject", ""),
        ("subject", " \u00a0"),
        ("subject", "x" * 201),
        ("subject", "a\r\nBcc: everybody@example.com"),
        ("subject", "a\nb"),
        ("subject", "\u202eabc"),
        ("subject", "\u200b"),
        ("body", ""),
        ("body", "\n \t\n"),
        ("body", "x" * 10_001),
        ("body", "a\x1b[31m"),
        ("body", "a\x7f"),
        ("priority", "root"),
        ("priority", 1),
    ],
)
def test_texts_with_control_characters_are_rejected(
    installation: Installation, people: People, member: str, value: object
) -> None:
    response = installation.call("POST", TICKETS, people.user.access, json={**TICKET, member: value})
    assert pointers(assert_problem(response, 422, "validation_error")) == {f"/{member}"}
    assert stored(installation) == []


@pytest.mark.parametrize(
    "text", ["x" * 10_000, "\U0001f525" * 10_000, "<script>alert(1)</script>", "a\n\tb", "{{7*7}} ' \" \\ --"]
)
def test_other_texts_are_stored_unchanged(installation: Installation, people: People, text: str) -> None:
    ticket = open_ticket(installation, people.user, body=text, subject=text[:200].replace("\n\t", " "))
    path = path_of(ticket)
    reply = installation.call("POST", f"{path}/replies", people.user.access, json={"body": text}).json()
    read = installation.call("GET", path, people.user.access).json()
    assert (read["body"], read["replies"][0]["body"], reply["body"]) == (text, text, text)


def test_line_endings_are_normalized(installation: Installation, people: People) -> None:
    assert open_ticket(installation, people.user, body=" a\r\nb\rc\n")["body"] == "a\nb\nc"


def test_an_unknown_author_has_no_name(installation: Installation, people: People) -> None:
    ticket = store_ticket(installation, str(uuid.uuid4()))
    read = installation.call("GET", f"{TICKETS}/{ticket}", people.admin.access).json()
    assert read["author"]["name"] is None
