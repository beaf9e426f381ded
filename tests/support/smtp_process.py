"""An SMTP server that records mails, and whose behaviour a file controls; run by support.smtp.

Usage: python smtp_process.py CONFIG, a JSON file with `host`, `port`, `record`, `behaviour`, and for TLS
`certificate`, `implicit_tls`, `username`, `password`. The behaviour file is read for every command, so
a test can change it while connections are open.
"""

import asyncio
import base64
import json
import random
import signal
import ssl
import sys
import time
from pathlib import Path
from typing import Any

from aiosmtpd.smtp import SMTP, AuthResult, Envelope, LoginPassword, Session


class Recorder:
    """Replies to each command as defined in the behaviour file."""

    def __init__(self, config: dict[str, Any]) -> None:
        self._record = Path(config["record"])
        self._behaviour = Path(config["behaviour"])
        self._chance = random.Random(25)

    async def handle_EHLO(  # noqa: N802 - aiosmtpd's name
        self, _server: SMTP, session: Session, _envelope: Envelope, hostname: str, answers: list[str]
    ) -> list[str]:
        session.host_name = hostname
        rejection = self._rejection("ehlo")
        return answers if rejection is None else [rejection]

    async def handle_MAIL(  # noqa: N802 - aiosmtpd's name
        self, _server: SMTP, _session: Session, envelope: Envelope, address: str, options: list[str]
    ) -> str:
        rejection = self._rejection("mail")
        if rejection is None:
            envelope.mail_from = address
            envelope.mail_options.extend(options)
        return rejection or "250 OK"

    async def handle_RCPT(  # noqa: N802 - aiosmtpd's name
        self, _server: SMTP, _session: Session, envelope: Envelope, address: str, _options: list[str]
    ) -> str:
        await self._wait("rcpt")
        rejection = self._rejection("rcpt", address)
        if rejection is None:
            envelope.rcpt_tos.append(address)
        return rejection or "250 OK"

    async def handle_DATA(self, server: SMTP, session: Session, envelope: Envelope) -> str:  # noqa: N802 - aiosmtpd's name
        await self._wait("data")
        rejection = self._rejection("data", *envelope.rcpt_tos)
        if rejection is not None:
            return rejection
        is_dropped = self._chance.random() < self._read().get("drop_share", 0.0)
        self._write(session, envelope, is_answered=not is_dropped)
        if is_dropped:
            assert server.transport is not None
            server.transport.abort()  # type: ignore[attr-defined]  # of every real transport
        return "250 2.0.0 queued"

    async def _wait(self, step: str) -> None:
        behaviour = self._read()
        if behaviour.get("delay_at", "data") == step:
            await asyncio.sleep(behaviour.get("delay", 0.0))

    def _rejection(self, step: str, address: str = "") -> str | None:
        behaviour = self._read()
        if behaviour.get("reject_at") != step or self._chance.random() >= behaviour.get("share", 1.0):
            return None
        if behaviour.get("only", "") not in address:
            return None
        # Like real servers, the reply quotes the address.
        return f"{behaviour['code']} {behaviour.get('status', '')} <{address}> rejected"

    def _read(self) -> dict[str, Any]:
        found: dict[str, Any] = json.loads(self._behaviour.read_text(encoding="utf-8"))
        return found

    def _write(self, session: Session, envelope: Envelope, *, is_answered: bool) -> None:
        assert isinstance(envelope.content, bytes)
        entry = {
            "received_at": time.time(),
            "sender": envelope.mail_from,
            "recipients": envelope.rcpt_tos,
            "options": envelope.mail_options,
            "content": base64.b64encode(envelope.content).decode("ascii"),
            "greeting": session.host_name,
            "is_tls": session.ssl is not None,
            "is_authenticated": bool(session.authenticated),
            "connection": str(session.peer),
            "is_answered": is_answered,
        }
        with self._record.open("a", encoding="utf-8") as file:
            file.write(json.dumps(entry) + "\n")


def _server_context(config: dict[str, Any]) -> ssl.SSLContext | None:
    if not config.get("certificate"):
        return None
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(config["certificate"])
    return context


async def serve(config: dict[str, Any]) -> None:
    """Serve until SIGTERM."""
    loop = asyncio.get_running_loop()
    recorder = Recorder(config)
    context = _server_context(config)
    is_implicit = bool(config.get("implicit_tls"))
    needs_account = "username" in config

    def check(_server: SMTP, _session: Session, _envelope: Envelope, _way: str, data: Any) -> AuthResult:
        expected = LoginPassword(config["username"].encode(), config["password"].encode())
        return AuthResult(success=data == expected, handled=False)

    def connected() -> SMTP:
        return SMTP(
            recorder,
            hostname="mail.test",
            enable_SMTPUTF8=config.get("smtputf8", True),
            tls_context=None if is_implicit else context,
            require_starttls=context is not None and not is_implicit,
            auth_required=needs_account,
            auth_require_tls=context is not None and not is_implicit,
            authenticator=check if needs_account else None,
            timeout=config.get("timeout", 300),
            loop=loop,
        )

    server = await loop.create_server(
        connected, config["host"], config["port"], ssl=context if is_implicit else None
    )
    stopped = asyncio.Event()
    loop.add_signal_handler(signal.SIGTERM, stopped.set)
    await stopped.wait()
    server.close()


if __name__ == "__main__":
    asyncio.run(serve(json.loads(Path(sys.argv[1]).read_text(encoding="utf-8"))))
