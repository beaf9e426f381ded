"""Reads the mail of the installation from its mailbox folder or its mailbox page."""

import re
from dataclasses import dataclass
from email import message_from_bytes, policy
from email.message import EmailMessage
from html.parser import HTMLParser
from pathlib import Path
from typing import Final, Protocol
from urllib.parse import urljoin

import httpx2

_CODE: Final = re.compile(r"\bdw[vice]_[A-Za-z0-9_-]{64}(?![A-Za-z0-9_-])")
_PIN: Final = re.compile(r"^ *([0-9]{6})$", re.MULTILINE)


@dataclass(frozen=True)
class Mail:
    """A received mail."""

    subject: str
    text: str

    @property
    def secret(self) -> str | None:
        """The long code or the PIN in it, if any."""
        for pattern in (_CODE, _PIN):
            found = pattern.search(self.text)
            if found is not None:
                return found[0].strip()
        return None


class Mailbox(Protocol):
    """A source of received mail."""

    def mails_to(self, address: str) -> list[Mail]:
        """Return the mails to an address, in order."""


class FolderMailbox:
    """The folder of DOORWARD_MAILBOX_DIR."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def mails_to(self, address: str) -> list[Mail]:
        """Return the mails to an address, in order of their file names, which begin with the time."""
        messages = [_parsed(path.read_bytes()) for path in sorted(self._folder.glob("*.eml"))]
        return [_mail(message) for message in messages if str(message["To"]) == address]


class PageMailbox:
    """The page that `make run` shows its mail on."""

    def __init__(self, url: str, client: httpx2.Client) -> None:
        self._url = url
        self._client = client

    def mails_to(self, address: str) -> list[Mail]:
        """Return the mails to an address, oldest first; the page lists the newest first."""
        rows = _Rows()
        rows.feed(self._read(self._url))
        mine = [row for row in rows.found if row.recipient == address]
        return [Mail(row.subject, self._text(row.link)) for row in reversed(mine)]

    def _text(self, link: str) -> str:
        page = _Preformatted()
        page.feed(self._read(urljoin(self._url, link)))
        return page.text

    def _read(self, url: str) -> str:
        return self._client.get(url).raise_for_status().text


def open_mailbox(where: str, client: httpx2.Client) -> Mailbox:
    """Return the mailbox in a folder or on a page; raises NotADirectoryError for what is neither."""
    if where.startswith(("http://", "https://")):
        return PageMailbox(where, client)
    folder = Path(where)
    if not folder.parent.is_dir():  # the folder itself comes with the first mail
        raise NotADirectoryError(where)
    return FolderMailbox(folder)


def _parsed(content: bytes) -> EmailMessage:
    message = message_from_bytes(content, policy=policy.default)
    assert isinstance(message, EmailMessage)
    return message


def _mail(message: EmailMessage) -> Mail:
    part = message.get_body(("plain",))
    text = "" if part is None else str(part.get_content()).replace("\r\n", "\n")
    return Mail(str(message["Subject"]), text)


@dataclass
class _Row:
    """A line of the page's table; its cells are date, recipient and subject."""

    cells: list[str]
    link: str = ""

    @property
    def recipient(self) -> str:
        return self.cells[1] if len(self.cells) > 1 else ""

    @property
    def subject(self) -> str:
        return self.cells[-1]


class _Rows(HTMLParser):
    """Reads the table of mails."""

    def __init__(self) -> None:
        super().__init__()
        self.found: list[_Row] = []
        self._is_in_cell = False

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag == "tr":
            self.found.append(_Row([]))
        elif tag == "td":
            self.found[-1].cells.append("")
            self._is_in_cell = True
        elif tag == "a" and self._is_in_cell:
            self.found[-1].link = dict(attrs).get("href") or ""

    def handle_endtag(self, tag: str) -> None:
        self._is_in_cell = self._is_in_cell and tag != "td"

    def handle_data(self, data: str) -> None:
        if self._is_in_cell:
            self.found[-1].cells[-1] += data


class _Preformatted(HTMLParser):
    """Reads the text of a mail."""

    def __init__(self) -> None:
        super().__init__()
        self.text = ""
        self._is_inside = False

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:  # noqa: ARG002 - the parser's signature
        self._is_inside = self._is_inside or tag == "pre"

    def handle_endtag(self, tag: str) -> None:
        self._is_inside = self._is_inside and tag != "pre"

    def handle_data(self, data: str) -> None:
        if self._is_inside:
            self.text += data
