"""Dead letters of auth: administrators list, retry and discard them."""

import time
import uuid
from pathlib import Path

from doorward_identity.schema import PACKAGE
from doorward_identity.tables import outbox, users
from integration.harness.databases import migrate_all
from integration.harness.installation import AUTH, Installation
from integration.harness.people import People, populate
from integration.harness.problems import assert_problem
from integration.self_service.database_rows import count, store_dead_letter
from integration.self_service.flows import CHOSEN, Flows
from integration.self_service.mailbox import Mailbox
from support.smtp import SmtpServer

DEAD_LETTERS = f"{AUTH}/mail/dead-letters"


def listed(installation: Installation, people: People) -> list[str]:
    """Read all pages of one mail each; return the recipients."""
    recipients: list[str] = []
    params: dict[str, str] = {"limit": "1"}
    while True:
        page = installation.call("GET", DEAD_LETTERS, people.admin.access, params=params).json()
        recipients += [item["recipient"] for item in page["items"]]
        if page["next_cursor"] is None:
            return recipients
        params["cursor"] = page["next_cursor"]


def test_dead_letters_are_listed_in_pages_newest_first(installation: Installation, people: People) -> None:
    assert listed(installation, people) == []
    mails = [store_dead_letter(installation, f"{n}@example.com", seconds_ago=60 * n) for n in (3, 1, 2)]
    assert listed(installation, people) == ["1@example.com", "2@example.com", "3@example.com"]
    [newest] = installation.call("GET", DEAD_LETTERS, people.admin.access, params={"limit": 1}).json()[
        "items"
    ]
    assert newest.keys() == {"id", "template", "recipient", "attempts", "created_at", "dead_at", "error"}
    assert newest["id"] == str(mails[1])
    assert (newest["template"], newest["attempts"]) == ("password_changed", 9)
    assert newest["error"] == "recipient 550 5.1.1"


def test_dead_letters_can_be_retried_and_discarded(
    installation: Installation, mailbox: Mailbox, people: People
) -> None:
    retried, discarded = (
        store_dead_letter(installation, email) for email in (people.user.email, people.other.email)
    )
    resent = installation.call("POST", f"{DEAD_LETTERS}/{retried}/retry", people.admin.access)
    assert (resent.status_code, resent.content) == (202, b"")
    assert [mail.recipient for mail in mailbox.all()] == [people.user.email]
    thrown = installation.call("DELETE", f"{DEAD_LETTERS}/{discarded}", people.admin.access)
    assert (thrown.status_code, thrown.content) == (204, b"")
    assert listed(installation, people) == []
    assert count(installation, outbox) == 0
    assert len(mailbox.all()) == 1


def test_unknown_dead_letters_are_not_found(installation: Installation, people: People) -> None:
    alive = store_dead_letter(installation, people.user.email)
    installation.call("POST", f"{DEAD_LETTERS}/{alive}/retry", people.admin.access)
    for mail in (alive, uuid.uuid4()):
        for method, path in (("POST", f"{DEAD_LETTERS}/{mail}/retry"), ("DELETE", f"{DEAD_LETTERS}/{mail}")):
            assert_problem(installation.call(method, path, people.admin.access), 404, "dead_letter_not_found")
    assert_problem(installation.call("DELETE", f"{DEAD_LETTERS}/x", people.admin.access), 404)


def test_dead_letters_require_an_administrator(installation: Installation, people: People) -> None:
    mail = store_dead_letter(installation, people.user.email)
    for method, path in (
        ("GET", DEAD_LETTERS),
        ("POST", f"{DEAD_LETTERS}/{mail}/retry"),
        ("DELETE", f"{DEAD_LETTERS}/{mail}"),
    ):
        assert_problem(installation.call(method, path), 401, "not_authenticated")
        assert_problem(installation.call(method, path, people.user.access), 403, "insufficient_permission")
    assert listed(installation, people) == [people.user.email]


def test_a_just_demoted_administrator_cannot_change_dead_letters(
    installation: Installation, people: People
) -> None:
    """Before the revocation list contains the token, because the transaction checks the account."""
    mail = store_dead_letter(installation, people.user.email)
    deputy = users.c.id == uuid.UUID(people.deputy.id)
    installation.execute(users.update().where(deputy).values(token_version=users.c.token_version + 1))
    for method, path in (("POST", f"{DEAD_LETTERS}/{mail}/retry"), ("DELETE", f"{DEAD_LETTERS}/{mail}")):
        assert_problem(installation.call(method, path, people.deputy.access), 401, "invalid_token")
    assert listed(installation, people) == [people.user.email]


def test_a_cursor_of_another_list_is_rejected(installation: Installation, people: People) -> None:
    for number in range(2):
        store_dead_letter(installation, f"{number}@example.com")
    cursor = installation.call("GET", DEAD_LETTERS, people.admin.access, params={"limit": 1}).json()[
        "next_cursor"
    ]
    audit = installation.call("GET", f"{AUTH}/audit", people.admin.access, params={"limit": 1}).json()
    for wrong in (cursor[:-1], "x", audit["next_cursor"]):
        response = installation.call("GET", DEAD_LETTERS, people.admin.access, params={"cursor": wrong})
        assert_problem(response, 400, "invalid_cursor")


def test_a_retried_dead_letter_arrives(tmp_path: Path, smtp: SmtpServer) -> None:
    """The whole path: registration, permanent rejection, retry by an administrator, verification."""
    url = f"sqlite:///{tmp_path}/doorward.db"
    migrate_all(url, PACKAGE)
    settings = {**smtp.settings, "mail_poll_seconds": 0.05, "mail_retry_seconds": 0.05}
    with Installation(url, **settings) as installation:
        people = populate(installation)
        flows = Flows(installation, Mailbox(installation.execute, tmp_path))
        smtp.behave(reject_at="rcpt", code=550, status="5.1.1")
        flows.register("ada@example.com")
        flows.mailbox.wait()
        [mail] = installation.call("GET", DEAD_LETTERS, people.admin.access).json()["items"]
        assert mail["template"] == "verify_email"
        assert mail["recipient"] == "ada@example.com"
        assert mail["error"] == "recipient 550 5.1.1"
        smtp.behave()
        installation.call("POST", f"{DEAD_LETTERS}/{mail['id']}/retry", people.admin.access)
        [mail] = smtp.wait_for(lambda mails: len(mails) == 1)
        code = next(line.strip() for line in mail.text().splitlines() if line.strip().startswith("dwv_"))
        assert flows.verify(code).status_code == 200
        flows.sign_in("ada@example.com", CHOSEN)
        deadline = time.monotonic() + 60
        while count(installation, outbox):
            assert time.monotonic() < deadline
            time.sleep(0.01)
