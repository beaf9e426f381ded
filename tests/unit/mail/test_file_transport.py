"""The file transport, and the pages that show its mail."""

import asyncio
import os
import uuid
from pathlib import Path

import pytest
from fastapi import FastAPI
from starlette.testclient import TestClient

from doorward_client.errors import setup_error_handlers
from doorward_kit.routing import add_routes
from doorward_mail.content.message import MailContent, MessageBuilder
from doorward_mail.outbox.leases import LeasedMail
from doorward_mail.settings import MailSettings
from doorward_mail.transport.base import Message
from doorward_mail.transport.dev_mailbox_page import mailbox_router
from doorward_mail.transport.file_transport import Mailbox, text_of

HOSTILE = "<script>alert('html')</script>"


def message(subject: str = "Hello", text: str = "Text", html: str = "<p>Html</p>") -> Message:
    mail_id = uuid.uuid4()
    mail = LeasedMail(mail_id, mail_id, "notice", "jörg@example.com", "en", {}, 1, 0.0, is_expired=False)
    return MessageBuilder(MailSettings()).build(mail, MailContent(subject, text, html))


KEY = "a-secret-of-the-process"
PAGES = f"/mailbox/{KEY}"


async def put(mailbox: Mailbox, *messages: Message) -> None:
    for one in messages:
        async with mailbox.connect() as connection:
            await connection.send(one, seconds=1.0)


@pytest.fixture
def mailbox(tmp_path: Path) -> Mailbox:
    return Mailbox(tmp_path / "mail" / "box", 3)


async def test_a_mail_is_written_atomically_and_private(mailbox: Mailbox, tmp_path: Path) -> None:
    sent = message("Grüße", "Täxt\n")
    await put(mailbox, sent)
    (path,) = (tmp_path / "mail" / "box").iterdir()
    assert path.read_bytes() == sent.content
    assert path.stat().st_mode & 0o777 == 0o600
    assert path.parent.stat().st_mode & 0o777 == 0o700
    (listed,) = mailbox.mails()
    assert (listed.subject, listed.recipient) == ("Grüße", "jörg@example.com")
    found = mailbox.read(listed.name)
    assert found is not None
    assert text_of(found, "plain") == "Täxt\n"


async def test_the_newest_mails_are_kept_and_listed_first(mailbox: Mailbox) -> None:
    await put(mailbox, *(message(f"Number {number}") for number in range(5)))
    assert [mail.subject for mail in mailbox.mails()] == ["Number 4", "Number 3", "Number 2"]


async def test_two_processes_can_share_a_folder(tmp_path: Path) -> None:
    boxes = [Mailbox(tmp_path, 5) for _ in range(2)]
    await asyncio.gather(*(put(box, *(message() for _ in range(10))) for box in boxes))
    assert len(boxes[0].mails()) == 5
    assert len(os.listdir(tmp_path)) == 5  # noqa: PTH208 - ruff also rejects Path.iterdir in async functions


def test_an_empty_mailbox_needs_no_folder(mailbox: Mailbox) -> None:
    assert mailbox.mails() == []


@pytest.mark.parametrize("name", ["../../etc/passwd", "..", "x.eml", "/etc/passwd", "", "a\x00.eml"])
def test_only_its_own_file_names_are_read(mailbox: Mailbox, name: str) -> None:
    assert mailbox.read(name) is None


@pytest.fixture
def client(mailbox: Mailbox) -> TestClient:
    app = FastAPI()
    setup_error_handlers(app)
    add_routes(app, mailbox_router(mailbox, key=KEY))
    return TestClient(app)


@pytest.mark.parametrize(
    "headers",
    [
        {"X-Forwarded-For": "192.0.2.1"},
        {"X-Forwarded-Host": "evil.example"},
        {"Forwarded": "for=192.0.2.1"},
        {"Via": "1.1 proxy"},
        {"X-Real-IP": "192.0.2.1"},
        {"X-Client-IP": "192.0.2.1"},
        {"X-Request-ID": "3f2a"},
        {"Forwarded-For": "192.0.2.1"},
        {"CF-Connecting-IP": "192.0.2.1"},
        {"True-Client-IP": "192.0.2.1"},
        {"CDN-Loop": "proxy"},
    ],
)
async def test_forwarded_requests_see_no_mail(
    mailbox: Mailbox, client: TestClient, headers: dict[str, str]
) -> None:
    await put(mailbox, message("Your code"))
    (mail,) = mailbox.mails()
    for path in (PAGES, f"{PAGES}/{mail.name}", f"{PAGES}/{mail.name}/html"):
        assert client.get(path).status_code == 200
        assert client.get(path, headers=headers).status_code == 404


@pytest.mark.parametrize("path", ["", "/", "/x", "/" + KEY[:-1], "/" + KEY + "x", "/%C3%A4"])
async def test_pages_need_their_key(mailbox: Mailbox, client: TestClient, path: str) -> None:
    await put(mailbox, message("Your code"))
    (mail,) = mailbox.mails()
    for page in ("", f"/{mail.name}", f"/{mail.name}/html"):
        assert client.get(f"/mailbox{path}{page}").status_code == 404


async def test_the_pages_show_the_stored_mails(mailbox: Mailbox, client: TestClient) -> None:
    assert "No mail yet" in client.get(PAGES).text
    await put(mailbox, message("Your code", "Open http://127.0.0.1:8080/verify?a=1&b=2 now"))
    (mail,) = mailbox.mails()
    index = client.get(PAGES)
    assert f'href="{PAGES}/{mail.name}"' in index.text
    assert "Your code" in index.text
    page = client.get(f"{PAGES}/{mail.name}").text
    assert 'href="http://127.0.0.1:8080/verify?a=1&amp;b=2"' in page
    assert f'<iframe sandbox src="{PAGES}/{mail.name}/html"' in page
    assert client.get(f"{PAGES}/{mail.name}/html").text.strip() == "<p>Html</p>"


async def test_a_hostile_mail_is_escaped(mailbox: Mailbox, client: TestClient) -> None:
    await put(mailbox, message(HOSTILE, HOSTILE + " javascript:alert(1)", HOSTILE))
    (mail,) = mailbox.mails()
    for path in (PAGES, f"{PAGES}/{mail.name}"):
        answer = client.get(path)
        assert HOSTILE not in answer.text
        assert 'href="javascript' not in answer.text
        assert_strict(answer.headers["content-security-policy"])
        assert "unsafe" not in answer.headers["content-security-policy"]
    html = client.get(f"{PAGES}/{mail.name}/html")
    assert html.headers["content-security-policy"].startswith("sandbox; ")
    assert_strict(html.headers["content-security-policy"])
    assert html.headers["cache-control"] == "no-store"
    assert html.headers["x-content-type-options"] == "nosniff"


def assert_strict(policy: str) -> None:
    rules = [rule.strip() for rule in policy.split(";")]
    assert "default-src 'none'" in rules
    assert not any("script" in rule or "allow" in rule or "http" in rule for rule in rules)


@pytest.mark.parametrize("name", ["20260101T000000000000Z-" + "0" * 36 + ".eml", "x", "..%2fetc%2fpasswd"])
def test_a_mail_that_is_not_there_is_404(client: TestClient, name: str) -> None:
    assert client.get(f"{PAGES}/{name}").status_code == 404
    assert client.get(f"{PAGES}/{name}/html").status_code == 404
