"""A real SMTP server in a separate process, with recorded mails and controlled behaviour."""

import base64
import json
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from email import message_from_bytes, policy
from email.message import EmailMessage
from pathlib import Path
from typing import Any, Final

from support.certificates import Certificate
from support.ports import free_port
from support.probes import accepts
from support.processes import Process, ProcessError

_SCRIPT: Final = Path(__file__).with_name("smtp_process.py")


@dataclass(frozen=True)
class ReceivedMail:
    """An accepted mail; `connection` is equal for mails of one connection.

    `is_answered` is False if the connection was dropped instead of a reply.
    """

    received_at: float
    sender: str
    recipients: list[str]
    options: list[str]
    content: bytes
    greeting: str
    is_tls: bool
    is_authenticated: bool
    connection: str
    is_answered: bool

    @property
    def message(self) -> EmailMessage:
        """The mail as a mail program reads it."""
        message = message_from_bytes(self.content, policy=policy.default)
        assert isinstance(message, EmailMessage)
        return message

    @property
    def id(self) -> str:
        """The outbox row's id, with which every Message-ID begins."""
        return str(self.message["Message-ID"])[1:37]

    def text(self, kind: str = "plain") -> str:
        """Return the part of this kind, with line feeds."""
        part = self.message.get_body((kind,))
        assert part is not None
        return str(part.get_content()).replace("\r\n", "\n")


class SmtpServer(Process):
    """An SMTP server on a free port of this machine; it keeps its port and its record over restarts.

    With a certificate it requires STARTTLS before other commands (or TLS from the first byte), with an
    account it requires AUTH.
    """

    def __init__(
        self,
        folder: Path,
        *,
        certificate: Certificate | None = None,
        implicit_tls: bool = False,
        account: tuple[str, str] | None = None,
        host: str = "127.0.0.1",
        **options: Any,
    ) -> None:
        self.port = free_port()
        self._record = folder / "smtp.jsonl"
        self._behaviour = folder / "smtp-behaviour.json"
        config = folder / "smtp.json"
        described: dict[str, Any] = {
            "host": host,
            "port": self.port,
            "record": str(self._record),
            "behaviour": str(self._behaviour),
            "certificate": str(certificate.pem) if certificate else None,
            "implicit_tls": implicit_tls,
            **options,
        }
        if account is not None:
            described["username"], described["password"] = account
        config.write_text(json.dumps(described), encoding="utf-8")
        self.behave()
        super().__init__(
            "smtp",
            [sys.executable, "-W", "ignore", _SCRIPT, config],
            log=folder / "smtp.log",
            ready=lambda: accepts(self.port, host),
        )

    @property
    def settings(self) -> dict[str, Any]:
        """The settings of a service that sends its mail here, without a certificate or an account."""
        return {
            "smtp_host": "127.0.0.1",
            "smtp_port": self.port,
            "smtp_tls": "none",
            "mail_from": "no-reply@example.com",
        }

    @property
    def service_env(self) -> dict[str, str]:
        """The same as environment variables."""
        return {f"DOORWARD_{name.upper()}": str(value) for name, value in self.settings.items()}

    def behave(self, **behaviour: Any) -> None:
        """Change the behaviour from the next command on; without arguments, accept everything.

        `delay` seconds before the answer to DATA, or to `delay_at`; `reject_at` a step (ehlo, mail,
        rcpt, data) with `code` and `status`, of which `share` says how often and `only` for addresses
        with which text; `drop_share` of the mails are taken and their connection dropped without an
        answer.
        """
        # Replaced atomically, because the server reads it for every command.
        temporary = self._behaviour.with_suffix(".new")
        temporary.write_text(json.dumps(behaviour), encoding="utf-8")
        temporary.replace(self._behaviour)

    def reset(self) -> None:
        """Run, accept everything, and clear the record."""
        self.thaw() if self.alive else self.start()
        self.behave()
        self._record.unlink(missing_ok=True)

    def mails(self) -> list[ReceivedMail]:
        """Return the accepted mails in order."""
        if not self._record.exists():
            return []
        lines = self._record.read_text(encoding="utf-8").splitlines(keepends=True)
        entries = [json.loads(line) for line in lines if line.endswith("\n")]
        return [ReceivedMail(**{**entry, "content": base64.b64decode(entry["content"])}) for entry in entries]

    def wait_for(
        self, enough: Callable[[list[ReceivedMail]], bool], timeout: float = 60.0
    ) -> list[ReceivedMail]:
        """Wait until the accepted mails satisfy a condition, and return them; raises ProcessError."""
        deadline = time.monotonic() + timeout
        while not enough(mails := self.mails()):
            if time.monotonic() > deadline:
                raise ProcessError(f"the SMTP server took {len(mails)} mails, and that is not enough")
            time.sleep(0.02)
        return mails
