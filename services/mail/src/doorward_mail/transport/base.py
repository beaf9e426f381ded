"""The interface of transports: connections, messages, and the failure of a delivery."""

import uuid
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from enum import StrEnum
from typing import Protocol


class Failure(StrEnum):
    """The step that failed: a label of metrics, and the first word of `last_error`."""

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
    LOOKUP = "lookup"


@dataclass(frozen=True, slots=True)
class Message:
    """A message for a transport: `content` is RFC 5322 text with CRLF.

    `is_utf8`: an address needs SMTPUTF8 (RFC 6531).
    """

    id: uuid.UUID
    sender: str
    recipient: str
    content: bytes
    is_utf8: bool


class DeliveryError(Exception):
    """A delivery that failed.

    `blames_server`: every other mail would fail too, so all wait. `is_permanent`: a retry would fail too.
    The text contains no address and no reply of the server, because replies quote addresses.
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
    """An open connection to a mail server, authenticated where needed."""

    async def send(self, message: Message, *, seconds: float) -> None:
        """Send a message within `seconds`; raises DeliveryError."""


class Transport(Protocol):
    """Sends messages."""

    def connect(self) -> AbstractAsyncContextManager[Connection]:
        """Open a connection or reuse an idle one; entering raises DeliveryError."""

    async def close_idle(self) -> None:
        """Close idle connections, because no mail is due."""
