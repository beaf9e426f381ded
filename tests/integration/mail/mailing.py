"""An outbox with two mail types like a service's: `notice`, and `code` with a prepare hook."""

import asyncio
import hashlib
import uuid
from collections.abc import Awaitable, Callable
from typing import Any, Final, TypeVar

import sqlalchemy as sa
from alembic.migration import MigrationContext
from alembic.operations import Operations
from pydantic import SecretStr

from doorward_kit.column_types import NAMING, TABLE_OPTIONS, exact_text, fixed_bytes
from doorward_kit.database import create_engine
from doorward_kit.metrics import Metrics
from doorward_kit.settings import DatabaseSettings
from doorward_kit.unit_of_work import Database
from doorward_mail.content.composer import FindRecipient
from doorward_mail.content.templates import MailTemplate, MailTemplates, Variables
from doorward_mail.outbox.leases import LeasedMail
from doorward_mail.outbox.mail import Mail, enqueue
from doorward_mail.outbox.migration import create_outbox
from doorward_mail.outbox.table import outbox_table
from doorward_mail.settings import MailSettings
from doorward_mail.transport.base import Transport
from doorward_mail.worker.sender import MailSender

T = TypeVar("T")

metadata: Final = sa.MetaData(naming_convention=NAMING)
outbox: Final = outbox_table(metadata)
codes: Final = sa.Table(
    "codes",
    metadata,
    sa.Column("address", exact_text(254), primary_key=True),
    sa.Column("hash", fixed_bytes(32), nullable=False),
    **TABLE_OPTIONS,
)

GONE: Final = "gone@example.com"
"""A decoy: a request for this address succeeds, and sends no mail."""


def make_code(connection: sa.Connection, mail: LeasedMail) -> Variables | None:
    """Derive a code and store its hash, like the hook of a service: the same for each attempt."""
    if mail.recipient in {None, GONE}:
        return None
    code = f"{int.from_bytes(hash_of(str(mail.id))) % 10**6:06d}"
    connection.execute(codes.delete().where(codes.c.address == mail.recipient))
    connection.execute(codes.insert().values(address=mail.recipient, hash=hash_of(code)))
    return {"code": code}


def hash_of(code: str) -> bytes:
    return hashlib.sha256(code.encode()).digest()


TEMPLATES: Final = (
    MailTemplate("notice", samples=[{"number": 1, "name": "Ada"}]),
    MailTemplate("code", samples=[{"code": "123456"}], prepare=make_code),
)


def mail_settings(port: int, **overrides: Any) -> MailSettings:
    """Settings for a local server, with short timeouts."""
    values = {
        "smtp_host": "127.0.0.1",
        "smtp_port": port,
        "smtp_tls": "none",
        "smtp_timeout_seconds": 20.0,
        "mail_from": "no-reply@example.com",
        "mail_from_name": "Test Team",
        "mail_poll_seconds": 0.05,
        "mail_retry_seconds": 0.05,
        "mail_send_timeout_seconds": 40.0,
        "mail_lease_seconds": 45.0,
        **overrides,
    }
    return MailSettings(**{name: value for name, value in values.items() if value is not None})


def create_tables(url: str) -> None:
    """Create the outbox like a migration revision, and the table of codes."""
    engine = create_engine(url, pool_size=1, timeout=10)
    with engine.connect() as connection:
        with Operations.context(MigrationContext.configure(connection)):
            create_outbox()
        codes.create(connection, checkfirst=True)
    engine.dispose()


class Mailer:
    """Database, metrics and mail workers of one process."""

    def __init__(self, url: str, *, pool_size: int = 3) -> None:
        settings = DatabaseSettings(
            database_url=SecretStr(url), database_pool_size=pool_size, database_timeout_seconds=20.0
        )
        self.metrics = Metrics()
        self.database = Database(settings, self.metrics)

    def worker(
        self,
        settings: MailSettings,
        *,
        transport: Transport | None = None,
        templates: tuple[MailTemplate, ...] = TEMPLATES,
        find_recipient: FindRecipient | None = None,
    ) -> MailSender:
        """Build a worker; it sends by SMTP by default."""
        mails = MailTemplates("integration.mail", templates, settings, folder="templates")
        return MailSender(
            self.database,
            outbox,
            mails,
            settings,
            self.metrics,
            transport=transport,
            find_recipient=find_recipient,
        )

    async def enqueue(self, *mails: Mail) -> list[str]:
        """Enqueue mails in one transaction; return their ids."""

        def work(connection: sa.Connection) -> None:
            for mail in mails:
                enqueue(connection, outbox, mail)

        await self.database.write(work)
        return [str(mail.id) for mail in mails]

    async def rows(self) -> list[sa.Row[Any]]:
        """Return the rows of the outbox."""
        return await self.database.read(lambda c: list(c.execute(sa.select(outbox))))

    async def execute(self, statement: sa.Executable) -> None:
        """Run one statement in the database."""
        await self.database.write(lambda c: c.execute(statement).rowcount)

    async def wait_until_empty(self) -> None:
        """Wait until the outbox is empty."""
        await eventually(lambda rows: not rows, self.rows)

    async def wait_until_gone(self, mail_id: str) -> None:
        """Wait until a mail is no longer in the outbox."""
        wanted = uuid.UUID(mail_id)
        await eventually(lambda rows: wanted not in {row.id for row in rows}, self.rows)

    async def wait_until_dead(self, count: int) -> None:
        """Wait until there are `count` dead letters."""
        await eventually(lambda rows: sum(row.dead_at is not None for row in rows) >= count, self.rows)

    def sample(self, name: str, **labels: str) -> float:
        """Read a metric of the outbox; 0 if it has no sample yet."""
        return self.metrics.registry.get_sample_value(name, {"outbox": "outbox", **labels}) or 0.0

    def close(self) -> None:
        self.database.dispose()


async def eventually(
    is_enough: Callable[[T], bool], look: Callable[[], Awaitable[T]], seconds: float = 90.0
) -> T:
    """Poll until a condition holds; return the value."""
    async with asyncio.timeout(seconds):
        while not is_enough(seen := await look()):  # noqa: ASYNC110 - a database does not notify
            await asyncio.sleep(0.02)
    return seen


def notice(number: int = 1, recipient: str | None = None, **values: Any) -> Mail:
    return Mail(
        "notice",
        recipient or f"user{number}@example.com",
        parameters={"number": number, "name": "Ada"},
        **values,
    )
