"""The mails that auth's worker wrote to its folder."""

import re
import time
from collections.abc import Callable
from dataclasses import dataclass
from email import message_from_bytes, policy
from email.message import EmailMessage
from functools import cached_property
from pathlib import Path
from typing import Any, Final

from doorward_identity.emails import email_key

_CODE: Final = re.compile(r"\bdw[vicep]_[A-Za-z0-9_-]{64}(?![A-Za-z0-9_-])")
_PIN: Final = re.compile(r"^ *([0-9]{6})$", re.MULTILINE)
_SECONDS: Final = 90.0


@dataclass(frozen=True)
class MailboxMail:
    """One mail as it would be sent."""

    raw: bytes

    @cached_property
    def message(self) -> EmailMessage:
        """The mail as a mail program reads it."""
        message = message_from_bytes(self.raw, policy=policy.default)
        assert isinstance(message, EmailMessage)
        return message

    @cached_property
    def recipient(self) -> str:
        """Its recipient."""
        return str(self.message["To"])

    @property
    def subject(self) -> str:
        """Its subject."""
        return str(self.message["Subject"])

    @property
    def header_names(self) -> list[str]:
        """The names of its header fields, in order, read from the bytes."""
        header, _, _ = self.raw.partition(b"\r\n\r\n")
        lines = [line for line in header.split(b"\r\n") if line[:1] not in {b" ", b"\t"}]
        return [line.partition(b":")[0].decode("ascii") for line in lines]

    def part(self, kind: str) -> str:
        """Return its `plain` or its `html` part."""
        part = self.message.get_body((kind,))
        assert part is not None
        return str(part.get_content()).replace("\r\n", "\n")

    @property
    def text(self) -> str:
        """Its plain text."""
        return self.part("plain")

    @property
    def code(self) -> str:
        """The long code in it."""
        codes = set(_CODE.findall(self.text))
        assert len(codes) == 1, self.text
        return str(codes.pop())

    @property
    def pin(self) -> str:
        """The six digits in it."""
        [pin] = _PIN.findall(self.text)
        return str(pin)


class Mailbox:
    """A mailbox folder and the outbox that fills it.

    `wake` makes the outbox's worker look for mail at once, where it would otherwise poll all the time.
    """

    def __init__(
        self,
        execute: Callable[[str], list[tuple[Any, ...]]],
        folder: Path,
        wake: Callable[[], None] = lambda: None,
    ) -> None:
        self._execute = execute
        self._folder = folder
        self._wake = wake
        self._read: dict[str, MailboxMail] = {}

    def wait(self) -> None:
        """Wait until the outbox has no mail due; mails that are missing then were not sent."""
        deadline = time.monotonic() + _SECONDS
        while self._execute("SELECT 1 FROM outbox WHERE due_at IS NOT NULL LIMIT 1"):
            assert time.monotonic() < deadline, f"mail is still on its way after {_SECONDS} s"
            self._wake()
            time.sleep(0.01)

    def all(self) -> list[MailboxMail]:
        """Wait until the outbox is empty, and return all mails in order."""
        self.wait()
        # Each is read and parsed once: a file is complete as soon as it has its name.
        return [
            self._read.get(path.name) or self._read.setdefault(path.name, MailboxMail(path.read_bytes()))
            for path in sorted(self._folder.glob("*.eml"))
        ]

    def mails_to(self, address: str) -> list[MailboxMail]:
        """Return the mails to an address, in order."""
        key = email_key(address)
        return [mail for mail in self.all() if email_key(mail.recipient) == key]

    def last_to(self, address: str) -> MailboxMail:
        """Return the latest mail to an address; fails the test if there is none."""
        mailbox = self.mails_to(address)
        assert mailbox, f"no mail for {address}"
        return mailbox[-1]

    def empty(self) -> None:
        """Delete all mails."""
        self.wait()
        for path in self._folder.glob("*.eml"):
            path.unlink()
