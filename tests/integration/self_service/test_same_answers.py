"""What strangers can ask tells nothing about who has an account: the same status, headers and body."""

from collections.abc import Callable

import httpx2
import pytest

from integration.harness.installation import Installation
from integration.harness.people import PASSWORD, People, disable
from integration.self_service.flows import ANOTHER, CHOSEN, Flows, unique

NOBODY = "nobody@example.com"
STRANGERS = "what a stranger made up"

Ask = Callable[[Flows, str], httpx2.Response]

ASKED: dict[str, Ask] = {
    "register": lambda flows, email: flows.register(email, STRANGERS, "Stranger"),
    "mail once more": lambda flows, email: flows.resend(email),
    "reset": lambda flows, email: flows.ask_for_reset(email),
    "reset with a wrong pin": lambda flows, email: flows.reset(email, "000000"),
    "login": lambda flows, email: flows.log_in(email, STRANGERS),
    "change by address": lambda flows, email: flows.change_by_address(email, STRANGERS),
}


def told(response: httpx2.Response) -> object:
    """Return what a stranger can compare."""
    headers = {name: value for name, value in response.headers.items() if name != "x-request-id"}
    body = {name: value for name, value in response.json().items() if name != "request_id"}
    return response.status_code, headers, body


@pytest.fixture
def known(flows: Flows, installation: Installation, people: People) -> dict[str, str]:
    """One address of every kind that the database can know."""
    disable(installation, people.admin, people.other)
    flows.create(people.admin.access, "invited@example.com")
    flows.register("registered@example.com")
    flows.mailed_pin(people.deputy.email)
    return {
        "active": people.user.email,
        "disabled": people.other.email,
        "invited": "invited@example.com",
        "registered": "registered@example.com",
        "with a code": people.deputy.email,
        "in another spelling": people.user.email.upper(),
    }


@pytest.mark.parametrize("ask", [pytest.param(ask, id=name) for name, ask in ASKED.items()])
def test_known_and_unknown_addresses_get_the_same_response(
    flows: Flows, known: dict[str, str], ask: Ask
) -> None:
    expected = told(ask(flows, NOBODY))
    for kind, email in known.items():
        assert told(ask(flows, email)) == expected, kind


@pytest.mark.parametrize("name", ["mail once more", "reset", "reset with a wrong pin", "login"])
def test_invalid_addresses_get_the_same_response(flows: Flows, name: str) -> None:
    expected = told(ASKED[name](flows, NOBODY))
    for email in ("x", "a@b@c", "nobody@example.com ", "\u202e", "x" * 320, "=?utf-8?q?x?=@example.com"):
        assert told(ASKED[name](flows, email)) == expected, email


@pytest.mark.parametrize("name", ["register", "mail once more", "reset"])
def test_the_mail_limit_is_reached_at_the_same_request(flows: Flows, people: People, name: str) -> None:
    asked = [
        [ASKED[name](flows, email).status_code for _ in range(7)] for email in (NOBODY, people.user.email)
    ]
    assert asked[0] == asked[1]
    assert set(asked[0]) == {202, 429}


@pytest.mark.parametrize("ask", ["login", "change by address"])
def test_a_registration_does_not_reveal_an_account(flows: Flows, people: People, ask: str) -> None:
    """Its password is known to whoever registered: what a login then says must not depend on an account."""
    answers = []
    for email in (NOBODY, people.user.email):
        flows.register(email, STRANGERS, "Stranger")
        answers.append(told(ASKED[ask](flows, email)))
    assert answers[0] == answers[1]


def test_changing_to_a_taken_address_gets_the_same_response(
    flows: Flows, installation: Installation, known: dict[str, str]
) -> None:
    answers = []
    for email in (NOBODY, *known.values()):
        installation.execute("DELETE FROM rate_limits")
        joined = flows.join(unique())
        flows.mailbox.empty()
        answers.append(told(flows.ask_for_address(joined.access, email, joined.password)))
        answers.append(told(flows.confirm_address(joined.access, "000000")))
        sent = {mail.recipient for mail in flows.mailbox.all()}
        assert sent == ({email} if email in {NOBODY, "registered@example.com"} else set()), email
    assert {repr(one) for one in answers[::2]} == {repr(answers[0])}
    assert {repr(one) for one in answers[1::2]} == {repr(answers[1])}


def test_an_earlier_code_does_not_reveal_a_taken_address(flows: Flows, people: People) -> None:
    """Asking for the next address voids the code before, whether or not that address can be had."""
    answers = []
    for wanted in (NOBODY, people.other.email):
        joined = flows.join(unique())
        own = unique("own")
        flows.ask_for_address(joined.access, own, joined.password)
        pin = flows.pin_of(own)
        flows.ask_for_address(joined.access, wanted, joined.password)
        flows.mailbox.wait()
        answers.append(flows.confirm_address(joined.access, pin).status_code)
    assert answers[0] == answers[1]


def test_only_the_right_password_reveals_the_account_status(
    flows: Flows, installation: Installation, people: People
) -> None:
    disable(installation, people.admin, people.other)
    flows.register("registered@example.com")
    for email, right, code in (
        (people.other.email, PASSWORD, "account_disabled"),
        ("registered@example.com", CHOSEN, "email_not_verified"),
    ):
        for ask in (flows.log_in, flows.change_by_address):
            assert ask(email, right).json()["code"] == code
            assert ask(email, ANOTHER).json()["code"] == "invalid_credentials"
