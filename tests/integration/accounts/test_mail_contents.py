"""What mails say, whatever names, addresses and headers hold."""

import re
from collections.abc import Iterator
from html import unescape
from pathlib import Path

import pytest

from doorward_common.database import create_engine
from doorward_common.migrations import migrate
from doorward_identity.emails import email_key
from doorward_identity.schema import PACKAGE
from integration.accounts.flows import CHOSEN, Flows, Joined
from integration.accounts.letters import Letter, Letters
from integration.harness.installation import AUTH, Installation
from integration.harness.people import People, populate

pytestmark = pytest.mark.databases("sqlite")  # what a mail says does not depend on where it waited

APP_URL = "https://app.example.com/base"
HEADERS = [
    "From", "To", "Subject", "Date", "Message-ID", "Auto-Submitted", "MIME-Version", "Content-Type",
]  # fmt: skip


@pytest.fixture
def linked(tmp_path: Path) -> Iterator[tuple[Flows, People]]:
    """An installation of its own, whose application has an address."""
    url, folder = f"sqlite:///{tmp_path}/doorward.db", tmp_path / "mailbox"
    engine = create_engine(url, pool_size=1, timeout=30)
    migrate(engine, PACKAGE)
    engine.dispose()
    with Installation(url, mailbox_dir=folder, mail_poll_seconds=0.05, app_url=APP_URL) as installation:
        people = populate(installation)
        yield Flows(installation, Letters(installation.execute, folder)), people


def every_kind(flows: Flows, people: People) -> dict[str, Letter]:
    """Cause one mail of each kind."""
    flows.join("ada@example.com")
    flows.register("ada@example.com")
    ada = flows.joined("ada@example.com", CHOSEN)
    flows.reset(ada.email, flows.mailed_pin(ada.email), CHOSEN)
    ada = flows.joined(ada.email, CHOSEN)
    flows.ask_for_address(ada.access, "new@example.com", CHOSEN)
    flows.confirm_address(ada.access, flows.pin_of("new@example.com"))
    flows.invited(people.admin.access, "bob@example.com")
    adas = flows.letters.to("ada@example.com")
    return {
        "verify_email": adas[0],
        "already_registered": adas[1],
        "password_reset": adas[2],
        "password_changed": adas[3],
        "email_changed": adas[4],
        "email_change": flows.letters.last_to("new@example.com"),
        "invitation": flows.letters.last_to("bob@example.com"),
    }


def test_with_an_address_of_the_application_mails_link_to_it(linked: tuple[Flows, People]) -> None:
    letters = every_kind(*linked)
    for kind, page in (("verify_email", "verify-email"), ("invitation", "accept-invitation")):
        for part in (letters[kind].text, letters[kind].part("html")):
            assert f"{APP_URL}/{page}?code={letters[kind].code}" in part
    for kind in ("already_registered", "password_changed", "email_changed"):
        assert f"\n  {APP_URL}\n" in letters[kind].text
        assert f'href="{APP_URL}"' in letters[kind].part("html")
    for kind in ("password_reset", "email_change"):
        assert "http" not in letters[kind].text
        assert letters[kind].pin in letters[kind].part("html")
        assert letters[kind].pin in letters[kind].subject


def test_without_one_they_carry_the_code_alone(flows: Flows, people: People) -> None:
    for kind, letter in every_kind(flows, people).items():
        assert "http" not in letter.text, kind
        assert "href" not in letter.part("html"), kind
    assert len(flows.letters.to("bob@example.com")) == 1


def test_every_mail_has_these_headers_and_no_other(flows: Flows, people: People) -> None:
    letters = every_kind(flows, people)
    for letter in letters.values():
        assert sorted(letter.header_names) == sorted(HEADERS)
        assert letter.message["Auto-Submitted"] == "auto-generated"
        assert letter.recipient.endswith("@example.com")
    assert len({letter.message["Message-ID"] for letter in letters.values()}) == len(letters)
    subjects = {re.sub("[0-9]{6}", "PIN", letter.subject) for letter in letters.values()}
    assert len(subjects) == 6  # both PINs stand in the same words


@pytest.mark.parametrize("header", ["Host", "X-Forwarded-Host", "Forwarded", "Origin", "Referer"])
def test_no_header_of_a_request_gets_into_a_mail(linked: tuple[Flows, People], header: str) -> None:
    flows, people = linked
    value = "host=evil.example" if header == "Forwarded" else "evil.example"
    hostile = Flows(flows.api, flows.letters, {header: value})
    for kind, letter in every_kind(hostile, people).items():
        assert b"evil.example" not in letter.raw, kind


@pytest.mark.parametrize(
    "name",
    [
        "Bcc: everybody@example.com",
        "=?utf-8?q?Ada=0D=0ABcc:_everybody@example.com?=",
        "=?utf-8?b?QWRhDQpCY2M6IHhAZXhhbXBsZS5jb20=?=",
        '"Ada" <everybody@example.com>,',
        '<img src="https://evil.example/x.png">',
        "</p><script>alert(1)</script>",
        "{{ 7 * 7 }}{% include '/etc/passwd' %}",
        "%(password)s %s {0.__class__}",
        "https://evil.example/verify-email?code=1",
        "李小龍 👩‍👩‍👧 " + "x" * 180,
        "\U0001f512" * 200,
        ".\u200d\u2060.",
    ],
)
def test_a_name_is_a_name(flows: Flows, name: str) -> None:
    ada = flows.join("ada@example.com", CHOSEN, name)
    flows.letters.empty()
    assert flows.change(ada.access, CHOSEN).status_code == 204
    [letter] = flows.letters.all()
    assert sorted(letter.header_names) == sorted(HEADERS)
    assert letter.recipient == "ada@example.com"
    assert letter.subject == "Your password at Doorward was changed"
    assert letter.text.startswith(f"Hello {' '.join(name.split())},\n\n")
    html = letter.part("html")
    assert unescape(html).count(name) == 1
    for unwanted in ("<script", "<img"):
        assert unwanted not in html


@pytest.mark.parametrize("ask", ["register", "resend"])
def test_who_registers_somebody_else_has_no_say_in_the_mail(flows: Flows, ask: str) -> None:
    """Else anybody could send two hundred characters of advertisement to anybody, from the team's address."""
    name = "WIN A CAR: https://evil.example/now"
    flows.register("somebody@example.com", CHOSEN, name)
    if ask == "resend":
        flows.resend("somebody@example.com")
    for letter in flows.letters.all():
        for part in (letter.subject, letter.text, letter.part("html")):
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
def test_every_address_that_can_register_gets_its_mail(flows: Flows, email: str) -> None:
    joined = flows.join(email)
    [letter] = flows.letters.all()
    assert sorted(letter.header_names) == sorted(HEADERS)
    assert email_key(letter.recipient) == email_key(email)
    assert letter.recipient.rpartition("@")[2].isascii()
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
def test_a_language_that_there_is_not_is_english(
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
    letters = flows.letters.all()
    assert len(letters) == 5
    for letter in letters:
        assert sorted(letter.header_names) == sorted(HEADERS)
        assert "somebody, most likely you" in letter.text.casefold()
