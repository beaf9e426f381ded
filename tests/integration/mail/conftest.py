"""Every test of mail runs on SQLite and on a real MariaDB, with a real SMTP server beside it."""

from collections.abc import Iterator

import pytest
import sqlalchemy as sa

from doorward_kit.database import create_engine
from integration.mail.mailing import Office, codes, create_tables, outbox
from support.databases import DatabaseServer


@pytest.fixture(scope="session", params=["sqlite", "mariadb"])
def shared_mail_url(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[str]:
    """One database a backend for the whole session."""
    if request.param == "sqlite":
        url = f"sqlite:///{tmp_path_factory.mktemp('mail')}/mail.db"
        create_tables(url)
        yield url
        return
    server: DatabaseServer = request.getfixturevalue("mariadb_server")
    with server.create_database("mail") as database:
        create_tables(database.url)
        yield database.url


@pytest.fixture
def mail_url(shared_mail_url: str) -> str:
    """A database whose outbox is empty."""
    engine = create_engine(shared_mail_url, pool_size=1, timeout=10)
    with engine.connect() as connection:
        connection.execute(sa.delete(outbox))
        connection.execute(sa.delete(codes))
    engine.dispose()
    return shared_mail_url


@pytest.fixture
def office(mail_url: str) -> Iterator[Office]:
    office = Office(mail_url)
    yield office
    office.close()
