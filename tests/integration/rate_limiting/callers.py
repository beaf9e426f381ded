"""Three auth processes over one MariaDB, and callers with any client IP."""

import asyncio
import itertools
import json
import re
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass
from email import message_from_bytes, policy
from email.message import EmailMessage
from pathlib import Path
from types import TracebackType
from typing import Any, Final, Self

from doorward_identity.schema import PACKAGE
from doorward_kit.rate_limiting.limits import LimitKey
from integration.harness.bulk_users import Member
from integration.harness.databases import migrate_all
from integration.harness.installation import AUTH
from integration.harness.people import PASSWORD
from integration.harness.races import until
from integration.harness.raw_http import RawHttpClient
from support.databases import Database
from support.services import PATIENT, Service

TOKEN: Final = f"{AUTH}/token"
RESET: Final = f"{AUTH}/password/reset"
REGISTER: Final = f"{AUTH}/register"
RESEND: Final = f"{AUTH}/verify-email/resend"

WRONG: Final = "not the password at all"

_SECONDS: Final = 30.0
_numbers = itertools.count(1)


def new_source() -> str:
    """Return an unused client IP."""
    number = next(_numbers)
    return f"10.{number >> 16 & 255}.{number >> 8 & 255}.{number & 255}"


def new_email() -> str:
    """Return an unused email address."""
    return f"nobody{next(_numbers)}@example.com"


@dataclass(frozen=True, slots=True)
class Answer:
    """A response."""

    status: int
    headers: Mapping[str, str]
    content: bytes

    def json(self) -> dict[str, Any]:
        """Return the body, which must be an object."""
        body: dict[str, Any] = json.loads(self.content)
        return body

    @property
    def retry_after(self) -> int:
        """Seconds to wait; fails the test if the response has no Retry-After."""
        return int(self.headers["retry-after"])

    @property
    def anonymous_content(self) -> bytes:
        """The body without the request id and the caller's registration token."""
        content = self.content.replace(self.headers["x-request-id"].encode("ascii"), b"-")
        return re.sub(rb"dwg_[A-Za-z0-9_-]{64}", b"dwg_", content)


class Line(RawHttpClient):
    """Keep-alive connections to one process, for requests with any client IP."""

    async def send(self, method: str, path: str, body: object, headers: Mapping[str, str]) -> Answer:
        """Send one request as JSON; raises OSError or EOFError if the connection breaks."""
        content = json.dumps(body).encode("utf-8")
        fields = {
            "Host": "127.0.0.1",
            "Content-Type": "application/json",
            "Content-Length": str(len(content)),
            **headers,
        }
        head = "".join(f"{name}: {value}\r\n" for name, value in fields.items())
        reader, writer = self._idle.pop() if self._idle else await self._connect()
        try:
            async with asyncio.timeout(_SECONDS):
                writer.write(f"{method} {path} HTTP/1.1\r\n{head}\r\n".encode("latin-1") + content)
                first, *rest = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1").split("\r\n")
                got = dict(line.lower().split(": ", 1) for line in rest if line)
                received = await reader.readexactly(int(got.get("content-length", "0")))
        except BaseException:
            writer.close()
            raise
        self._idle.append((reader, writer))
        return Answer(int(first.split()[1]), got, received)


class Auths:
    """A migrated database with `count` auth processes; in `env`, which is for all, None unsets a variable."""

    def __init__(self, database: Database, folder: Path, *, count: int = 3, **env: str | None) -> None:
        self.database = database
        migrate_all(database.url, PACKAGE)
        self._mailbox_dir: Final = folder / "mailbox"
        self._read_mails: Final[dict[str, EmailMessage]] = {}
        settings = {
            "DOORWARD_REGISTRATION": "open",
            "DOORWARD_MAILBOX_DIR": str(folder / "mailbox"),
            "DOORWARD_MAIL_POLL_SECONDS": "1",  # each sends its own mail at once
            **PATIENT,
            **env,
        }
        given = {name: value for name, value in settings.items() if value is not None}
        self.services: Final = [
            Service("auth", database_url=database.url, log=folder / f"auth-{number}.log", env=given)
            for number in range(count)
        ]
        self._lines = [Line(service.port) for service in self.services]
        self._turns = itertools.cycle(range(count))

    async def call(
        self,
        method: str,
        path: str,
        body: object,
        *,
        source: str | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> Answer:
        """Send a request to the next process, from `source` or from a new client IP."""
        forwarded = {"X-Forwarded-For": source or new_source(), **(headers or {})}
        return await self._lines[next(self._turns)].send(method, path, body, forwarded)

    async def log_in(
        self, email: str, password: str = PASSWORD, *, source: str | None = None, device: str | None = None
    ) -> Answer:
        """Log in, or try to."""
        body = {"email": email, "password": password}
        return await self.call(
            "POST", TOKEN, body if device is None else {**body, "device_token": device}, source=source
        )

    async def fail(self, email: str, count: int, **options: Any) -> list[Answer]:
        """Log in with a wrong password `count` times in sequence."""
        return [await self.log_in(email, f"{WRONG} {number}", **options) for number in range(count)]

    async def ask_for_reset(self, email: str, *, source: str | None = None) -> Answer:
        """Request a PIN by mail."""
        return await self.call("POST", RESET, {"email": email}, source=source)

    async def reset(self, email: str, pin: object, *, source: str | None = None) -> Answer:
        """Set PASSWORD as the new password with a PIN."""
        body = {"email": email, "pin": pin, "new_password": PASSWORD}
        return await self.call("PATCH", RESET, body, source=source)

    async def verify(self, code: str, **body: str) -> Answer:
        """Enter the code of an address, from somewhere new."""
        return await self.call("POST", f"{AUTH}/verify-email", {"code": code, **body})

    async def mailed_code(self, email: str, *, mails: int = 1) -> str:
        """Wait until an address has so many mails, and return the newest one's long code."""
        await until(lambda: len(self.mails(email)) >= mails, f"{mails} mails")
        found = re.search(r"\bdw[vice]_[A-Za-z0-9_-]{64}", self.mails(email)[0])
        assert found is not None, self.mails(email)[0]
        return found[0]

    async def mailed_pin(self, email: str, *, mails: int = 1) -> str:
        """Wait for `mails` mails to an address, and return the PIN of the newest."""
        await until(lambda: len(self.mails(email)) >= mails, f"{mails} mails")
        found = re.search(r"\b\d{6}\b", self.mails(email)[0])
        assert found is not None
        return found[0]

    def mails(self, email: str) -> list[str]:
        """Return the texts of the mails to an address, newest first."""
        for path in self._mailbox_dir.glob("*.eml"):
            # Each is read once: there are hundreds, and a file is complete as soon as it has its name.
            if path.name not in self._read_mails:
                with suppress(FileNotFoundError):  # the oldest are deleted
                    self._read_mails[path.name] = message_from_bytes(path.read_bytes(), policy=policy.default)
        mine = [mail for _, mail in sorted(self._read_mails.items(), reverse=True) if mail["To"] == email]
        bodies = [mail.get_body(("plain",)) for mail in mine]
        return [body.get_content() for body in bodies if body is not None]

    async def until_outbox_is_empty(self) -> None:
        """Wait until no mail is on its way: what has not come then does not come."""

        def waiting() -> int:
            return int(self.database.execute("SELECT COUNT(*) FROM outbox")[0][0])

        await until(lambda: waiting() == 0, "every mail sent")

    def expire_codes(self) -> None:
        """Let every code of an account or an address expire."""
        for table in ("one_time_codes", "registration_codes"):
            self.database.execute(f"UPDATE {table} SET expires_at = UTC_TIMESTAMP(6) - INTERVAL 1 SECOND")

    def later(self, seconds: int, *subjects: LimitKey) -> None:
        """Let time pass for some keys, in the database."""
        for subject in subjects:
            self.database.execute(
                "UPDATE rate_limits SET expires_at = expires_at - INTERVAL %s SECOND,"
                " blocked_until = blocked_until - INTERVAL %s SECOND WHERE key_hash = %s",
                seconds,
                seconds,
                subject.hash,
            )

    def prolong(self, *subjects: LimitKey) -> None:
        """Extend a wait by a minute, so that a slow test cannot outlast it."""
        self.later(-60, *subjects)

    def begin_wait_now(self, subject: LimitKey) -> None:
        """Set the time of the last failure to now."""
        memory = f"INTERVAL {subject.limit.memory} SECOND"
        self.database.execute(
            "UPDATE rate_limits SET blocked_until = blocked_until + INTERVAL"
            f" TIMESTAMPDIFF(MICROSECOND, expires_at - {memory}, UTC_TIMESTAMP(6)) MICROSECOND,"
            f" expires_at = UTC_TIMESTAMP(6) + {memory} WHERE key_hash = %s",
            subject.hash,
        )

    def counted(self, subject: LimitKey) -> int:
        """Return the stored count of a key."""
        rows = self.database.execute("SELECT count FROM rate_limits WHERE key_hash = %s", subject.hash)
        return int(rows[0][0]) if rows else 0

    def events(self, name: str) -> list[dict[str, object]]:
        """Return the log events with a name, of all processes."""
        return [
            event for service in self.services for event in service.log_events() if event["event"] == name
        ]

    async def restart(self) -> None:
        """Restart every process."""
        await self.close()
        with ThreadPoolExecutor(len(self.services)) as threads:
            await asyncio.to_thread(lambda: list(threads.map(Service.restart, self.services)))

    async def close(self) -> None:
        """Close every connection, because the next test has its own event loop."""
        for line in self._lines:
            await line.close()

    def __enter__(self) -> Self:
        with ThreadPoolExecutor(len(self.services)) as threads:
            list(threads.map(Service.start, self.services))
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        with ThreadPoolExecutor(len(self.services)) as threads:
            list(threads.map(Service.stop, self.services))


def statuses(answers: Sequence[Answer]) -> dict[int, int]:
    """Count the responses by status."""
    found = [answer.status for answer in answers]
    return {status: found.count(status) for status in sorted(set(found))}


async def device_of(auths: Auths, member: Member) -> str:
    """Log in and return the device token."""
    answer = await auths.log_in(member.email)
    assert answer.status == 200, answer
    return str(answer.json()["device_token"])
