"""Anonymous requests do not reveal accounts: status, headers and body are the same."""

from collections.abc import Callable

import httpx2
import pytest
import sqlalchemy as sa

from doorward_auth.rate_limiting.limits import MAILS_BY_SOURCE
from doorward_identity.tables import users
from integration.harness.installation import Installation
from integration.harness.people import PASSWORD, People, disable
from integration.self_service.database_rows import expire_codes
from integration.self_service.flows import ANOTHER, CHOSEN, Flows, unique

pytestmark = pytest.mark.databases("sqlite")

UNKNOWN = "nobody@example.com"
ATTACKER_PASSWORD = "what a stranger made up"

Ask = Callable[[Flows, str], httpx2.Response]

REQUESTS: dict[str, Ask] = {
    "register": lambda flows, email: flows.register(email, ATTACKER_PASSWORD, "Stranger"),
    "mail once more": lambda flows, email: flows.resend(email),
    "reset": lambda flows, email: flows.ask_for_reset(email),
    "reset with a wrong pin": lambda flows, email: flows.reset(email, "000000"),
    "login": lambda flows, email: flows.log_in(email, ATTACKER_PASSWORD),
    "change by address": lambda flows, email: flows.change_by_address(email, ATTACKER_PASSWORD),
}


def comparable(response: httpx2.Response) -> object:
    """Return the parts of a response that an anonymous client can compare."""
    headers = {name: value for name, value in response.headers.items() if name != "x-request-id"}
    own = {"request_id", "registration_token"}
    body = {name: value for name, value in response.json().items() if name not in own}
    return response.status_code, headers, body


@pytest.fixture
def known(flows: Flows, installation: Installation, people: People) -> dict[str, str]:
    """One address of every kind that the database can contain."""
    disable(installation, people.admin, people.other)
    flows.invited(people.admin.access, "invited-long-ago@example.com")
    expire_codes(installation)
    flows.create(people.admin.access, "invited@example.com")
    flows.register("registered@example.com")
    flows.mailed_pin(people.deputy.email)
    return {
        "active": people.user.email,
        "disabled": people.other.email,
        "invited": "invited@example.com",
        "invited long ago": "invited-long-ago@example.com",
        "registered": "registered@example.com",
        "with a code": people.deputy.email,
        "in another spelling": people.user.email.upper(),
    }


@pytest.mark.parametrize("ask", [pytest.param(ask, id=name) for name, ask in REQUESTS.items()])
def test_known_and_unknown_addresses_get_the_same_response(
    flows: Flows, known: dict[str, str], ask: Ask
) -> None:
    expected = comparable(ask(flows, UNKNOWN))
    for kind, email in known.items():
        assert comparable(ask(flows, email)) == expected, kind


@pytest.mark.parametrize("name", ["mail once more", "reset", "reset with a wrong pin", "login"])
def test_invalid_addresses_get_the_same_response(flows: Flows, name: str) -> None:
    expected = comparable(REQUESTS[name](flows, UNKNOWN))
    for email in ("x", "a@b@c", "nobody@example.com ", "\u202e", "x" * 320, "=?utf-8?q?x?=@example.com"):
        assert comparable(REQUESTS[name](flows, email)) == expected, email


@pytest.mark.parametrize("name", ["register", "mail once more", "reset"])
def test_the_budget_of_mails_ends_at_the_same_request(
    flows: Flows, installation: Installation, people: People, name: str
) -> None:
    """The budget is the caller's; past the limit of an address the answer does not change."""
    asked = []
    for email in (UNKNOWN, people.user.email):
        installation.execute("DELETE FROM rate_limits")
        asked.append([REQUESTS[name](flows, email).status_code for _ in range(MAILS_BY_SOURCE.free + 1)])
    assert asked[0] == asked[1] == [202] * MAILS_BY_SOURCE.free + [429]


@pytest.mark.parametrize("ask", ["login", "change by address"])
def test_a_registration_does_not_reveal_an_account(flows: Flows, people: People, ask: str) -> None:
    """An attacker knows the password of this registration; its login must not reveal another account."""
    answers = []
    for email in (UNKNOWN, people.user.email):
        flows.register(email, ATTACKER_PASSWORD, "Stranger")
        answers.append(comparable(REQUESTS[ask](flows, email)))
    assert answers[0] == answers[1]


def test_changing_to_a_taken_address_gets_the_same_response(
    flows: Flows, installation: Installation, known: dict[str, str]
) -> None:
    answers = []
    for email in (UNKNOWN, *known.values()):
        installation.execute("DELETE FROM rate_limits")
        joined = flows.join(unique())
        flows.mailbox.empty()
        answers.append(comparable(flows.ask_for_address(joined.access, email, joined.password)))
        answers.append(comparable(flows.confirm_address(joined.access, "000000")))
        sent = {mail.recipient for mail in flows.mailbox.all()}
        assert sent == ({email} if email in {UNKNOWN, "registered@example.com"} else set()), email
    assert {repr(answer) for answer in answers[::2]} == {repr(answers[0])}
    assert {repr(answer) for answer in answers[1::2]} == {repr(answers[1])}


def test_an_earlier_code_does_not_reveal_a_taken_address(flows: Flows, people: People) -> None:
    """A request for another address invalidates the previous code, even if that address is taken."""
    answers = []
    for wanted in (UNKNOWN, people.other.email):
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
    unverified = sa.update(users).where(users.c.email_key == people.deputy.email)
    installation.execute(unverified.values(email_verified_at=None))
    for email, code in (
        (people.other.email, "account_disabled"),
        (people.deputy.email, "email_not_verified"),
    ):
        for ask in (flows.log_in, flows.change_by_address):
            assert ask(email, PASSWORD).json()["code"] == code
            assert ask(email, ANOTHER).json()["code"] == "invalid_credentials"


def test_the_password_of_a_registration_reveals_nothing(flows: Flows, people: People) -> None:
    flows.register("registered@example.com", CHOSEN)
    for ask in (flows.log_in, flows.change_by_address):
        expected = comparable(ask(UNKNOWN, CHOSEN))
        assert comparable(ask("registered@example.com", CHOSEN)) == expected
        assert comparable(ask(people.user.email, CHOSEN)) == expected
