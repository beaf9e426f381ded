"""The registration policy: closed, open, or limited to some domains."""

import pytest
from pydantic import ValidationError

from doorward_identity.tables import pending_registrations
from integration.harness.installation import Installation, auth_settings, reconfigured
from integration.harness.people import People
from integration.harness.problems import assert_problem
from integration.self_service.database_rows import count
from integration.self_service.flows import CHOSEN, Flows
from integration.self_service.mailbox import Mailbox

pytestmark = pytest.mark.databases("sqlite")  # depends on the settings only

DOMAINS = " example.org, BÜCHER.example ,straße.example"


def test_closed_registration_requires_an_invitation(
    installation: Installation, mailbox: Mailbox, people: People
) -> None:
    with reconfigured(installation, registration="closed") as closed:
        flows = Flows(closed, mailbox)
        for email in ("ada@example.com", people.user.email):
            assert_problem(flows.register(email), 403, "registration_closed")
        assert count(installation, pending_registrations) == 0
        assert mailbox.all() == []
        _, code = flows.invited(people.admin.access, "bob@example.com")
        assert flows.accept(code).status_code == 200
        flows.sign_in("bob@example.com", CHOSEN)


@pytest.mark.parametrize(
    "email",
    [
        "ada@example.org",
        "ADA@EXAMPLE.ORG",
        "ada@bücher.example",
        "ada@BÜCHER.EXAMPLE",
        "ada@bu\u0308cher.example",
        "ada@xn--bcher-kva.example",
        "ada@straße.example",
        "ada@xn--strae-oqa.example",
    ],
)
def test_an_allowed_domain_is_accepted_in_every_spelling(
    installation: Installation, mailbox: Mailbox, email: str
) -> None:
    with reconfigured(installation, registration="domains", registration_domains=DOMAINS) as some:
        flows = Flows(some, mailbox)
        flows.join(email)


@pytest.mark.parametrize(
    "email",
    [
        "ada@example.com",
        "ada@sub.example.org",
        "ada@notexample.org",
        "ada@example.org.example.com",
        "ada@org",
        "example.org@example.com",
        "ada@bucher.example",
        "ada@strasse.example",
        "ada@examplе.org",  # Cyrillic
    ],
)
def test_another_domain_is_rejected_with_or_without_an_account(
    installation: Installation, mailbox: Mailbox, people: People, email: str
) -> None:
    with reconfigured(installation, registration="domains", registration_domains=DOMAINS) as some:
        flows = Flows(some, mailbox)
        unknown = assert_problem(flows.register(email), 403, "email_domain_not_allowed")
        assert flows.create(people.admin.access, email, password=CHOSEN).status_code == 201
        known = assert_problem(flows.register(email), 403, "email_domain_not_allowed")
        assert {**known, "request_id": ""} == {**unknown, "request_id": ""}
    assert count(installation, pending_registrations) == 0
    assert mailbox.all() == []


@pytest.mark.parametrize(
    "wrong",
    [
        {"registration": "domains"},
        {"registration": "domains", "registration_domains": " , "},
        {"registration": "open", "registration_domains": "example.org"},
        {"registration": "domains", "registration_domains": "not a domain"},
        {"registration": "domains", "registration_domains": "@example.org"},
        {"registration": "domains", "registration_domains": "*.example.org"},
        {"registration": "members"},
    ],
)
def test_an_invalid_policy_is_a_configuration_error(wrong: dict[str, str]) -> None:
    with pytest.raises(ValidationError):
        auth_settings("sqlite://", **wrong)


def test_a_registration_is_no_way_around_a_policy_that_changed(
    installation: Installation, mailbox: Mailbox
) -> None:
    """The mailed code is valid for a day, and the policy of the moment decides."""
    flows = Flows(installation, mailbox)
    registered = flows.register("ada@example.com")
    code = flows.code_of("ada@example.com")
    for settings, rejection in (
        ({"registration": "closed"}, "registration_closed"),
        ({"registration": "domains", "registration_domains": DOMAINS}, "email_domain_not_allowed"),
    ):
        with reconfigured(installation, **settings) as changed:
            late = Flows(changed, mailbox)
            assert_problem(late.verify("dwv_x"), 400, "invalid_code")
            assert_problem(late.verify(code), 403, rejection)
            assert_problem(late.verify_registered(code, registered), 403, rejection)
            assert_problem(late.resend("ada@example.com"), 403, rejection)
    assert flows.verify_registered(code, registered).status_code == 200


def test_an_account_does_not_move_to_another_domain(installation: Installation, mailbox: Mailbox) -> None:
    ada = Flows(installation, mailbox).join("ada@example.com")
    mailbox.empty()
    with reconfigured(installation, registration="domains", registration_domains=DOMAINS) as some:
        flows = Flows(some, mailbox)
        rejected = flows.ask_for_address(ada.access, "ada@example.net", ada.password)
        assert_problem(rejected, 403, "email_domain_not_allowed")
        assert mailbox.all() == []
        assert flows.ask_for_address(ada.access, "ada@example.org", ada.password).status_code == 202
        assert flows.confirm_address(ada.access, flows.pin_of("ada@example.org")).status_code == 204
    with reconfigured(installation, registration="closed") as closed:
        flows = Flows(closed, mailbox)
        assert flows.ask_for_address(ada.access, "ada@example.net", ada.password).status_code == 202


def test_a_change_of_address_is_no_way_around_a_policy_that_changed(
    installation: Installation, mailbox: Mailbox
) -> None:
    """As a registration: the policy of the moment that the code is entered decides."""
    flows = Flows(installation, mailbox)
    ada = flows.join("ada@example.com")
    assert flows.ask_for_address(ada.access, "ada@example.net", ada.password).status_code == 202
    pin = flows.pin_of("ada@example.net")
    with reconfigured(installation, registration="domains", registration_domains=DOMAINS) as some:
        late = Flows(some, mailbox)
        assert_problem(late.confirm_address(ada.access, pin), 403, "email_domain_not_allowed")
        assert late.me(ada.access).json()["email"] == ada.email
    assert flows.confirm_address(ada.access, pin).status_code == 204


def test_an_administrator_may_set_an_address_of_another_domain_and_is_warned(
    installation: Installation, mailbox: Mailbox, people: People
) -> None:
    admin, path = people.admin.access, people.user.path
    with reconfigured(installation, registration="domains", registration_domains=DOMAINS) as some:
        flows = Flows(some, mailbox)
        answers = {
            "outside": flows.create(admin, "bob@example.net"),
            "inside": flows.create(admin, "cyd@EXAMPLE.org"),
            "moved outside": some.call("PATCH", path, admin, json={"email": "user@example.net"}),
            "still outside": some.call("PATCH", path, admin, json={"email": "User@example.net"}),
            "renamed": some.call("PATCH", path, admin, json={"name": "Renamed"}),
            "moved inside": some.call("PATCH", path, admin, json={"email": "user@example.org"}),
        }
    warned = {
        name: [warning["code"] for warning in response.json()["warnings"]]
        for name, response in answers.items()
    }
    expected = {"outside", "moved outside"}
    assert {name for name, codes in warned.items() if codes == ["email_outside_domains"]} == expected
    assert {name for name, codes in warned.items() if not codes} == warned.keys() - expected
    assert {response.status_code for response in answers.values()} == {200, 201}


def test_without_domains_no_address_is_warned_about(
    installation: Installation, mailbox: Mailbox, people: People
) -> None:
    created = Flows(installation, mailbox).create(people.admin.access, "bob@example.net")
    assert created.json()["warnings"] == []
