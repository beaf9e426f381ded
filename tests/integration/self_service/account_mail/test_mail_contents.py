"""The content of mails, with hostile names, addresses and headers."""

import re
from collections.abc import Iterator
from html import unescape
from pathlib import Path

import pytest

from doorward_identity.emails import email_key
from doorward_identity.schema import PACKAGE
from integration.harness.databases import migrate_all
from integration.harness.installation import AUTH, Installation
from integration.harness.people import People, populate
from integration.self_service.flows import CHOSEN, Flows, Joined
from integration.self_service.mailbox import Mailbox, MailboxMail

pytestmark = pytest.mark.databases("sqlite")  # the content of a mail does not depend on the database

APP_URL = "https://app.example.com/base"
HEADERS = [
    "From", "To", "Subject", "Date", "Message-ID", "Auto-Submitted", "MIME-Version", "Content-Type",
]  # fmt: skip


@pytest.fixture
def linked(tmp_path: Path) -> Iterator[tuple[Flows, People]]:
    """A separate installation with a frontend URL."""
    url, folder = f"sqlite:///{tmp_path}/doorward.db", tmp_path / "mailbox"
    migrate_all(url, PACKAGE)
    with Installation(url, mailbox_dir=folder, mail_poll_seconds=0.05, frontend_url=APP_URL) as installation:
        people = populate(installation)
        yield Flows(installation, Mailbox(installation.execute, folder)), people


def every_kind(flows: Flows, people: People) -> dict[str, MailboxMail]:
    """Cause one mail of each kind."""
    flows.join("ada@example.com")
    flows.register("ada@example.com")
    ada = flows.joined("ada@example.com", CHOSEN)
    flows.reset(ada.email, flows.mailed_pin(ada.email), CHOSEN)
    ada = flows.joined(ada.email, CHOSEN)
    flows.ask_for_address(ada.access, "new@example.com", CHOSEN)
    flows.confirm_address(ada.access, flows.pin_of("new@example.com"))
    flows.invited(people.admin.access, "bob@example.com")
    adas = flows.mailbox.mails_to("ada@example.com")
    return {
        "verify_email": adas[0],
        "already_registered": adas[1],
        "password_reset": adas[2],
        "password_changed": adas[3],
        "email_changed": adas[4],
        "email_change": flows.mailbox.last_to("new@example.com"),
        "invitation": flows.mailbox.last_to("bob@example.com"),
    }


def test_with_a_frontend_url_mails_contain_links(linked: tuple[Flows, People]) -> None:
    mailbox = every_kind(*linked)
    for kind, page in (("verify_email", "verify-email"), ("invitation", "accept-invitation")):
        for part in (mailbox[kind].text, mailbox[kind].part("html")):
            assert f"{APP_URL}/{page}?code={mailbox[kind].code}" in part
    for kind in ("already_registered", "password_changed", "email_changed"):
        assert f"\n  {APP_URL}\n" in mailbox[kind].text
        assert f'href="{APP_URL}"' in mailbox[kind].part("html")
    for kind in ("password_reset", "email_change"):
        assert "http" not in mailbox[kind].text
        assert mailbox[kind].pin in mailbox[kind].part("html")
        assert mailbox[kind].pin in mailbox[kind].subject


def test_without_a_frontend_url_mails_contain_only_the_code(flows: Flows, people: People) -> None:
    for kind, mail in every_kind(flows, people).items():
        assert "http" not in mail.text, kind
        assert "href" not in mail.part("html"), kind
    assert len(flows.mailbox.mails_to("bob@example.com")) == 1


def test_every_mail_has_exactly_the_expected_headers(flows: Flows, people: People) -> None:
    mailbox = every_kind(flows, people)
    for mail in mailbox.values():
        assert sorted(mail.header_names) == sorted(HEADERS)
        assert mail.message["Auto-Submitted"] == "auto-generated"
        assert mail.recipient.endswith("@example.com")
    assert len({mail.message["Message-ID"] for mail in mailbox.values()}) == len(mailbox)
    subjects = {re.sub("[0-9]{6}", "PIN", mail.subject) for mail in mailbox.values()}
    assert len(subjects) == 6  # both mails are equal except for their PINs


@pytest.mark.parametrize("header", ["Host", "X-Forwarded-Host", "Forwarded", "Origin", "Referer"])
def test_request_headers_do_not_appear_in_mails(linked: tuple[Flows, People], header: str) -> None:
    flows, people = linked
    value = "host=evil.example" if header == "Forwarded" else "evil.example"
    hostile = Flows(flows.api, flows.mailbox, {header: value})
    for kind, mail in every_kind(hostile, people).items():
        assert b"evil.example" not in mail.raw, kind


@pytest.mark.parametrize(
    "name",
    [
        "Bcc: everybody@example.com",
        '<img src="https://evil.example/x.png">',
        "Your password expires: https://evil.example",
    ],
)
def test_mail_about_an_account_does_not_contain_its_name(flows: Flows, name: str) -> None:
    ada = flows.join("ada@example.com", CHOSEN, name)
    flows.mailbox.empty()
    assert flows.change(ada.access, CHOSEN).status_code == 204
    [mail] = flows.mailbox.all()
    assert sorted(mail.header_names) == sorted(HEADERS)
    assert mail.recipient == "ada@example.com"
    assert mail.subject == "Your password at Doorward was changed"
    assert mail.text.startswith("Hello,\n\n")
    for part in (mail.text, unescape(mail.part("html"))):
        assert name not in part


@pytest.mark.parametrize("ask", ["register", "resend"])
def test_a_registration_mail_does_not_contain_the_name(flows: Flows, ask: str) -> None:
    """Otherwise registrations could be used to send advertisements from the team's address."""
    name = "WIN A CAR: https://evil.example/now"
    flows.register("somebody@example.com", CHOSEN, name)
    if ask == "resend":
        flows.resend("somebody@example.com")
    for mail in flows.mailbox.all():
        for part in (mail.subject, mail.text, mail.part("html")):
            assert "CAR" not in part
            assert "evil.example" not in part


@pytest.mark.parametrize(
    "email",
    [
        "jürgen@bücher.example",
        "用户@例子.example",
        "josé+" + "é" * 40 + "@example.com",
        "o'brien!#$%&*+/=?^_`{|}~-@example.com",
        "x" * 64 + "@" + ("y" * 59 + ".") * 3 + "example",
        "ada@localhost",
        "ada@team.local",
        "İstanbul@example.com",
    ],
)
def test_every_valid_address_receives_its_mail(flows: Flows, email: str) -> None:
    joined = flows.join(email)
    [mail] = flows.mailbox.all()
    assert sorted(mail.header_names) == sorted(HEADERS)
    assert email_key(mail.recipient) == email_key(email)
    assert mail.recipient.rpartition("@")[2].isascii()
    flows.reset(email, flows.mailed_pin(email), "another good engine")
    assert flows.joined(email, "another good engine").id == joined.id


@pytest.mark.parametrize(
    "value",
    [
        "",
        "*",
        "de-DE,de;q=0.9,en;q=0.8",
        "../../../../etc/passwd",
        "en/../../x",
        "en\u0000",
        "x" * 5_000,
        "en-" + "x" * 40,
        "日本語",
        "{{ 7 * 7 }}",
        "en'; DROP TABLE outbox; --",
        "en\u2028Bcc: x@example.com",
        ";q=1",
        ",,,",
    ],
)
def test_an_unknown_language_falls_back_to_english(
    flows: Flows, installation: Installation, ada: Joined, value: str
) -> None:
    headers = {"Accept-Language": value}
    asked = [
        installation.call("POST", f"{AUTH}/register", None, headers, json=body)
        for body in (
            {"email": "new@example.com", "name": "New", "password": CHOSEN},
            {"email": ada.email, "name": "New", "password": CHOSEN},
        )
    ]
    asked += [
        installation.call(
            "POST", f"{AUTH}/verify-email/resend", None, headers, json={"email": "new@example.com"}
        ),
        installation.call("POST", f"{AUTH}/password/reset", None, headers, json={"email": ada.email}),
        installation.call(
            "POST", f"{AUTH}/email", ada.access, headers, json={"email": "x@example.com", "password": CHOSEN}
        ),
    ]
    assert {response.status_code for response in asked} == {202}
    mailbox = flows.mailbox.all()
    assert len(mailbox) == 5
    for mail in mailbox:
        assert sorted(mail.header_names) == sorted(HEADERS)
        assert "someone, probably you" in mail.text.casefold()
