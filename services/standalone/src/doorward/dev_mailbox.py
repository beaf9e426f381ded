"""`doorward dev-mailbox`: a mail server for development, which shows mail instead of delivering it.

Services in other containers send to it as to any mail server. Its pages are those of `make run`, at an
address with a secret, for requests to a loopback host alone (a published or forwarded port).
"""

import asyncio
import logging
import re
import secrets
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Final

import structlog
import uuid_utils.compat as uuid7s
from aiosmtpd.smtp import SMTP, Envelope, Session
from fastapi import FastAPI
from pydantic import Field, SecretStr, field_validator
from starlette.responses import PlainTextResponse, Response
from starlette.types import ASGIApp

from doorward.local_defaults import data_directory
from doorward.loopback import LoopbackHosts
from doorward_client.errors import setup_error_handlers
from doorward_client.settings import load_settings
from doorward_kit.health import LIVEZ
from doorward_kit.logging import configure_logging
from doorward_kit.methods import answer_other_methods
from doorward_kit.routing import add_routes
from doorward_kit.server import listen, serve, url_of
from doorward_kit.settings import ProcessSettings
from doorward_mail.transport.base import Message
from doorward_mail.transport.dev_mailbox_page import MAILBOX, mailbox_router
from doorward_mail.transport.file_transport import Mailbox, prepare_folder

log = structlog.get_logger(__name__)

MAX_MAIL_BYTES: Final = 262_144
"""The largest mail that is accepted: 200 of them fit into the pod's volume."""

_IDLE_SECONDS: Final = 300.0
_KEY: Final = re.compile(r"[A-Za-z0-9_-]{16,}")


class DevMailboxSettings(ProcessSettings):
    """Settings of the development mailbox."""

    host: str = Field(default="127.0.0.1", description="Address of the pages.")
    port: int = Field(default=8025, ge=0, le=65535, description="TCP port of the pages.")
    mailbox_smtp_host: str = Field(default="127.0.0.1", description="Address that receives mail.")
    mailbox_smtp_port: int = Field(
        default=1025, ge=0, le=65535, description="TCP port that receives mail (SMTP, without TLS)."
    )
    mailbox_dir: Path = Field(
        default_factory=lambda: data_directory() / "mailbox", description="Folder of the received mail."
    )
    mailbox_size: int = Field(default=200, ge=1, description="Number of mails that are kept.")
    mailbox_key: SecretStr | None = Field(
        default=None,
        description="Secret in the address of the pages: 16 or more letters, digits, `-` and `_`. Default: a"
        " new one for each start, which is printed.",
    )

    @field_validator("mailbox_key")
    @classmethod
    def _check_mailbox_key(cls, value: SecretStr | None) -> SecretStr | None:
        if value is not None and not _KEY.fullmatch(value.get_secret_value()):
            raise ValueError("is not 16 or more letters, digits, `-` and `_`")
        return value


def run() -> int:
    """Receive and show mail until a signal stops it; raises SettingsError and PortTakenError before."""
    settings = load_settings(DevMailboxSettings)
    configure_logging(settings.log_level)
    logging.getLogger("mail.log").setLevel(logging.WARNING)  # aiosmtpd's: it would log each address
    pages = listen(settings.host, settings.port)
    receiver = listen(
        settings.mailbox_smtp_host,
        settings.mailbox_smtp_port,
        hint="change DOORWARD_MAILBOX_SMTP_HOST or DOORWARD_MAILBOX_SMTP_PORT",
    )
    key = settings.mailbox_key.get_secret_value() if settings.mailbox_key else secrets.token_urlsafe(16)
    prepare_folder(settings.mailbox_dir)
    mailbox = Mailbox(settings.mailbox_dir, settings.mailbox_size)
    shown = "<DOORWARD_MAILBOX_KEY>" if settings.mailbox_key else key
    host, port = receiver.getsockname()[:2]
    print(f"doorward: mail to {host}:{port} is shown at {url_of(pages)}{MAILBOX}/{shown}", flush=True)
    serve(create_app(mailbox, receiver, key=key), pages)
    return 0


def create_app(mailbox: Mailbox, receiver: socket.socket, *, key: str) -> ASGIApp:
    """Build the pages, whose application also receives mail on `receiver` while it serves."""

    @asynccontextmanager
    async def lifespan(_app: FastAPI) -> AsyncIterator[None]:
        loop = asyncio.get_running_loop()
        server = await loop.create_server(lambda: _session(mailbox, loop), sock=receiver)
        yield
        server.close()

    app = FastAPI(
        title="Doorward development mailbox",
        lifespan=lifespan,
        redirect_slashes=False,
        telemetry={"tracing": False, "metrics": False, "logs": False},
        docs_url=None,
        redoc_url=None,
        openapi_url=None,
    )
    setup_error_handlers(app)
    add_routes(app, mailbox_router(mailbox, key=key))

    @app.get(LIVEZ, include_in_schema=False)
    async def livez() -> Response:
        return PlainTextResponse("ok")

    answer_other_methods(app)
    return LoopbackHosts(app)


class _Receiver:
    """Stores each mail, whatever its recipient."""

    def __init__(self, mailbox: Mailbox) -> None:
        self._mailbox = mailbox

    async def handle_DATA(self, _server: SMTP, _session: Session, envelope: Envelope) -> str:  # noqa: N802 - aiosmtpd's name
        assert isinstance(envelope.content, bytes)
        recipient = ", ".join(envelope.rcpt_tos)
        message = Message(
            uuid7s.uuid7(), envelope.mail_from or "", recipient, envelope.content, is_utf8=False
        )
        await self._mailbox.send(message, seconds=_IDLE_SECONDS)
        return "250 2.0.0 stored"


def _session(mailbox: Mailbox, loop: asyncio.AbstractEventLoop) -> SMTP:
    return SMTP(
        _Receiver(mailbox),
        hostname="dev-mailbox",
        ident="Doorward development mailbox",
        enable_SMTPUTF8=True,
        data_size_limit=MAX_MAIL_BYTES,
        timeout=_IDLE_SECONDS,
        loop=loop,
    )
