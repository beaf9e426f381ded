"""SMTP transport (RFC 5321), with connections that send several mails.

The meaning of an error follows from its step. Up to MAIL it concerns the server or our account, so all mail
waits. From RCPT on it concerns this mail: 4xx asks for a retry, 5xx is final.
"""

import asyncio
import re
import ssl
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager, suppress
from typing import Final

import aiosmtplib

from doorward_mail.settings import MailSettings, SmtpTls
from doorward_mail.transport.base import DeliveryError, Failure, Message

MAILS_PER_CONNECTION: Final = 50
"""Servers close a connection after a number of mails, some with an error."""

_QUIT_SECONDS: Final = 1.0
_CLOSING: Final = 421
_NEEDS_AUTH: Final = 530  # RFC 4954 section 6: a reply to MAIL or RCPT that concerns our account
_ENHANCED_STATUS: Final = re.compile(r"[245]\.\d{1,3}\.\d{1,3}\b")  # RFC 3463


class SmtpTransport:
    """Sends mail through one server."""

    def __init__(self, settings: MailSettings) -> None:
        self._settings = settings
        self._tls = None if settings.smtp_tls is SmtpTls.NONE else _tls_context(settings)
        self._idle: list[_SmtpConnection] = []

    @asynccontextmanager
    async def connect(self) -> AsyncIterator["_SmtpConnection"]:
        """Reuse an idle connection or open one; raises DeliveryError."""
        connection = await self._idle_connection() or await self._new_connection()
        try:
            yield connection
        except DeliveryError:
            await self._release(connection)
            raise
        except BaseException:
            connection.client.close()  # possibly in the middle of a command
            raise
        await self._release(connection)

    async def close_idle(self) -> None:
        idle, self._idle = self._idle, []
        try:
            await asyncio.gather(*(connection.quit() for connection in idle))
        finally:  # when cancelled, possibly before the first QUIT
            for connection in idle:
                connection.client.close()

    async def _idle_connection(self) -> "_SmtpConnection | None":
        while self._idle:
            connection = self._idle.pop()
            if await connection.is_alive():
                return connection
        return None

    async def _release(self, connection: "_SmtpConnection") -> None:
        if connection.is_clean and connection.client.is_connected and connection.sent < MAILS_PER_CONNECTION:
            self._idle.append(connection)
        else:
            await connection.quit()

    async def _new_connection(self) -> "_SmtpConnection":
        settings = self._settings
        client = aiosmtplib.SMTP(
            hostname=settings.smtp_host,
            port=settings.effective_smtp_port,
            # Without it the library asks the resolver for this host's name, and waits.
            local_hostname=settings.message_id_domain,
            timeout=settings.smtp_timeout_seconds,
            use_tls=settings.smtp_tls is SmtpTls.TLS,
            start_tls=False,  # below, as a step of its own
            tls_context=self._tls,
        )
        try:
            with _step(Failure.CONNECT, blames_server=True):
                await client.connect()
            if settings.smtp_tls is SmtpTls.STARTTLS:
                with _step(Failure.TLS, blames_server=True):
                    await client.starttls()
            with _step(Failure.CONNECT, blames_server=True):
                await client.ehlo()
            if settings.smtp_username is not None and settings.smtp_password is not None:
                with _step(Failure.AUTH, blames_server=True):
                    await client.login(settings.smtp_username, settings.smtp_password.get_secret_value())
        except BaseException:
            client.close()
            raise
        return _SmtpConnection(client)


class _SmtpConnection:
    """An open connection, authenticated where needed."""

    def __init__(self, client: aiosmtplib.SMTP) -> None:
        self.client = client
        self.sent = 0
        self.is_clean = True  # no transaction of a mail is open

    async def send(self, message: Message, *, seconds: float) -> None:
        """Send a message; raises DeliveryError.

        The reply to its last line may take all the remaining time: a retry after giving up there would
        send it twice (RFC 5321 section 4.5.3.2.6).
        """
        deadline = asyncio.get_running_loop().time() + seconds
        if message.is_utf8 and not self.client.supports_extension("smtputf8"):
            raise DeliveryError(Failure.ADDRESS, is_permanent=True)
        options, encoding = (["BODY=8BITMIME", "SMTPUTF8"], "utf-8") if message.is_utf8 else ([], "ascii")
        self.is_clean = False
        try:
            with _step(Failure.SENDER, blames_server=True):
                await self.client.mail(message.sender, options=options, encoding=encoding)
            with _step(Failure.RECIPIENT):
                await self.client.rcpt(message.recipient, encoding=encoding)
            with _step(Failure.CONTENT):
                await self.client.data(message.content, timeout=_seconds_until(deadline))
        except DeliveryError:
            with suppress(aiosmtplib.SMTPException):
                await self.client.rset()
                self.is_clean = True
            raise
        self.sent += 1
        self.is_clean = True

    async def is_alive(self) -> bool:
        """Check the connection with NOOP: some servers close idle ones without a reply."""
        is_alive = False
        try:
            with suppress(aiosmtplib.SMTPException, OSError):
                await self.client.noop()
                is_alive = True
        finally:  # when cancelled, too: no other code holds this connection
            if not is_alive:
                self.client.close()
        return is_alive

    async def quit(self) -> None:
        """Close, after QUIT if the server answers it quickly."""
        try:
            with suppress(aiosmtplib.SMTPException, OSError):
                await self.client.quit(timeout=_QUIT_SECONDS)
        finally:
            self.client.close()


def _seconds_until(deadline: float) -> float:
    """Return the remaining seconds; raises TimeoutError when the deadline has passed.

    A process that was frozen notices here that its lease has ended: until Python 3.12 asyncio.wait_for
    loses a cancellation that arrives together with the awaited result.
    """
    seconds = deadline - asyncio.get_running_loop().time()
    if seconds <= 0:
        raise TimeoutError
    return seconds


@contextmanager
def _step(failure: Failure, *, blames_server: bool = False) -> Iterator[None]:
    """Turn any failure of one step into a DeliveryError, without the server's text."""
    try:
        yield
    except aiosmtplib.SMTPResponseException as error:
        blames_us = blames_server or error.code in {_CLOSING, _NEEDS_AUTH}
        status = _ENHANCED_STATUS.match(error.message)
        raise DeliveryError(
            failure,
            code=error.code,
            status=status[0] if status else "",
            blames_server=blames_us,
            is_permanent=500 <= error.code <= 599 and not blames_us,  # noqa: PLR2004 - classes of SMTP
        ) from None
    except TimeoutError:
        raise DeliveryError(Failure.TIMEOUT, blames_server=blames_server) from None
    except ssl.SSLError:
        raise DeliveryError(Failure.TLS, blames_server=blames_server) from None
    except (aiosmtplib.SMTPException, OSError) as error:
        is_tls = isinstance(error.__cause__, ssl.SSLError)
        raise DeliveryError(Failure.TLS if is_tls else failure, blames_server=blames_server) from None


def _tls_context(settings: MailSettings) -> ssl.SSLContext:
    """Return a context that verifies the server's certificate and name."""
    return ssl.create_default_context(
        cafile=None if settings.smtp_ca_file is None else str(settings.smtp_ca_file)
    )
