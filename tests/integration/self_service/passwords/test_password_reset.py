"""Resetting a password with a mailed PIN."""

import uuid
from collections.abc import Callable

import pytest

from doorward_auth.rate_limiting.limits import PIN_GUESSES
from doorward_identity.tables import known_devices, one_time_codes
from doorward_kit.column_types import utc_now
from integration.harness.installation import AUTH, USERS, Installation
from integration.harness.people import PASSWORD, People, disable
from integration.harness.problems import assert_problem
from integration.self_service.database_rows import count, expire_codes, seconds_left
from integration.self_service.flows import ANOTHER, CHOSEN, Flows, Joined, other_pin, unique

ADA = "ada@example.com"


def still_has(flows: Flows, joined: Joined) -> None:
    """Check that the password and the session of a user are still valid."""
    assert flows.me(joined.access).status_code == 200
    flows.sign_in(joined.email, joined.password)


def test_the_pin_sets_a_new_password_that_replaces_the_old_one(flows: Flows, ada: Joined) -> None:
    asked = flows.ask_for_reset(ADA.upper())
    assert asked.status_code == 202
    assert asked.json() == {"detail": "If the address is known, a mail is on its way."}
    still_has(flows, ada)
    done = flows.reset(ADA, flows.pin_of(ADA))
    assert done.status_code == 200
    assert done.json().keys() == {"device_token"}
    flows.sign_in(ADA, ANOTHER)
    assert_problem(flows.log_in(ADA, CHOSEN), 401, "invalid_credentials")


def test_a_reset_ends_every_session(flows: Flows, installation: Installation, ada: Joined) -> None:
    elsewhere = flows.sign_in(ADA, CHOSEN)
    flows.reset(ADA, flows.mailed_pin(ADA))
    for tokens in (ada, elsewhere):
        assert_problem(flows.refresh(tokens.refresh), 401, "invalid_refresh_token")
        for path in (f"{AUTH}/me", f"{USERS}/me", ada.path):
            assert_problem(installation.call("GET", path, tokens.access), 401, "invalid_token")
        rename = installation.call("PATCH", f"{USERS}/me", tokens.access, json={"name": "Mallory"})
        assert_problem(rename, 401, "invalid_token")


def test_a_reset_removes_all_devices_but_the_one_in_use(
    flows: Flows, installation: Installation, ada: Joined
) -> None:
    before = flows.log_in(ADA, CHOSEN).json()["device_token"]
    assert count(installation, known_devices, ada.id) == 3
    everybodys = count(installation, known_devices)
    device = flows.reset(ADA, flows.mailed_pin(ADA)).json()["device_token"]
    assert count(installation, known_devices, ada.id) == 1
    assert count(installation, known_devices) == everybodys - 2
    for token, is_known in ((device, True), (before, False)):
        body = {"email": ADA, "password": ANOTHER, "device_token": token}
        login = installation.call("POST", f"{AUTH}/token", json=body)
        assert login.status_code == 200
        assert ("device_token" not in login.json()) is is_known


def test_a_reset_invalidates_other_codes(flows: Flows, installation: Installation, ada: Joined) -> None:
    new = unique("new")
    flows.ask_for_address(ada.access, new, CHOSEN)
    pin = flows.pin_of(new)
    flows.reset(ADA, flows.mailed_pin(ADA))
    assert count(installation, one_time_codes) == 0
    tokens = flows.sign_in(ADA, ANOTHER)
    assert_problem(flows.confirm_address(tokens.access, pin), 400, "invalid_code")


def test_a_reset_notifies_the_owner(flows: Flows, ada: Joined) -> None:
    flows.reset(ADA, flows.mailed_pin(ADA))
    told = flows.mailbox.last_to(ADA)
    assert told.subject == "Your password at Doorward was changed"
    assert "has just been changed" in told.text
    assert ada.email == told.recipient


def test_a_reset_without_a_usable_account_sends_no_mail(
    flows: Flows, installation: Installation, people: People
) -> None:
    disable(installation, people.admin, people.other)
    flows.register("registered@example.com")
    flows.mailbox.empty()
    for email in ("nobody@example.com", people.other.email, "registered@example.com", "no address"):
        assert flows.ask_for_reset(email).status_code == 202
    assert flows.mailbox.all() == []


@pytest.mark.parametrize(
    ("stored", "asked"),
    [
        ("straße@example.com", "STRASSE@example.com"),
        ("jürgen@bücher.example", "JÜRGEN@xn--bcher-kva.example"),
        ("Ada@example.com", "aDA@EXAMPLE.com"),
    ],
)
def test_the_mail_is_sent_to_the_stored_spelling_of_the_address(
    flows: Flows, stored: str, asked: str
) -> None:
    """Two spellings of one account may be two mailboxes; the request must not choose between them."""
    flows.join(stored)
    flows.mailbox.empty()
    flows.ask_for_reset(asked)
    [mail] = flows.mailbox.all()
    local = mail.recipient.rpartition("@")[0]
    assert local == stored.rpartition("@")[0]
    assert flows.reset(asked, mail.pin).status_code == 200


def test_a_pin_is_valid_once(flows: Flows, ada: Joined) -> None:
    pin = flows.mailed_pin(ADA)
    assert flows.reset(ADA, pin, ANOTHER).status_code == 200
    assert_problem(flows.reset(ADA, pin, "yet another engine"), 400, "invalid_code")
    assert flows.joined(ADA, ANOTHER).id == ada.id


def test_a_pin_asked_for_once_more_is_the_same_and_lasts_longer(
    flows: Flows, installation: Installation, ada: Joined
) -> None:
    """A reset that an attacker requests invalidates no earlier mail of the owner."""
    pin = flows.mailed_pin(ADA)
    installation.execute(one_time_codes.update().values(expires_at=utc_now(120)))
    assert flows.mailed_pin(ADA) == pin
    assert seconds_left(installation, one_time_codes) == 600
    assert flows.reset(ADA, pin).status_code == 200
    assert flows.joined(ADA, ANOTHER).id == ada.id


def test_a_pin_asked_for_once_more_gives_no_new_guesses(flows: Flows, ada: Joined) -> None:
    pin = flows.mailed_pin(ADA)
    for _ in range(4):
        assert_problem(flows.reset(ADA, other_pin(pin)), 400, "invalid_code")
    assert flows.mailed_pin(ADA) == pin
    assert_problem(flows.reset(ADA, other_pin(pin)), 400, "invalid_code")
    assert_problem(flows.reset(ADA, pin), 400, "invalid_code")
    still_has(flows, ada)


def test_an_expired_pin_is_followed_by_another(flows: Flows, installation: Installation, ada: Joined) -> None:
    first = flows.mailed_pin(ADA)
    expire_codes(installation)
    second = flows.mailed_pin(ADA)
    if first != second:  # they are equal once in a million times
        assert_problem(flows.reset(ADA, first), 400, "invalid_code")
    assert flows.reset(ADA, second).status_code == 200
    assert flows.joined(ADA, ANOTHER).id == ada.id


def test_past_the_guesses_of_a_pin_the_mail_carries_a_long_code(
    flows: Flows, installation: Installation, ada: Joined
) -> None:
    """A long code cannot be guessed, so an attacker's guesses do not keep the owner from entering it."""
    pin = flows.mailed_pin(ADA)
    for _ in range(5):
        assert_problem(flows.reset(ADA, other_pin(pin)), 400, "invalid_code")
    flows.ask_for_reset(ADA)
    code = flows.code_of(ADA)
    mail = flows.mailbox.last_to(ADA)
    assert code.startswith("dwc_")
    assert mail.subject == "Your code for Doorward"
    assert "The code is valid for 24 hours." in mail.text
    flows.ask_for_reset(ADA)
    assert flows.code_of(ADA) == code
    [[form]] = installation.execute("SELECT form FROM one_time_codes ORDER BY expires_at DESC LIMIT 1")
    assert form == "long"
    for text in (*[pin] * 10, other_pin(pin), code[:-1], code.replace("dwc_", "dwe_"), code.upper()):
        assert_problem(flows.reset(ADA, text), 400, "invalid_code")
    still_has(flows, ada)
    assert flows.reset(ADA, code).status_code == 200
    assert_problem(flows.reset(ADA, code, "yet another engine"), 400, "invalid_code")
    assert flows.joined(ADA, ANOTHER).id == ada.id
    assert count(installation, one_time_codes) == 0


def test_a_long_code_is_its_accounts_and_its_purposes(flows: Flows, ada: Joined, people: People) -> None:
    codes = []
    for email in (ADA, people.user.email):
        pin = flows.mailed_pin(email)
        for _ in range(5):
            flows.reset(email, other_pin(pin))
        flows.ask_for_reset(email)
        codes.append(flows.code_of(email))
    mine, others = codes
    assert_problem(flows.reset(ADA, others), 400, "invalid_code")
    assert_problem(flows.reset(people.user.email, mine), 400, "invalid_code")
    flows.ask_for_address(ada.access, unique("new"), CHOSEN)
    for code in (mine, mine.replace("dwc_", "dwe_")):
        assert_problem(flows.confirm_address(ada.access, code), 400, "invalid_code")
    assert flows.reset(ADA, mine).status_code == 200


def test_guesses_without_a_pin_use_nothing_up(flows: Flows, ada: Joined) -> None:
    for _ in range(PIN_GUESSES.free + 2):
        assert_problem(flows.reset(ADA, "123456"), 400, "invalid_code")
    assert flows.reset(ADA, flows.mailed_pin(ADA)).status_code == 200
    assert flows.joined(ADA, ANOTHER).id == ada.id


def test_a_pin_is_good_for_ten_minutes(flows: Flows, installation: Installation, ada: Joined) -> None:
    pin = flows.mailed_pin(ADA)
    assert "The code is valid for 10 minutes." in flows.mailbox.last_to(ADA).text
    assert seconds_left(installation, one_time_codes) == 600
    expire_codes(installation)
    assert_problem(flows.reset(ADA, pin), 400, "invalid_code")
    still_has(flows, ada)


def test_a_pin_is_invalid_after_five_wrong_guesses(flows: Flows, ada: Joined) -> None:
    pin = flows.mailed_pin(ADA)
    for _ in range(4):
        assert_problem(flows.reset(ADA, other_pin(pin)), 400, "invalid_code")
    assert flows.reset(ADA, pin).status_code == 200
    pin = flows.mailed_pin(ADA)
    for _ in range(5):
        assert_problem(flows.reset(ADA, other_pin(pin)), 400, "invalid_code")
    assert_problem(flows.reset(ADA, pin), 400, "invalid_code")
    assert flows.joined(ADA, ANOTHER).id == ada.id


def test_a_pin_of_another_account_or_purpose_is_rejected(flows: Flows, ada: Joined, people: People) -> None:
    pin, others = flows.mailed_pin(ADA), flows.mailed_pin(people.user.email)
    if pin != others:
        assert_problem(flows.reset(ADA, others), 400, "invalid_code")
        assert_problem(flows.reset(people.user.email, pin), 400, "invalid_code")
    assert_problem(flows.confirm_address(ada.access, pin), 400, "invalid_code")
    new = unique("new")
    flows.ask_for_address(ada.access, new, CHOSEN)
    for_address = flows.pin_of(new)
    if for_address != pin:
        assert_problem(flows.reset(ADA, for_address), 400, "invalid_code")
    still_has(flows, ada)
    assert flows.reset(ADA, pin).status_code == 200


@pytest.mark.databases("sqlite")  # these rejections do not depend on the database
@pytest.mark.parametrize(
    "spell",
    [
        lambda pin: f" {pin}",
        lambda pin: f"{pin[:3]} {pin[3:]}",
        lambda pin: pin + "0",
        lambda pin: pin[1:],
        lambda pin: "".join(chr(ord(digit) - ord("0") + ord("\uff10")) for digit in pin),
        lambda pin: f"{pin}\u200b",
    ],
)
def test_other_spellings_of_a_pin_are_rejected(
    flows: Flows, ada: Joined, spell: Callable[[str], str]
) -> None:
    pin = flows.mailed_pin(ADA)
    assert_problem(flows.reset(ADA, spell(pin)), 400, "invalid_code")
    still_has(flows, ada)


@pytest.mark.databases("sqlite")  # these rejections do not depend on the database
@pytest.mark.parametrize("value", [123456, 123456.0, True, None, ["123456"], {"pin": "123456"}, ""])
def test_a_pin_must_be_a_string(flows: Flows, installation: Installation, ada: Joined, value: object) -> None:
    """A number has no leading zeros, and databases compare numbers with strings differently."""
    pin = flows.mailed_pin(ADA)
    sent = int(pin) if value == 123456 and isinstance(value, int) else value
    body = {"email": ADA, "pin": sent, "new_password": ANOTHER}
    response = installation.call("PATCH", f"{AUTH}/password/reset", json=body)
    document = assert_problem(response, 422, "validation_error")
    assert {error["pointer"] for error in document["errors"]} == {"/pin"}
    still_has(flows, ada)


@pytest.mark.databases("sqlite")  # these rejections do not depend on the database
@pytest.mark.parametrize(
    ("password", "code"),
    [
        ("qz7-k!v", "password_too_short"),
        ("password123", "password_common"),
        ("ada@example.com", "password_personal"),
        ("lovelace-ada", "password_personal"),  # the account contains the name, and the request does not
    ],
)
def test_a_rejected_password_keeps_the_pin_valid(flows: Flows, ada: Joined, password: str, code: str) -> None:
    pin = flows.mailed_pin(ADA)
    for _ in range(6):
        document = assert_problem(flows.reset(ADA, pin, password), 422, "validation_error")
        assert [(error["pointer"], error["code"]) for error in document["errors"]] == [
            ("/new_password", code)
        ]
    still_has(flows, ada)
    assert flows.reset(ADA, pin).status_code == 200


def test_a_wrong_pin_does_not_reveal_the_owners_name(flows: Flows, ada: Joined) -> None:
    pin = flows.mailed_pin(ADA)
    assert_problem(flows.reset(ADA, other_pin(pin), "lovelace-ada"), 400, "invalid_code")
    assert ada.email == ADA


def test_an_account_disabled_after_the_request_is_not_reset(
    flows: Flows, installation: Installation, people: People
) -> None:
    pin = flows.mailed_pin(people.other.email)
    disable(installation, people.admin, people.other)
    assert_problem(flows.reset(people.other.email, pin), 400, "invalid_code")
    assert_problem(flows.log_in(people.other.email, PASSWORD), 403, "account_disabled")


def test_an_invited_user_who_lost_the_invitation_gets_it_again(
    flows: Flows, installation: Installation, people: People
) -> None:
    bob, code = flows.invited(people.admin.access, "bob@example.com")
    flows.mailbox.empty()
    assert flows.ask_for_reset("bob@example.com").status_code == 202
    assert flows.code_of("bob@example.com") == code
    assert flows.accept(code, ANOTHER).status_code == 200
    flows.sign_in("bob@example.com", ANOTHER)
    assert installation.call("GET", f"{USERS}/{bob}", people.admin.access).json()["email_verified"]


def test_a_pin_verifies_the_address_that_it_was_mailed_to(
    flows: Flows, installation: Installation, people: People
) -> None:
    """An administrator moves the account away from a mailbox that another person reads."""
    pin = flows.mailed_pin(people.user.email)
    flows.mailbox.empty()
    moved = f"moved-{uuid.uuid4().hex[:8]}@example.com"
    patched = installation.call("PATCH", people.user.path, people.admin.access, json={"email": moved})
    assert patched.status_code == 200
    for email in (people.user.email, moved):
        assert_problem(flows.reset(email, pin), 400, "invalid_code")
    assert flows.sign_in_with_code(moved, PASSWORD).status_code == 200
