"""Registration: the reader of the address's mail gets an account, with a password of their own."""

import uuid

import pytest

from doorward_auth.one_time_codes.codes import InvitationCode, VerificationCode
from doorward_auth.rate_limiting.limits import CODES_BY_SOURCE, RESET_MAILS
from doorward_auth.registration.repository import RegistrationToken
from doorward_identity.passwords import PasswordHashing
from doorward_identity.tables import pending_registrations, registration_codes
from doorward_kit.column_types import utc_now
from doorward_kit.executors import OverloadedError
from doorward_kit.recent_jobs import Charge
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
    assert asked.json().keys() == {"detail", "registration_token"}
    assert count_users(installation) == before
    assert flows.verify_registered(flows.code_of(ADA), asked).status_code == 200
    found = installation.call("GET", USERS, people.admin.access, params={"q": "ada.lovelace@"}).json()
    [account] = found["items"]
    assert (account["email"], account["name"]) == (ADA, "Ada Lovelace")
    assert (account["role"], account["status"], account["email_verified"]) == ("user", "active", True)
    tokens = flows.sign_in(ADA.lower(), CHOSEN)
    assert flows.me(tokens.access).json() == account


@pytest.mark.usefixtures("people")
def test_before_the_code_no_password_opens_anything(flows: Flows) -> None:
    flows.register(ADA)
    for password in (CHOSEN, ANOTHER):
        assert_problem(flows.log_in(ADA, password), 401, "invalid_credentials")
        assert_problem(flows.change_by_address(ADA, password, "yet another"), 401, "invalid_credentials")


def test_a_code_is_valid_once(flows: Flows, installation: Installation) -> None:
    flows.join(ADA)
    code = flows.code_of(ADA)
    assert_problem(flows.verify(code), 400, "invalid_code")
    assert count_users(installation) == 1


def test_a_code_proves_its_own_address_alone(flows: Flows, installation: Installation) -> None:
    flows.register(ADA)
    flows.register("bob@example.com", ANOTHER)
    mine, his = (VerificationCode.parse(flows.code_of(email)) for email in (ADA, "bob@example.com"))
    assert mine is not None
    assert his is not None
    for forged in (VerificationCode(mine.id, his.secret), VerificationCode(his.id, mine.secret)):
        assert_problem(flows.verify(str(forged)), 400, "invalid_code")
    assert count_users(installation) == 0
    assert flows.verify(str(mine)).status_code == 200
    assert count_users(installation) == 1
    assert_problem(flows.log_in("bob@example.com", ANOTHER), 401, "invalid_credentials")


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
    assert flows.verify(code).status_code == 200


def test_a_code_expires(flows: Flows, installation: Installation) -> None:
    registered = flows.register(ADA)
    code = flows.code_of(ADA)
    expire_registrations(installation)
    assert_problem(flows.verify(code), 400, "invalid_code")
    assert flows.resend(ADA).status_code == 202
    fresh = flows.code_of(ADA)
    assert fresh != code
    assert_problem(flows.verify(code), 400, "invalid_code")
    assert_problem(flows.verify_registered(fresh, registered), 422, "password_required")
    assert flows.verify(fresh, ANOTHER).status_code == 200
    flows.sign_in(ADA, ANOTHER)


def test_a_registration_expires_after_a_day(flows: Flows, installation: Installation) -> None:
    flows.register(ADA)
    flows.mailbox.wait()
    assert seconds_left(installation, pending_registrations) == 86_400
    assert seconds_left(installation, registration_codes) == 86_400


def test_every_mail_of_an_address_carries_one_code_and_extends_it(
    flows: Flows, installation: Installation
) -> None:
    flows.register(ADA)
    first = flows.code_of(ADA)
    soon = registration_codes.update().values(expires_at=utc_now(120))
    for ask in (flows.resend, lambda email: flows.register(email, ANOTHER, "Stranger")):
        installation.execute(soon)
        assert ask(ADA.upper()).status_code == 202
        assert flows.code_of(ADA) == first
        assert seconds_left(installation, registration_codes) == 86_400
    assert [mail.code for mail in flows.mailbox.mails_to(ADA)] == [first] * 3


@pytest.mark.parametrize("chosen", ["password", "registration token"])
def test_requests_of_others_void_no_earlier_mail(flows: Flows, chosen: str) -> None:
    registered = flows.register(ADA, CHOSEN, "Ada")
    code = flows.code_of(ADA)
    flows.register(ADA, ANOTHER, "Stranger")
    flows.resend(ADA)
    flows.ask_for_reset(ADA)
    flows.log_in(ADA, ANOTHER)
    flows.mailbox.wait()
    entered = flows.verify(code) if chosen == "password" else flows.verify_registered(code, registered)
    assert entered.status_code == 200
    flows.sign_in(ADA, CHOSEN)
    assert_problem(flows.log_in(ADA, ANOTHER), 401, "invalid_credentials")


def test_asking_once_more_needs_no_registration(
    flows: Flows, installation: Installation, people: People
) -> None:
    for email in (people.user.email, ADA, "no address at all"):
        assert flows.resend(email).status_code == 202
    assert {mail.recipient: mail.subject for mail in flows.mailbox.all()} == {
        people.user.email: "You have an account at Doorward",
        ADA: "Your code for Doorward",
    }
    assert count_users(installation) == 4
    assert flows.verify(flows.code_of(ADA), ANOTHER).status_code == 200
    flows.sign_in(ADA, ANOTHER)


def test_a_reset_of_an_unknown_address_makes_no_code(flows: Flows, installation: Installation) -> None:
    """The decoy mail is not sent, so its code must not delay the next one."""
    flows.ask_for_reset(ADA)
    flows.mailbox.wait()
    assert count(installation, registration_codes) == 0
    flows.join(ADA)


@pytest.mark.parametrize("proven", [0, 1])
def test_of_two_registrations_only_the_verified_one_creates_an_account(
    flows: Flows, installation: Installation, proven: int
) -> None:
    passwords = [CHOSEN, ANOTHER]
    registered = [
        flows.register("ada@example.com", CHOSEN, "Stranger"),
        flows.register("ADA@example.com", ANOTHER, "Ada"),
    ]
    code = flows.code_of("ada@example.com")
    assert flows.verify_registered(code, registered[proven]).status_code == 200
    account = flows.joined("ada@example.com", passwords[proven])
    assert flows.me(account.access).json()["name"] == ["Stranger", "Ada"][proven]
    assert_problem(flows.log_in("ada@example.com", passwords[1 - proven]), 401, "invalid_credentials")
    assert_problem(flows.verify_registered(code, registered[1 - proven]), 400, "invalid_code")
    assert count(installation, pending_registrations) == 0
    assert count(installation, registration_codes) == 0
    assert count_users(installation) == 1


def test_a_right_code_without_a_password_is_not_used_up(flows: Flows, installation: Installation) -> None:
    """A registration token of another address, an expired one or none says no password."""
    registered = flows.register(ADA)
    others = flows.register("eve@example.com", ANOTHER).json()["registration_token"]
    code, token = flows.code_of(ADA), registered.json()["registration_token"]
    mine = RegistrationToken.parse(token)
    assert mine is not None
    tokens = [
        others,
        token[:-1] + ("A" if token[-1] != "A" else "B"),
        token.replace("dwg_", "dwv_"),
        str(RegistrationToken.issue(uuid.uuid4())),
        str(RegistrationToken(mine.id, bytes(32))),
        "x",
        "",
    ]
    for wrong in tokens:
        rejected = flows.verify(code, None, registration_token=wrong)
        assert_problem(rejected, 422, "password_required")
    assert_problem(flows.verify(code, None), 422, "password_required")
    assert_problem(flows.verify(code, "password123"), 422, "validation_error")
    assert count_users(installation) == 0
    assert flows.verify_registered(code, registered).status_code == 200
    flows.sign_in(ADA, CHOSEN)


def test_an_expired_registration_says_no_password(flows: Flows, installation: Installation) -> None:
    registered = flows.register(ADA)
    code = flows.code_of(ADA)
    installation.execute(pending_registrations.update().values(expires_at=utc_now(-1)))
    assert_problem(flows.verify_registered(code, registered), 422, "password_required")
    assert flows.verify(code).status_code == 200


def test_a_wrong_code_costs_no_hash(flows: Flows, people: People, monkeypatch: pytest.MonkeyPatch) -> None:
    """Otherwise invalid codes would cost hashes, and would need a limit."""
    flows.register(ADA)
    code = flows.code_of(ADA)

    async def hash_password(_hashing: PasswordHashing, _password: str, _charge: Charge) -> str:
        raise OverloadedError

    monkeypatch.setattr(PasswordHashing, "hash", hash_password)
    made_up = uuid.uuid4()
    for _ in range(CODES_BY_SOURCE.free + 1):
        assert_problem(flows.verify(str(VerificationCode.issue(made_up))), 400, "invalid_code")
        assert_problem(flows.accept(str(InvitationCode.issue(made_up))), 400, "invalid_code")
    for email in (people.user.email, "nobody@example.com"):
        assert_problem(flows.reset(email, "123456"), 400, "invalid_code")
    assert_problem(flows.verify(code), 503, "overloaded")


def test_with_the_code_a_password_counts_more_than_a_registration(flows: Flows) -> None:
    registered = flows.register(ADA, CHOSEN, "Ada")
    token = registered.json()["registration_token"]
    verified = flows.verify(flows.code_of(ADA), ANOTHER, registration_token=token, name="Countess")
    assert verified.status_code == 200
    joined = flows.joined(ADA, ANOTHER)
    assert flows.me(joined.access).json()["name"] == "Countess"
    assert_problem(flows.log_in(ADA, CHOSEN), 401, "invalid_credentials")


@pytest.mark.parametrize("chosen", ["registration token", "password"])
def test_without_a_name_it_is_the_first_word_of_the_address(
    flows: Flows, installation: Installation, chosen: str
) -> None:
    registered = installation.call("POST", "/api/v1/auth/register", json={"email": ADA, "password": CHOSEN})
    assert registered.status_code == 202
    code = flows.code_of(ADA)
    entered = flows.verify(code) if chosen == "password" else flows.verify_registered(code, registered)
    assert entered.status_code == 200
    assert flows.me(flows.sign_in(ADA, CHOSEN).access).json()["name"] == "Ada"


def test_registering_a_known_address_tells_its_owner_and_changes_nothing(
    flows: Flows, installation: Installation, people: People
) -> None:
    assert flows.register(people.user.email.upper(), CHOSEN, "Stranger").status_code == 202
    [mail] = flows.mailbox.all()
    assert mail.recipient == people.user.email
    assert mail.subject == "You have an account at Doorward"
    assert "Stranger" not in mail.raw.decode("ascii")
    assert "dwv_" not in mail.raw.decode("ascii")
    flows.resend(people.user.email)
    assert [sent.subject for sent in flows.mailbox.all()] == [mail.subject] * 2
    assert count(installation, registration_codes) == 0
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
    assert {**flows.me(flows.sign_in(ADA, ANOTHER).access).json(), "warnings": []} == created.json()
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
    assert [(error["pointer"], error["code"]) for error in document["errors"]] == [(pointer, code)]
    assert str(change.get("password", "-")) not in response.text
    assert count(installation, pending_registrations) == 0
    assert flows.mailbox.all() == []


def test_resets_of_an_address_without_account_cost_its_later_account_nothing(flows: Flows) -> None:
    """Found by test_ownership: they had spent the mails of the account that was created afterwards."""
    for _ in range(2 * RESET_MAILS.free):
        assert flows.ask_for_reset(ADA).status_code == 202
    flows.join(ADA)
    pin = flows.mailed_pin(ADA)
    assert flows.reset(ADA, pin).status_code == 200
