"""What carries a mail away, and how it says that a mail did not get through."""

import uuid
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from enum import StrEnum
from typing import Protocol


class Failure(StrEnum):
    """Where a mail got stuck. These are labels of metrics and the first word of `last_error`."""

    CONNECT = "connect"
    TLS = "tls"
    AUTH = "auth"
    SENDER = "sender"
    ADDRESS = "address"
    RECIPIENT = "recipient"
    CONTENT = "content"
    TIMEOUT = "timeout"
    PREPARE = "prepare"
    TEMPLATE = "template"
    CRASH = "crash"
    DIRECTORY = "directory"


@dataclass(frozen=True, slots=True)
class Message:
    """A mail as it goes over the wire: `content` is RFC 5322 text with CRLF.

    `is_utf8` says that an address needs SMTPUTF8 (RFC 6531).
    """

    id: uuid.UUID
    sender: str
    recipient: str
    content: bytes
    is_utf8: bool


class DeliveryError(Exception):
    """A mail that did not get through, this time or for good.

    `blames_server`: no mail would have, so all of them wait. `is_permanent`: the same mail would be
    refused again. The text has neither an address nor what the server said, which quotes one.
    """

    def __init__(
        self,
        failure: Failure,
        *,
        code: int | None = None,
        status: str = "",
        blames_server: bool = False,
        is_permanent: bool = False,
    ) -> None:
        self.failure = failure
        self.code = code
        self.blames_server = blames_server
        self.is_permanent = is_permanent
        super().__init__(" ".join(str(part) for part in (failure, code, status) if part))


class Connection(Protocol):
    """A way to a mail server that is open and has let us in."""

    async def send(self, message: Message, *, seconds: float) -> None:
        """Hand a mail over within so many seconds; raises DeliveryError."""


class Transport(Protocol):
    """Carries mails away."""

    def connect(self) -> AbstractAsyncContextManager[Connection]:
        """Open a way, or use one that is open; entering raises DeliveryError."""

    async def rest(self) -> None:
        """Close what is open: there is nothing to send for now."""
