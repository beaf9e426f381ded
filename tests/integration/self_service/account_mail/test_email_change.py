"""Changing the address requires the password and a PIN that is mailed to the new address."""

import pytest

from doorward_auth.rate_limiting.limits import PIN_GUESSES
from doorward_identity.tables import one_time_codes
from integration.harness.installation import AUTH, USERS, Installation
from integration.harness.people import People, disable
from integration.harness.problems import assert_problem
from integration.self_service.database_rows import count, expire_codes, seconds_left
from integration.self_service.flows import ANOTHER, CHOSEN, Flows, Joined, other_pin, unique

NEW = "Countess@Lovelace.example"


def ask(flows: Flows, ada: Joined, email: str = NEW) -> str:
    """Request a change of the address and return the mailed PIN."""
    response = flows.ask_for_address(ada.access, email, ada.password)
    assert response.status_code == 202, response.text
    return flows.pin_of(email)


def test_the_code_changes_the_address_and_notifies_the_old_one(flows: Flows, ada: Joined) -> None:
    before = flows.me(ada.access)
    pin = ask(flows, ada)
    assert flows.me(ada.access).json() == before.json()
    assert [mail.recipient.casefold() for mail in flows.mailbox.all()] == [NEW.casefold()]
    done = flows.confirm_address(ada.access, pin)
    assert (done.status_code, done.content) == (204, b"")
    after = flows.me(ada.access)
    assert after.json()["email"] == NEW
    assert after.json()["email_verified"] is True
    assert {**after.json(), "email": "", "updated_at": ""} == {**before.json(), "email": "", "updated_at": ""}
    told = flows.mailbox.last_to(ada.email)
    assert told.subject == "Your address at Doorward was changed"
    assert NEW not in told.text


def test_the_session_continues_and_login_uses_the_new_address(flows: Flows, ada: Joined) -> None:
    flows.confirm_address(ada.access, ask(flows, ada))
    assert flows.refresh(ada.refresh).status_code == 200
    assert flows.joined(NEW.lower(), CHOSEN).id == ada.id
    assert_problem(flows.log_in(ada.email, CHOSEN), 401, "invalid_credentials")


def test_a_change_of_address_changes_the_etag(flows: Flows, installation: Installation, ada: Joined) -> None:
    stale = flows.me(ada.access).headers["etag"]
    flows.confirm_address(ada.access, ask(flows, ada))
    fresh = flows.me(ada.access).headers["etag"]
    assert fresh != stale
    for tag, status in ((stale, 412), (fresh, 200)):
        rename = installation.call(
            "PATCH", f"{USERS}/me", ada.access, {"If-Match": tag}, json={"name": "Countess"}
        )
        assert rename.status_code == status
    cached = installation.call("GET", f"{USERS}/me", ada.access, {"If-None-Match": stale})
    assert cached.status_code == 200


def test_the_old_address_can_be_used_again(flows: Flows, ada: Joined) -> None:
    flows.confirm_address(ada.access, ask(flows, ada))
    again = flows.join(ada.email, ANOTHER)
    assert again.id != ada.id


def test_a_change_requires_the_password(flows: Flows, ada: Joined) -> None:
    assert_problem(flows.ask_for_address(ada.access, NEW, ANOTHER), 401, "invalid_credentials")
    assert_problem(flows.ask_for_address(ada.access + "x", NEW, CHOSEN), 401, "invalid_token")
    assert flows.mailbox.all() == []


@pytest.mark.databases("sqlite")  # these rejections do not depend on the database
@pytest.mark.parametrize(
    "email", ["", "x", "a@b@c", "ada@example.com\r\nBcc: x@example.com", "x" * 250 + "@a.b"]
)
def test_invalid_addresses_are_rejected(flows: Flows, ada: Joined, email: str) -> None:
    document = assert_problem(flows.ask_for_address(ada.access, email, CHOSEN), 422, "validation_error")
    assert {error["pointer"] for error in document["errors"]} == {"/email"}


def test_a_code_is_valid_once_and_replaced_by_the_next(flows: Flows, ada: Joined) -> None:
    first = ask(flows, ada)
    second = ask(flows, ada, "other@lovelace.example")
    if first != second:
        assert_problem(flows.confirm_address(ada.access, first), 400, "invalid_code")
    assert flows.confirm_address(ada.access, second).status_code == 204
    assert flows.me(ada.access).json()["email"] == "other@lovelace.example"
    for pin in (first, second):
        assert_problem(flows.confirm_address(ada.access, pin), 400, "invalid_code")


def test_a_code_expires_after_ten_minutes(flows: Flows, installation: Installation, ada: Joined) -> None:
    pin = ask(flows, ada)
    assert seconds_left(installation, one_time_codes) == 600
    expire_codes(installation)
    assert_problem(flows.confirm_address(ada.access, pin), 400, "invalid_code")
    assert flows.me(ada.access).json()["email"] == ada.email


def test_a_code_is_invalid_after_five_wrong_guesses(flows: Flows, ada: Joined) -> None:
    pin = ask(flows, ada)
    for _ in range(5):
        assert_problem(flows.confirm_address(ada.access, other_pin(pin)), 400, "invalid_code")
    assert_problem(flows.confirm_address(ada.access, pin), 400, "invalid_code")
    assert flows.me(ada.access).json()["email"] == ada.email


def test_past_the_guesses_of_addresses_the_mail_carries_a_long_code(flows: Flows, ada: Joined) -> None:
    """Another PIN gives no new guesses: five for an account, whatever address is asked for."""
    for number in range(PIN_GUESSES.free // 5):
        pin = ask(flows, ada, f"new{number}@lovelace.example")
        for _ in range(5):
            assert_problem(flows.confirm_address(ada.access, other_pin(pin)), 400, "invalid_code")
    assert flows.ask_for_address(ada.access, NEW, CHOSEN).status_code == 202
    code = flows.code_of(NEW)
    assert code.startswith("dwe_")
    assert flows.mailbox.last_to(NEW).subject == "Your code for Doorward"
    for text in ("123456", code.replace("dwe_", "dwc_"), code[:-1]):
        assert_problem(flows.confirm_address(ada.access, text), 400, "invalid_code")
    assert flows.confirm_address(ada.access, code).status_code == 204
    assert flows.me(ada.access).json()["email"] == NEW


def test_a_code_is_its_accounts_and_its_purposes(flows: Flows, ada: Joined) -> None:
    bob = flows.join("bob@example.com", ANOTHER)
    mine, his = ask(flows, ada), ask(flows, bob, unique("bobs"))
    if mine != his:
        assert_problem(flows.confirm_address(ada.access, his), 400, "invalid_code")
        assert_problem(flows.confirm_address(bob.access, mine), 400, "invalid_code")
    reset = flows.mailed_pin(ada.email)
    if reset != mine:
        assert_problem(flows.confirm_address(ada.access, reset), 400, "invalid_code")
    assert flows.confirm_address(ada.access, mine).status_code == 204


def test_a_change_invalidates_every_other_code(flows: Flows, installation: Installation, ada: Joined) -> None:
    """A PIN that was mailed to the old address is invalid."""
    reset = flows.mailed_pin(ada.email)
    flows.confirm_address(ada.access, ask(flows, ada))
    assert count(installation, one_time_codes) == 0
    for email in (ada.email, NEW):
        assert_problem(flows.reset(email, reset), 400, "invalid_code")
    flows.sign_in(NEW, CHOSEN)


def test_an_address_taken_after_the_request_is_rejected(
    flows: Flows, installation: Installation, ada: Joined, people: People
) -> None:
    pin = ask(flows, ada)
    taken = installation.call("PATCH", people.user.path, people.admin.access, json={"email": NEW.upper()})
    assert taken.status_code == 200
    for _ in range(2):
        assert_problem(flows.confirm_address(ada.access, pin), 400, "invalid_code")
    assert flows.me(ada.access).json()["email"] == ada.email
    flows.sign_in(ada.email, CHOSEN)


def test_a_change_invalidates_registrations_of_the_address(flows: Flows, ada: Joined) -> None:
    flows.register(NEW, ANOTHER, "Stranger")
    code = flows.code_of(NEW)
    assert flows.confirm_address(ada.access, ask(flows, ada)).status_code == 204
    assert_problem(flows.verify(code), 400, "invalid_code")
    assert flows.joined(NEW, CHOSEN).id == ada.id


def test_a_user_disabled_after_the_request_cannot_confirm(
    flows: Flows, installation: Installation, people: People
) -> None:
    other = people.other
    flows.ask_for_address(other.access, NEW, other.password)
    pin = flows.pin_of(NEW)
    disable(installation, people.admin, other)
    assert_problem(flows.confirm_address(other.access, pin), 401, "invalid_token")
    user = installation.call("GET", other.path, people.admin.access).json()
    assert user["email"] == other.email


@pytest.mark.databases("sqlite")  # these rejections do not depend on the database
@pytest.mark.parametrize("pin", [123456, None, ["123456"], ""])
def test_a_pin_must_be_a_string(flows: Flows, installation: Installation, ada: Joined, pin: object) -> None:
    response = installation.call("PATCH", f"{AUTH}/email", ada.access, json={"pin": pin})
    document = assert_problem(response, 422, "validation_error")
    assert {error["pointer"] for error in document["errors"]} == {"/pin"}
    assert flows.me(ada.access).json()["email"] == ada.email
