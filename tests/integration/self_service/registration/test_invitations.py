"""Invitations: an administrator creates the account, and its owner chooses the first password."""

import uuid
from collections.abc import Callable

import httpx2
import pytest

from doorward_auth.one_time_codes.codes import InvitationCode, VerificationCode
from doorward_identity.tables import one_time_codes
from doorward_kit.column_types import utc_now
from integration.harness.installation import USERS, Installation
from integration.harness.people import People
from integration.harness.problems import assert_problem, assert_rejected
from integration.self_service.database_rows import expire_codes, seconds_left
from integration.self_service.flows import ANOTHER, CHOSEN, Flows

BOB = "bob@example.com"

REMINDERS: dict[str, Callable[[Flows, str], httpx2.Response]] = {
    "register": lambda flows, email: flows.register(email, ANOTHER, "Stranger"),
    "mail once more": lambda flows, email: flows.resend(email),
    "reset": lambda flows, email: flows.ask_for_reset(email),
}
"""Requests that only the owner of the address may send, and requests that anyone may send."""

EXPIRED = "Your invitation to Doorward has expired"

reminders = pytest.mark.parametrize("ask", [pytest.param(ask, id=name) for name, ask in REMINDERS.items()])


def patch(installation: Installation, people: People, user_id: str, **change: str) -> None:
    response = installation.call("PATCH", f"{USERS}/{user_id}", people.admin.access, json=change)
    assert response.status_code == 200, response.text


def is_verified(installation: Installation, people: People, user_id: str) -> bool:
    user = installation.call("GET", f"{USERS}/{user_id}", people.admin.access).json()
    return bool(user["email_verified"])


def test_an_invited_user_exists_and_joins_with_the_code(
    flows: Flows, installation: Installation, people: People
) -> None:
    created = flows.create(people.admin.access, BOB, name="Bob", role="admin")
    assert created.status_code == 201
    bob = created.json()
    assert (bob["role"], bob["status"], bob["email_verified"]) == ("admin", "active", False)
    read = installation.call("GET", created.headers["location"], people.admin.access)
    assert {**read.json(), "warnings": []} == bob
    assert_problem(flows.log_in(BOB, CHOSEN), 401, "invalid_credentials")
    assert flows.accept(flows.code_of(BOB)).status_code == 200
    tokens = flows.sign_in(BOB, CHOSEN)
    me = flows.me(tokens.access)
    assert (me.json()["id"], me.json()["email_verified"], me.json()["role"]) == (bob["id"], True, "admin")
    assert me.headers["etag"] != read.headers["etag"]


def test_an_invitation_is_accepted_once(flows: Flows, people: People) -> None:
    _, code = flows.invited(people.admin.access, BOB)
    assert flows.accept(code, CHOSEN).status_code == 200
    assert_problem(flows.accept(code, ANOTHER), 400, "invalid_code")
    flows.sign_in(BOB, CHOSEN)
    assert_problem(flows.log_in(BOB, ANOTHER), 401, "invalid_credentials")


def test_another_invitation_extends_the_one_before(
    flows: Flows, installation: Installation, people: People
) -> None:
    """All mails carry the same code while it is valid, so the code of any mail works."""
    bob, first = flows.invited(people.admin.access, BOB)
    installation.execute(one_time_codes.update().values(expires_at=utc_now(120)))
    again = flows.invite_again(people.admin.access, bob)
    assert (again.status_code, again.content) == (202, b"")
    assert flows.code_of(BOB) == first
    assert len(flows.mailbox.mails_to(BOB)) == 2
    assert seconds_left(installation, one_time_codes) == 7 * 86_400
    assert flows.accept(first).status_code == 200


def test_a_user_who_has_joined_cannot_be_invited(flows: Flows, people: People) -> None:
    bob, code = flows.invited(people.admin.access, BOB)
    flows.accept(code)
    flows.mailbox.empty()
    for user_id in (bob, people.user.id, people.admin.id):
        assert_problem(flows.invite_again(people.admin.access, user_id), 409, "already_joined")
    assert_problem(flows.invite_again(people.admin.access, str(uuid.uuid4())), 404, "user_not_found")
    assert_problem(flows.invite_again(people.user.access, bob), 403, "insufficient_permission")
    assert flows.mailbox.all() == []


def test_an_invitation_expires_after_a_week(flows: Flows, installation: Installation, people: People) -> None:
    bob, code = flows.invited(people.admin.access, BOB)
    assert seconds_left(installation, one_time_codes) == 7 * 86_400
    assert "It is valid for 7 days." in flows.mailbox.last_to(BOB).text
    expire_codes(installation)
    assert_problem(flows.accept(code), 400, "invalid_code")
    flows.invite_again(people.admin.access, bob)
    assert flows.code_of(BOB) != code
    assert_problem(flows.accept(code), 400, "invalid_code")
    assert flows.accept(flows.code_of(BOB)).status_code == 200


def test_a_disabled_account_cannot_accept_its_invitation(
    flows: Flows, installation: Installation, people: People
) -> None:
    bob, code = flows.invited(people.admin.access, BOB)
    patch(installation, people, bob, status="disabled")
    assert_problem(flows.accept(code), 400, "invalid_code")
    flows.mailbox.empty()
    flows.invite_again(people.admin.access, bob)
    assert flows.mailbox.all() == []
    patch(installation, people, bob, status="active")
    assert flows.accept(code).status_code == 200


def test_a_deleted_account_cannot_accept_its_invitation(
    flows: Flows, installation: Installation, people: People
) -> None:
    bob, code = flows.invited(people.admin.access, BOB)
    assert installation.call("DELETE", f"{USERS}/{bob}", people.admin.access).status_code == 204
    assert_problem(flows.accept(code), 400, "invalid_code")
    created = flows.create(people.admin.access, BOB).json()
    assert_problem(flows.accept(code), 400, "invalid_code")
    assert created["id"] != bob


def test_a_code_of_another_user_or_purpose_is_rejected(flows: Flows, people: People) -> None:
    bob, code = flows.invited(people.admin.access, BOB)
    _, eves = flows.invited(people.admin.access, "eve@example.com")
    flows.register("carol@example.com")
    carols = flows.code_of("carol@example.com")
    mine, hers = InvitationCode.parse(code), InvitationCode.parse(eves)
    assert mine is not None
    assert hers is not None
    assert_problem(flows.accept(str(InvitationCode(mine.id, hers.secret))), 400, "invalid_code")
    for wrong in (carols, code.replace("dwi_", "dwv_"), carols.replace("dwv_", "dwi_"), "x", code[:-1]):
        assert_problem(flows.accept(wrong), 400, "invalid_code")
    assert_problem(flows.verify(code), 400, "invalid_code")
    assert_problem(flows.verify(str(VerificationCode(mine.id, mine.secret))), 400, "invalid_code")
    assert flows.accept(code).status_code == 200
    assert uuid.UUID(bob) == mine.id


def test_wrong_codes_do_not_use_up_an_invitation(flows: Flows, people: People) -> None:
    """All users can read ids in the directory; a secret of 256 bits needs no limit on guesses."""
    bob, code = flows.invited(people.admin.access, BOB)
    for _ in range(7):
        assert_problem(flows.accept(str(InvitationCode.issue(uuid.UUID(bob)))), 400, "invalid_code")
    assert flows.accept(code).status_code == 200


@pytest.mark.databases("sqlite")  # these rejections do not depend on the database
@pytest.mark.parametrize(
    ("password", "code"),
    [
        ("bob@example.com", "password_personal"),
        ("Bob-Builder1", "password_personal"),
        ("qwertyuiop", "password_common"),
        ("qz7-k!v", "password_too_short"),
    ],
)
def test_a_rejected_password_keeps_the_code_valid(
    flows: Flows, people: People, password: str, code: str
) -> None:
    _, invitation = flows.invited(people.admin.access, BOB, name="Bob Builder")
    for _ in range(6):
        document = assert_problem(flows.accept(invitation, password), 422, "validation_error")
        assert [(error["pointer"], error["code"]) for error in document["errors"]] == [("/password", code)]
    assert flows.accept(invitation).status_code == 200


def test_an_invited_user_can_log_in_with_a_password_set_by_an_administrator(
    flows: Flows, installation: Installation, people: People
) -> None:
    """A password set by an administrator replaces a lost invitation."""
    bob, _ = flows.invited(people.admin.access, BOB)
    patch(installation, people, bob, password=ANOTHER)
    flows.sign_in(BOB, ANOTHER)
    assert is_verified(installation, people, bob)


def test_an_invitation_cannot_replace_an_existing_password(
    flows: Flows, installation: Installation, people: People
) -> None:
    bob, code = flows.invited(people.admin.access, BOB)
    patch(installation, people, bob, password=ANOTHER)
    assert_problem(flows.accept(code, CHOSEN), 400, "invalid_code")
    assert_problem(flows.log_in(BOB, CHOSEN), 401, "invalid_credentials")


def test_an_invitation_verifies_the_address_that_it_was_mailed_to(
    flows: Flows, installation: Installation, people: People
) -> None:
    """An administrator corrects a mistyped address: the recipient of the first mail gets no access."""
    bob, code = flows.invited(people.admin.access, "rob@example.com")
    patch(installation, people, bob, email=BOB)
    assert_problem(flows.accept(code), 400, "invalid_code")
    assert not is_verified(installation, people, bob)
    assert flows.accept(flows.code_of(BOB)).status_code == 200
    assert is_verified(installation, people, bob)


def test_registering_the_address_of_an_invitation_keeps_the_invitation(flows: Flows, people: People) -> None:
    _, code = flows.invited(people.admin.access, BOB)
    flows.register(BOB, ANOTHER, "Stranger")
    assert flows.code_of(BOB) == code
    assert flows.accept(code, CHOSEN).status_code == 200
    assert_rejected(flows.log_in(BOB, ANOTHER), 401, 403)  # it contains only its own password
    flows.sign_in(BOB, CHOSEN)


@reminders
def test_a_reminder_carries_the_same_invitation_and_does_not_extend_it(
    flows: Flows,
    installation: Installation,
    people: People,
    ask: Callable[[Flows, str], httpx2.Response],
) -> None:
    """Anyone can ask for a code, so repeated requests must not extend an invitation."""
    _, code = flows.invited(people.admin.access, BOB, name="Bob")
    installation.execute(one_time_codes.update().values(expires_at=utc_now(600)))
    flows.mailbox.empty()
    assert ask(flows, BOB.upper()).status_code == 202
    [mail] = flows.mailbox.all()
    assert (mail.recipient, mail.code) == (BOB, code)
    assert "Bob" not in mail.text
    assert seconds_left(installation, one_time_codes) == 600
    assert flows.accept(code).status_code == 200


@reminders
def test_an_expired_invitation_is_reported_and_gives_no_access(
    flows: Flows,
    installation: Installation,
    people: People,
    ask: Callable[[Flows, str], httpx2.Response],
) -> None:
    bob, code = flows.invited(people.admin.access, BOB, name="Bob")
    expire_codes(installation)
    flows.mailbox.empty()
    assert ask(flows, BOB).status_code == 202
    [mail] = flows.mailbox.all()
    assert (mail.recipient, mail.subject) == (BOB, EXPIRED)
    assert "dwi_" not in mail.text
    assert_problem(flows.accept(code), 400, "invalid_code")
    assert not is_verified(installation, people, bob)


def test_an_invitation_is_no_code_of_a_reset(flows: Flows, people: People) -> None:
    _, code = flows.invited(people.admin.access, BOB)
    flows.ask_for_reset(BOB)
    for text in (code, code.replace("dwi_", "dwc_"), "123456"):
        assert_problem(flows.reset(BOB, text), 400, "invalid_code")
    assert flows.accept(code).status_code == 200
