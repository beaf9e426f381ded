"""Addresses beyond ASCII, and text with SMTP headers or commands."""

from pathlib import Path

import pytest

from doorward_mail.outbox.mail import Mail
from integration.harness.workers import running
from integration.mail.mailing import Mailer, mail_settings
from support.smtp import ReceivedMail, SmtpServer

pytestmark = pytest.mark.databases("sqlite")  # sent bytes do not depend on the database

HEADERS = {
    "From", "To", "Subject", "Date", "Message-ID", "Auto-Submitted", "MIME-Version", "Content-Type",
}  # fmt: skip


async def send(mailer: Mailer, smtp: SmtpServer, mail: Mail, name: str = "Test Team") -> ReceivedMail:
    await mailer.enqueue(mail)
    async with running(mailer.worker(mail_settings(smtp.port, mail_from_name=name))):
        await mailer.wait_until_empty()
    return smtp.mails()[-1]


async def test_a_domain_beyond_ascii_needs_no_server_extension(mailer: Mailer, tmp_path: Path) -> None:
    with SmtpServer(tmp_path, smtputf8=False) as smtp:
        received = await send(
            mailer, smtp, Mail("notice", "ada@straße.example", parameters={"number": 1, "name": "Ä"})
        )
    assert received.recipients == ["ada@xn--strae-oqa.example"]
    assert received.message["To"] == "ada@xn--strae-oqa.example"
    assert received.text().startswith("Hello Ä,")


async def test_a_name_beyond_ascii_is_sent_as_utf_8(mailer: Mailer, smtp: SmtpServer) -> None:
    received = await send(
        mailer, smtp, Mail("notice", "jörg@bücher.example", parameters={"number": "№ 1", "name": "J"})
    )
    assert received.recipients == ["jörg@xn--bcher-kva.example"]
    assert "SMTPUTF8" in received.options
    assert "To: jörg@xn--bcher-kva.example\r\n".encode() in received.content
    assert received.message["Subject"] == "Notice № 1"


async def test_a_server_without_smtputf8_dead_letters_a_name_beyond_ascii(
    mailer: Mailer, tmp_path: Path
) -> None:
    with SmtpServer(tmp_path, smtputf8=False) as smtp:
        await mailer.enqueue(Mail("notice", "jörg@example.com", parameters={"number": 1, "name": "J"}))
        async with running(mailer.worker(mail_settings(smtp.port))):
            await mailer.wait_until_dead(1)
        assert smtp.mails() == []
    assert [row.last_error for row in await mailer.rows()] == ["address"]


@pytest.mark.parametrize(
    "hostile",
    [
        "x\r\nBcc: thief@example.com",
        "x\nBcc: thief@example.com",
        "x\rBcc: thief@example.com",
        "x\u2028Bcc: thief@example.com",
        "x\x0bBcc: thief@example.com\x85\x0c\x1c",
        "=?utf-8?q?x=0D=0ABcc:_thief@example.com?=",
        "ü =?utf-8?b?DQpCY2M6IHRoaWVmQGV4YW1wbGUuY29t?= ü",
        "=?=?utf-8?q?=0A?=Bcc: thief@example.com",
        "x" * 1200 + "\r\n.\r\nMAIL FROM:<thief@example.com>",
        "\r\n.\r\nQUIT\r\n",
        "</title><script>alert(1)</script>",
        "{{ config }}{% for x in [1] %}",
        "Ada\u202egpj.exe",
    ],
)
async def test_hostile_text_in_a_mail_arrives_as_text(mailer: Mailer, smtp: SmtpServer, hostile: str) -> None:
    received = await send(
        mailer,
        smtp,
        Mail("notice", "ada@example.com", parameters={"number": hostile, "name": hostile}),
        name=hostile[:100],
    )
    message = received.message
    assert received.recipients == ["ada@example.com"]
    assert set(message.keys()) == HEADERS
    assert len(message.keys()) == len(HEADERS)
    assert len(message["From"].addresses) == 1
    assert message["From"].addresses[0].addr_spec == "no-reply@example.com"
    header = received.content.partition(b"\r\n\r\n")[0]
    assert all(len(line) <= 998 for line in header.split(b"\r\n"))
    assert "Bcc" not in {line.partition(b":")[0].decode() for line in header.split(b"\r\n")}
    assert "<script>" not in received.text("html")
    assert "\u202e" not in received.text().splitlines()[0]
    assert len(smtp.mails()) == 1


@pytest.mark.parametrize(
    "address",
    [
        "ada@example.com\r\nRCPT TO:<thief@example.com>",
        "ada@example.com>\r\nDATA",
        "ada@example.com> SIZE=1",
        "ada example@example.com",
        "<ada@example.com>",
        '"ada\r\n"@example.com',
        "ada@example.com, thief@example.com",
        "ada(thief)@example.com",
        "ada@exa mple.com",
        "ada@-example.com",
        "ada@",
        "@example.com",
        "ada",
        "",
        "ada\x00@example.com",
        "ad\u202ea@example.com",
        "ada@exa\u0000mple.com",
        "ada@☃..example",
    ],
)
async def test_an_invalid_address_is_dead_lettered_without_a_connection(
    mailer: Mailer, smtp: SmtpServer, address: str
) -> None:
    await mailer.enqueue(Mail("notice", address, parameters={"number": 1, "name": "Ada"}))
    async with running(mailer.worker(mail_settings(smtp.port))):
        await mailer.wait_until_dead(1)
    assert [row.last_error for row in await mailer.rows()] == ["address"]
    assert smtp.mails() == []
