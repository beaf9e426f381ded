"""TLS and authentication: nothing that must be protected is sent in the clear."""

from pathlib import Path

import pytest

from integration.harness.workers import running
from integration.mail.mailing import Mailer, eventually, mail_settings, notice
from support.certificates import Certificate, self_signed
from support.smtp import SmtpServer

pytestmark = pytest.mark.databases("sqlite")  # sent bytes do not depend on the database

ACCOUNT = ("doorward", "a password, with ünicode")


@pytest.fixture
def certificate(tmp_path: Path) -> Certificate:
    return self_signed(tmp_path)


@pytest.mark.parametrize("tls", ["starttls", "tls"])
async def test_mail_is_sent_over_tls_with_authentication(
    mailer: Mailer, certificate: Certificate, tmp_path: Path, tls: str
) -> None:
    with SmtpServer(tmp_path, certificate=certificate, implicit_tls=tls == "tls", account=ACCOUNT) as smtp:
        settings = mail_settings(
            smtp.port,
            smtp_host="localhost",
            smtp_tls=tls,
            smtp_ca_file=certificate.authority,
            smtp_username=ACCOUNT[0],
            smtp_password=ACCOUNT[1],
        )
        await mailer.enqueue(notice(1), notice(2))
        async with running(mailer.worker(settings)):
            await mailer.wait_until_empty()
        mails = smtp.mails()
    assert len(mails) == 2
    assert all(mail.is_authenticated for mail in mails)
    assert all(mail.is_tls for mail in mails) or tls == "tls"


@pytest.mark.parametrize("tls", ["starttls", "tls"])
async def test_an_untrusted_certificate_gets_neither_mail_nor_password(
    mailer: Mailer, certificate: Certificate, tmp_path: Path, tls: str
) -> None:
    with SmtpServer(tmp_path, certificate=certificate, implicit_tls=tls == "tls", account=ACCOUNT) as smtp:
        settings = mail_settings(smtp.port, smtp_tls=tls, smtp_username=ACCOUNT[0], smtp_password=ACCOUNT[1])
        await assert_mail_waits(mailer, smtp, settings, "tls")


async def test_a_server_without_starttls_gets_no_mail(mailer: Mailer, smtp: SmtpServer) -> None:
    await assert_mail_waits(mailer, smtp, mail_settings(smtp.port, smtp_tls="starttls"), "tls")


async def test_a_certificate_for_another_name_gets_no_mail(
    mailer: Mailer, certificate: Certificate, tmp_path: Path
) -> None:
    with SmtpServer(tmp_path, certificate=certificate, host="127.0.0.2") as smtp:
        settings = mail_settings(
            smtp.port, smtp_host="127.0.0.2", smtp_tls="starttls", smtp_ca_file=certificate.authority
        )
        await assert_mail_waits(mailer, smtp, settings, "tls")


async def test_a_wrong_password_delays_mail_without_dead_lettering(
    mailer: Mailer, certificate: Certificate, tmp_path: Path
) -> None:
    with SmtpServer(tmp_path, certificate=certificate, account=ACCOUNT) as smtp:
        settings = mail_settings(
            smtp.port,
            smtp_tls="starttls",
            smtp_ca_file=certificate.authority,
            smtp_username=ACCOUNT[0],
            smtp_password="wrong",
            mail_max_attempts=1,
        )
        await assert_mail_waits(mailer, smtp, settings, "auth 535 5.7.8")


async def test_a_missing_account_delays_mail(
    mailer: Mailer, certificate: Certificate, tmp_path: Path
) -> None:
    with SmtpServer(tmp_path, certificate=certificate, account=ACCOUNT) as smtp:
        settings = mail_settings(
            smtp.port, smtp_tls="starttls", smtp_ca_file=certificate.authority, mail_max_attempts=1
        )
        await assert_mail_waits(mailer, smtp, settings, "sender 530 5.7.0")


async def assert_mail_waits(mailer: Mailer, smtp: SmtpServer, settings: object, error: str) -> None:
    await mailer.enqueue(notice())
    async with running(mailer.worker(settings)):  # type: ignore[arg-type]
        await eventually(lambda rows: rows[0].last_error is not None, mailer.rows)
    (row,) = await mailer.rows()
    assert (row.last_error, row.dead_at, row.attempts) == (error, None, 0)
    assert smtp.mails() == []
