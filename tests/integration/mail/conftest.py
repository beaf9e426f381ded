"""Every mail test runs on SQLite and on a real MariaDB, with a real SMTP server."""

import functools
from collections.abc import Callable, Iterator

import pytest
import sqlalchemy as sa

from doorward_kit.database import create_engine
from integration.harness.databases import NewDatabase
from integration.mail.mailing import Mailer, codes, create_tables, outbox


@pytest.fixture(scope="session")
def mail_urls(new_database: NewDatabase) -> Callable[[str], str]:
    """One database for each backend, for the whole session."""

    @functools.cache
    def url_on(backend: str) -> str:
        url = new_database(backend, "mail")
        create_tables(url)
        return url

    return url_on


@pytest.fixture
def mail_url(mail_urls: Callable[[str], str], backend: str) -> str:
    """A database with an empty outbox."""
    url = mail_urls(backend)
    engine = create_engine(url, pool_size=1, timeout=10)
    with engine.connect() as connection:
        connection.execute(sa.delete(outbox))
        connection.execute(sa.delete(codes))
    engine.dispose()
    return url


@pytest.fixture
def mailer(mail_url: str) -> Iterator[Mailer]:
    mailer = Mailer(mail_url)
    yield mailer
    mailer.close()
