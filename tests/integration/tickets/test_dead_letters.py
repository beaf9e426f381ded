"""Dead letters about tickets: administrators list, retry and discard them."""

import uuid
from typing import Any

import pytest
import sqlalchemy as sa
from structlog.testing import capture_logs

from doorward_identity.tables import outbox as accounts_outbox
from doorward_identity.tables import users
from doorward_kit.column_types import utc_now
from doorward_mail.outbox.mail import Mail, enqueue
from doorward_tickets.notifications.repository import NotificationType
from doorward_tickets.tables import outbox, pending_notifications
from integration.harness.installation import AUTH, TICKETS, Installation
from integration.harness.people import People
from integration.harness.problems import assert_problem
from integration.harness.tickets import store_ticket
from integration.self_service.database_rows import store_dead_letter
from integration.tickets.test_people import users_answering

DEAD_LETTERS = f"{TICKETS}/mail/dead-letters"


def store_ticket_dead_letter(
    installation: Installation, person_id: str, *, seconds_ago: int = 0
) -> uuid.UUID:
    """Store a dead letter, like a worker after a permanent rejection."""
    ticket_id = uuid.UUID(store_ticket(installation, person_id))
    person = uuid.UUID(person_id)
    parameters = {"ticket_id": ticket_id.hex, "user_id": person.hex}
    mail = Mail(NotificationType.REPLIED.value, None, parameters=parameters)
    with installation.tickets_engine.connect() as connection:
        connection.exec_driver_sql("BEGIN")
        enqueue(connection, outbox, mail)
        notice = {"ticket_id": ticket_id, "user_id": person, "type": mail.template, "after_reply_number": 0}
        newest = {"mail_id": mail.id, "due_at": utc_now()}
        connection.execute(pending_notifications.insert().values({**notice, **newest}))
        connection.execute(
            outbox.update()
            .where(outbox.c.id == mail.id)
            .values(due_at=None, dead_at=utc_now(-seconds_ago), attempts=9, last_error="recipient 550 5.1.1")
        )
        connection.commit()
    return mail.id


def stored(installation: Installation) -> list[sa.Row[Any]]:
    """Return the rows of the outbox."""
    with installation.tickets_engine.connect() as connection:
        return list(connection.execute(outbox.select().order_by(outbox.c.id)))


def dead_letters(installation: Installation, people: People) -> list[dict[str, Any]]:
    """Return all dead letters, read in pages of one each."""
    found: list[dict[str, Any]] = []
    params: dict[str, str] = {"limit": "1"}
    while True:
        response = installation.call("GET", DEAD_LETTERS, people.admin.access, params=params)
        assert response.status_code == 200, response.text
        found += response.json()["items"]
        if response.json()["next_cursor"] is None:
            return found
        params["cursor"] = response.json()["next_cursor"]


def changes(mail: object) -> tuple[tuple[str, str], ...]:
    return ("POST", f"{DEAD_LETTERS}/{mail}/retry"), ("DELETE", f"{DEAD_LETTERS}/{mail}")


def test_dead_letters_are_listed_in_pages_newest_first(installation: Installation, people: People) -> None:
    assert dead_letters(installation, people) == []
    mails = {n: store_ticket_dead_letter(installation, people.user.id, seconds_ago=60 * n) for n in (3, 1, 2)}
    found = dead_letters(installation, people)
    assert [letter["id"] for letter in found] == [str(mails[n]) for n in (1, 2, 3)]
    newest = found[0]
    assert newest.keys() == {
        "id", "template", "recipient", "attempts", "created_at", "dead_at", "error", "ticket_id", "user_id",
    }  # fmt: skip
    assert (newest["template"], newest["attempts"]) == ("ticket_replied", 9)
    assert newest["error"] == "recipient 550 5.1.1"
    assert (newest["recipient"], newest["user_id"]) == (None, people.user.id)


def test_discarding_one_dead_letter_keeps_the_other(installation: Installation, people: People) -> None:
    discarded, kept = (store_ticket_dead_letter(installation, people.user.id) for _ in range(2))
    thrown = installation.call("DELETE", f"{DEAD_LETTERS}/{discarded}", people.admin.access)
    assert (thrown.status_code, thrown.content) == (204, b"")
    assert [letter["id"] for letter in dead_letters(installation, people)] == [str(kept)]
    assert len(stored(installation)) == 1


def test_unknown_dead_letters_are_not_found(installation: Installation, people: People) -> None:
    alive, elsewhere = (
        store_ticket_dead_letter(installation, people.user.id),
        store_dead_letter(installation, people.user.email),
    )
    resent = installation.call("POST", f"{DEAD_LETTERS}/{alive}/retry", people.admin.access)
    assert (resent.status_code, resent.content) == (202, b"")
    for mail in (alive, elsewhere, uuid.uuid4()):
        for method, path in changes(mail):
            assert_problem(installation.call(method, path, people.admin.access), 404, "dead_letter_not_found")
    assert len(installation.execute(accounts_outbox.select())) == 1


def test_ticket_ids_and_mail_ids_are_not_interchangeable(installation: Installation, people: People) -> None:
    """The routes share a prefix: a malformed id of either is not found and changes nothing."""
    mail, ticket = (
        store_ticket_dead_letter(installation, people.user.id),
        store_ticket(installation, people.user.id),
    )
    admin = people.admin.access
    for method, path in (
        *changes("x"),
        *changes("mute"),
        ("GET", f"{TICKETS}/x"),
        ("GET", f"{DEAD_LETTERS}/"),
    ):
        assert_problem(installation.call(method, path, admin), 404, "not_found")
    assert_problem(installation.call("PUT", f"{TICKETS}/mail", admin, json={"body": "x"}), 404, "not_found")
    for method, path in (("PUT", DEAD_LETTERS), ("PATCH", f"{DEAD_LETTERS}/{mail}")):
        assert_problem(installation.call(method, path, admin), 405, "method_not_allowed")
    for method, path in changes(ticket):
        assert_problem(installation.call(method, path, admin), 404, "dead_letter_not_found")
    assert_problem(installation.call("GET", f"{TICKETS}/{mail}", admin), 404, "ticket_not_found")
    assert installation.call("GET", f"{TICKETS}/{ticket}", admin).status_code == 200
    assert len(dead_letters(installation, people)) == 1


def test_dead_letters_require_an_administrator(installation: Installation, people: People) -> None:
    mail = store_ticket_dead_letter(installation, people.user.id)
    for method, path in (("GET", DEAD_LETTERS), *changes(mail)):
        assert_problem(installation.call(method, path), 401, "not_authenticated")
        # The recipient may not read it either.
        assert_problem(installation.call(method, path, people.user.access), 403, "insufficient_permission")
    assert [letter["id"] for letter in dead_letters(installation, people)] == [str(mail)]


@pytest.mark.parametrize("fall", [{"role": "user"}, {"status": "disabled"}])
def test_a_just_demoted_administrator_cannot_change_dead_letters(
    installation: Installation, people: People, fall: dict[str, str]
) -> None:
    """Before the revocation list contains the token, because the directory is checked."""
    mail = store_ticket_dead_letter(installation, people.user.id)
    before = stored(installation)
    deputy = users.c.id == uuid.UUID(people.deputy.id)
    installation.execute(users.update().where(deputy).values(**fall))
    for method, path in changes(mail):
        assert_problem(installation.call(method, path, people.deputy.access), 401, "invalid_token")
    assert stored(installation) == before


def test_a_cursor_of_another_list_is_rejected(installation: Installation, people: People) -> None:
    for number in range(2):
        store_ticket_dead_letter(installation, people.user.id)
        store_dead_letter(installation, f"{number}@example.com")
        store_ticket(installation, people.user.id)

    def cursor(path: str) -> str:
        page = installation.call("GET", path, people.admin.access, params={"limit": 1}).json()
        found: str = page["next_cursor"]
        return found

    # The list of auth signs its cursors with the same secret.
    for wrong in (cursor(DEAD_LETTERS)[:-1], "x", cursor(TICKETS), cursor(f"{AUTH}/mail/dead-letters")):
        response = installation.call("GET", DEAD_LETTERS, people.admin.access, params={"cursor": wrong})
        assert_problem(response, 400, "invalid_cursor")


def test_the_log_names_the_administrator(installation: Installation, people: People) -> None:
    retried, discarded = (store_ticket_dead_letter(installation, people.user.id) for _ in range(2))
    with capture_logs() as entries:
        installation.call("POST", f"{DEAD_LETTERS}/{retried}/retry", people.admin.access)
        installation.call(
            "DELETE", f"{DEAD_LETTERS}/{retried}", people.admin.access
        )  # rejected, because it is in the outbox
        installation.call("DELETE", f"{DEAD_LETTERS}/{discarded}", people.deputy.access)
    decided = [entry for entry in entries if entry["event"].startswith("mail.")]
    assert [(entry["event"], entry["actor_id"], entry["mail"]) for entry in decided] == [
        ("mail.retried", people.admin.id, str(retried)),
        ("mail.discarded", people.deputy.id, str(discarded)),
    ]


def test_without_the_users_service_the_role_of_the_token_decides(
    installation: Installation, people: People
) -> None:
    mail = store_ticket_dead_letter(installation, people.user.id)
    with users_answering(installation, 0):
        answer = installation.call("DELETE", f"{DEAD_LETTERS}/{mail}", people.admin.access)
    assert answer.status_code == 204
    assert stored(installation) == []
