"""File transport for development: writes mails to a folder, for dev_mailbox_page to show."""

import asyncio
import os
import re
import tempfile
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from email import message_from_bytes, policy
from email.message import EmailMessage
from pathlib import Path
from typing import Final

import structlog

from doorward_client.settings import SettingsError
from doorward_mail.transport.base import Message

log = structlog.get_logger(__name__)

_NAME: Final = re.compile(r"\d{8}T\d{12}Z-[0-9a-f-]{36}\.eml")


@dataclass(frozen=True, slots=True)
class StoredMail:
    """A mail of the folder, as lists show it."""

    name: str
    recipient: str
    subject: str
    date: str


def prepare_folder(folder: Path) -> None:
    """Make the folder of a mailbox if it is missing; raises SettingsError if it cannot be written."""
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=folder):
            pass
    except OSError as error:
        raise SettingsError(f"DOORWARD_MAILBOX_DIR cannot be used: {error}") from None


class Mailbox:
    """A transport that writes each mail to a file, and keeps the newest `size` files."""

    def __init__(self, folder: Path, size: int) -> None:
        self._folder = folder
        self._size = size

    @asynccontextmanager
    async def connect(self) -> AsyncIterator["Mailbox"]:
        yield self

    async def send(self, message: Message, *, seconds: float) -> None:  # noqa: ARG002 - the transport's signature
        name = await asyncio.to_thread(self._write, message)
        log.info("mail.written", mail=str(message.id), file=name)

    async def close_idle(self) -> None:
        """Do nothing: a folder has no connections."""

    def mails(self) -> list[StoredMail]:
        """Read all mails, the newest first. Blocks: call it on a thread."""
        return [_summary(name, found) for name in self._names() if (found := self.read(name)) is not None]

    def read(self, name: str) -> EmailMessage | None:
        """Read one mail, None if it does not exist. Blocks: call it on a thread."""
        if not _NAME.fullmatch(name):
            return None
        try:
            content = (self._folder / name).read_bytes()
        except FileNotFoundError:
            return None
        message = message_from_bytes(content, policy=policy.default)
        assert isinstance(message, EmailMessage)
        return message

    def _names(self) -> list[str]:
        """Return the files' names, the newest first: a name begins with the time."""
        if not self._folder.is_dir():
            return []
        return sorted(
            (path.name for path in self._folder.iterdir() if _NAME.fullmatch(path.name)), reverse=True
        )

    def _write(self, message: Message) -> str:
        self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        name = f"{datetime.now(UTC):%Y%m%dT%H%M%S%f}Z-{message.id}.eml"
        # Written under another name and moved, so that readers see whole mails. Private: it may hold a code.
        descriptor, path = tempfile.mkstemp(dir=self._folder)
        try:
            with os.fdopen(descriptor, "wb") as file:
                file.write(message.content)
            Path(path).replace(self._folder / name)
        except BaseException:
            Path(path).unlink()
            raise
        for old in self._names()[self._size :]:
            with suppress(FileNotFoundError):  # another process trims the folder, too
                (self._folder / old).unlink()
        return name


def _summary(name: str, message: EmailMessage) -> StoredMail:
    return StoredMail(name, str(message["To"]), str(message["Subject"]), str(message["Date"]))


def text_of(message: EmailMessage, kind: str) -> str:
    """Return the text of a mail's part, `plain` or `html`; empty without one."""
    part = message.get_body((kind,))
    return "" if part is None else str(part.get_content()).replace("\r\n", "\n")
