"""Registration: the mailed code creates an account with the password of its registration."""

import uuid

import pytest

from doorward_auth.one_time_codes.codes import InvitationCode, VerificationCode
from doorward_identity.tables import pending_registrations
from integration.harness.installation import USERS, Installation
from integration.harness.people import PASSWORD, People, count_users
from integration.harness.problems import assert_problem
from integration.self_service.database_rows import count, expire_registrations, seconds_left
from integration.self_service.flows import ANOTHER, CHOSEN, Flows

ADA = "Ada.Lovelace@example.com"


def test_verification_creates_an_account_that_can_log_in(
    flows: Flows, installation: Installation, people: People
) -> None:
    before = count_users(installation)
    asked = flows.register(ADA, name="Ada Lovelace")
    assert asked.status_code == 202
    assert asked.json().keys() == {"detail"}
    assert count_users(installation) == before
    assert flows.verify(flows.code_of(ADA)).status_code == 204
    found = installation.call("GET", USERS, people.user.access, params={"q": "ada.lovelace@"}).json()["items"]
    [account] = found
    assert (account["email"], account["name"]) == (ADA, "Ada Lovelace")
    assert (account["role"], account["status"], account["email_verified"]) == ("user", "active", True)
    tokens = flows.sign_in(ADA.lower(), CHOSEN)
    assert flows.me(tokens.access).json() == account


@pytest.mark.usefixtures("people")
def test_before_verification_login_reveals_the_registration_only_to_the_right_password(flows: Flows) -> None:
    flows.register(ADA)
    assert_problem(flows.log_in(ADA, CHOSEN), 403, "email_not_verified")
    assert_problem(flows.change_by_address(ADA, CHOSEN), 403, "email_not_verified")
    assert_problem(flows.log_in(ADA, ANOTHER), 401, "invalid_credentials")
    assert_problem(flows.change_by_address(ADA, ANOTHER, CHOSEN), 401, "invalid_credentials")


def test_a_code_is_valid_once(flows: Flows, installation: Installation) -> None:
    flows.join(ADA)
    code = flows.code_of(ADA)
    assert_problem(flows.verify(code), 400, "invalid_code")
    assert count_users(installation) == 1


def test_a_code_verifies_only_its_own_registration(flows: Flows, installation: Installation) -> None:
    flows.register(ADA)
    flows.register("bob@example.com", ANOTHER)
    mine, his = (VerificationCode.parse(flows.code_of(email)) for email in (ADA, "bob@example.com"))
    assert mine is not None
    assert his is not None
    for forged in (VerificationCode(mine.id, his.secret), VerificationCode(his.id, mine.secret)):
        assert_problem(flows.verify(str(forged)), 400, "invalid_code")
    assert count_users(installation) == 0
    assert flows.verify(str(mine)).status_code == 204
    assert_problem(flows.log_in("bob@example.com", ANOTHER), 403, "email_not_verified")


def test_every_invalid_code_gets_the_same_rejection(flows: Flows) -> None:
    flows.register(ADA)
    code = flows.code_of(ADA)
    registration = VerificationCode.parse(code)
    assert registration is not None
    texts = [
        "x",
        "dwv_",
        code[:-1],
        code + "A",
        code.upper(),
        code.removeprefix("dwv_"),
        code.replace("dwv_", "dwi_"),
        code.replace("dwv_", "dwr_"),
        str(VerificationCode(registration.id, bytes(32))),
        str(VerificationCode.issue(uuid.uuid4())),
        str(InvitationCode.issue(registration.id)),
        "dwv_" + "\u0660" * 64,
        "dwv_" + "=" * 64,
        "123456",
    ]
    for text in texts:
        assert_problem(flows.verify(text), 400, "invalid_code")
    assert_problem(flows.verify(code * 2), 422, "validation_error")
    assert_problem(flows.verify(""), 422, "validation_error")
    assert flows.verify(code).status_code == 204


def test_a_code_expires_with_its_registration(flows: Flows, installation: Installation) -> None:
    flows.register(ADA)
    code = flows.code_of(ADA)
    expire_registrations(installation)
    assert_problem(flows.verify(code), 400, "invalid_code")
    assert_problem(flows.log_in(ADA, CHOSEN), 401, "invalid_credentials")
    installation.execute("DELETE FROM rate_limits")
    flows.mailbox.empty()
    assert flows.resend(ADA).status_code == 202
    assert flows.mailbox.to(ADA) == []
    flows.join(ADA, ANOTHER)


def test_a_registration_expires_after_a_day(flows: Flows, installation: Installation) -> None:
    flows.register(ADA)
    assert seconds_left(installation, pending_registrations) == 86_400


def test_resending_the_mail_replaces_the_code(flows: Flows) -> None:
    flows.register(ADA)
    first = flows.code_of(ADA)
    assert flows.resend(ADA.upper()).status_code == 202
    second = flows.code_of(ADA)
    assert first != second
    assert_problem(flows.verify(first), 400, "invalid_code")
    assert flows.verify(second).status_code == 204


def test_resending_without_a_pending_registration_sends_nothing(
    flows: Flows, installation: Installation, people: People
) -> None:
    for email in (people.user.email, "nobody@example.com", "no address at all"):
        assert flows.resend(email).status_code == 202
    assert flows.mailbox.all() == []
    assert count_users(installation) == 4


def test_resending_is_for_the_newest_registration(flows: Flows) -> None:
    flows.register(ADA, CHOSEN)
    flows.register(ADA, ANOTHER)
    flows.resend(ADA)
    assert flows.verify(flows.code_of(ADA)).status_code == 204
    flows.sign_in(ADA, ANOTHER)


@pytest.mark.parametrize("proven", [0, 1])
def test_of_two_registrations_only_the_verified_one_creates_an_account(
    flows: Flows, installation: Installation, proven: int
) -> None:
    passwords = [CHOSEN, ANOTHER]
    flows.register("ada@example.com", CHOSEN, "Stranger")
    flows.register("ADA@example.com", ANOTHER, "Ada")
    codes = [mail.code for mail in flows.mailbox.to("ada@example.com")]
    assert len(set(codes)) == 2
    assert flows.verify(codes[proven]).status_code == 204
    account = flows.joined("ada@example.com", passwords[proven])
    assert flows.me(account.access).json()["name"] == ["Stranger", "Ada"][proven]
    assert_problem(flows.log_in("ada@example.com", passwords[1 - proven]), 401, "invalid_credentials")
    assert_problem(flows.verify(codes[1 - proven]), 400, "invalid_code")
    assert count(installation, pending_registrations) == 0
    assert count_users(installation) == 1


def test_registering_a_known_address_notifies_its_owner_and_changes_nothing(
    flows: Flows, installation: Installation, people: People
) -> None:
    assert flows.register(people.user.email.upper(), CHOSEN, "Stranger").status_code == 202
    [mail] = flows.mailbox.all()
    assert mail.recipient == people.user.email
    assert mail.subject == "You have an account at Doorward"
    assert "Stranger" not in mail.raw.decode("ascii")
    assert "dwv_" not in mail.raw.decode("ascii")
    flows.resend(people.user.email)
    assert len(flows.mailbox.all()) == 1
    assert count_users(installation) == 4
    flows.sign_in(people.user.email, PASSWORD)


def test_verification_does_not_take_over_an_account_created_meanwhile(
    flows: Flows, installation: Installation, people: People
) -> None:
    flows.register(ADA, name="Stranger")
    code = flows.code_of(ADA)
    created = flows.create(people.admin.access, ADA.lower(), password=ANOTHER)
    assert created.status_code == 201
    assert_problem(flows.verify(code), 400, "invalid_code")
    assert_problem(flows.verify(code), 400, "invalid_code")
    assert flows.me(flows.sign_in(ADA, ANOTHER).access).json() == created.json()
    assert_problem(flows.log_in(ADA, CHOSEN), 401, "invalid_credentials")
    assert count_users(installation) == 5


@pytest.mark.databases("sqlite")  # these rejections do not depend on the database
@pytest.mark.parametrize(
    ("change", "pointer", "code"),
    [
        ({"password": "qz7-k!v"}, "/password", "password_too_short"),
        ({"password": "x" * 129}, "/password", "password_too_long"),
        ({"password": "password123"}, "/password", "password_common"),
        ({"password": "Ada.Lovelace!"}, "/password", "password_personal"),
        ({"password": "DOORward!"}, "/password", "password_personal"),
        ({"email": "ada@"}, "/email", "email_invalid"),
        ({"email": "ada@example.com\r\nBcc: x@example.com"}, "/email", "email_invalid"),
        ({"name": "Ada\r\nBcc: x@example.com"}, "/name", "name_not_one_line"),
        ({"name": "\u200b"}, "/name", "name_empty"),
        ({"role": "admin"}, "/role", "extra_forbidden"),
        ({"email_verified": True}, "/email_verified", "extra_forbidden"),
    ],
)
def test_invalid_registrations_are_rejected_at_once(
    flows: Flows, installation: Installation, change: dict[str, object], pointer: str, code: str
) -> None:
    body = {"email": ADA, "password": CHOSEN, "name": "Ada Lovelace", **change}
    response = installation.call("POST", "/api/v1/auth/register", json=body)
    document = assert_problem(response, 422, "validation_error")
    assert [(one["pointer"], one["code"]) for one in document["errors"]] == [(pointer, code)]
    assert str(change.get("password", "-")) not in response.text
    assert count(installation, pending_registrations) == 0
    assert flows.mailbox.all() == []
