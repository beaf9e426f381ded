"""`doorward dev-mailbox`: it receives mail by SMTP, and shows it to who knows the address."""

import re
import smtplib
import sys
from collections.abc import Iterator
from email.message import EmailMessage
from pathlib import Path
from typing import IO, Final

import httpx2
import pytest

from doorward.dev_mailbox import MAX_MAIL_BYTES
from integration.harness.deployment import wait_until
from support.ports import free_port
from support.preloaded import PreloadedProcess
from support.probes import http_status
from support.processes import Process, ProcessError
from support.standalone import Standalone

KEY: Final = "a-key-of-the-tests_0123"


class DevMailbox(Process):
    """The command on free ports."""

    def __init__(self, folder: Path, **env: str) -> None:
        self.port, self.smtp_port = free_port(), free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        super().__init__(
            "doorward dev-mailbox",
            [sys.executable, "-m", "doorward", "dev-mailbox"],
            log=folder / "dev-mailbox.log",
            ready=lambda: http_status(self.port, "/livez") == 200,
            env={
                "DOORWARD_PORT": str(self.port),
                "DOORWARD_MAILBOX_SMTP_PORT": str(self.smtp_port),
                "DOORWARD_MAILBOX_DIR": str(folder / "mailbox"),
                "DOORWARD_MAILBOX_KEY": KEY,
                **env,
            },
        )

    def _spawn(self, output: IO[bytes]) -> PreloadedProcess:
        return PreloadedProcess("doorward", self.command[3:], env=self.env, stdout=output)


@pytest.fixture(scope="module")
def mailbox(tmp_path_factory: pytest.TempPathFactory) -> Iterator[DevMailbox]:
    with DevMailbox(tmp_path_factory.mktemp("dev-mailbox")) as process:
        yield process


def send(mailbox: DevMailbox, subject: str, text: str = "Hello") -> None:
    message = EmailMessage()
    message["From"], message["To"], message["Subject"] = "no-reply@example.com", "ada@example.com", subject
    message.set_content(text)
    with smtplib.SMTP("127.0.0.1", mailbox.smtp_port, timeout=30) as client:
        client.send_message(message)


def test_a_mail_that_is_sent_to_it_is_shown(mailbox: DevMailbox) -> None:
    send(mailbox, "The first mail", "The code is 123456")
    page = httpx2.get(f"{mailbox.url}/mailbox/{KEY}")
    link = re.search(rf'href="(/mailbox/{KEY}/[^"]+)">The first mail<', page.text)
    assert link is not None, page.text
    assert "The code is 123456" in httpx2.get(mailbox.url + link[1]).text


@pytest.mark.parametrize(
    ("path", "headers", "status"),
    [
        ("/mailbox", {}, 404),
        ("/mailbox/another-key-of-the-tests", {}, 404),
        (f"/mailbox/{KEY}", {"X-Forwarded-For": "192.0.2.1"}, 404),
        (f"/mailbox/{KEY}", {"Host": "dev-mailbox.doorward.svc"}, 421),
    ],
)
def test_without_the_secret_or_from_elsewhere_no_mail_is_shown(
    mailbox: DevMailbox, path: str, headers: dict[str, str], status: int
) -> None:
    send(mailbox, "A mail with a code")
    answer = httpx2.get(mailbox.url + path, headers=headers)
    assert answer.status_code == status
    assert "A mail with a code" not in answer.text


def test_its_secret_is_printed_only_if_it_was_generated(mailbox: DevMailbox, tmp_path: Path) -> None:
    assert KEY not in mailbox.log_text()
    with DevMailbox(tmp_path, DOORWARD_MAILBOX_KEY="") as own:
        printed = re.search(r"is shown at (\S+)", own.log_text())
        assert printed is not None, own.log_text()
        assert httpx2.get(printed[1]).status_code == 200


def test_a_mail_that_is_too_large_is_rejected(mailbox: DevMailbox) -> None:
    with pytest.raises(smtplib.SMTPResponseException) as rejected:
        send(mailbox, "A large mail", "x" * 70 + "\n" * MAX_MAIL_BYTES)
    assert rejected.value.smtp_code == 552


@pytest.mark.parametrize(
    ("variable", "value", "reason"),
    [
        ("DOORWARD_MAILBOX_KEY", "short", "DOORWARD_MAILBOX_KEY is not 16 or more"),
        ("DOORWARD_MAILBOX_KEY", "a/path/of/the/tests", "DOORWARD_MAILBOX_KEY is not 16 or more"),
        ("DOORWARD_MAILBOX_SMTP_PORT", "{port}", "; change DOORWARD_MAILBOX_SMTP_HOST or"),
    ],
)
def test_an_unusable_setting_stops_the_start(
    mailbox: DevMailbox, tmp_path: Path, variable: str, value: str, reason: str
) -> None:
    with (
        pytest.raises(ProcessError) as failed,
        DevMailbox(tmp_path, **{variable: value.format(port=mailbox.smtp_port)}),
    ):
        pass
    assert reason in str(failed.value)


def test_a_registration_is_completed_with_the_code_that_it_shows(mailbox: DevMailbox, tmp_path: Path) -> None:
    sending = Standalone(
        tmp_path,
        DOORWARD_SMTP_HOST="127.0.0.1",
        DOORWARD_SMTP_PORT=str(mailbox.smtp_port),
        DOORWARD_SMTP_TLS="none",
        DOORWARD_MAIL_FROM="doorward@example.com",
    )
    with sending as doorward:
        auth = f"{doorward.url}/api/v1/auth"
        grace = {"email": "grace@example.com", "password": "a compiler of some kind"}
        token = httpx2.post(f"{auth}/register", json=grace).json()["registration_token"]

        def code() -> str | None:
            pages = httpx2.get(f"{mailbox.url}/mailbox/{KEY}").text
            links = re.findall(rf'grace@example.com</td><td><a href="(/mailbox/{KEY}/[^"]+)"', pages)
            found = re.search(r"\bdwv_[\w-]+", httpx2.get(mailbox.url + links[0]).text) if links else None
            return found[0] if found else None

        wait_until(lambda: code() is not None, "the mail")
        verified = httpx2.post(f"{auth}/verify-email", json={"code": code(), "registration_token": token})
        assert verified.status_code == 200, verified.text
        assert httpx2.post(f"{auth}/token", json=grace).status_code == 200
