"""The database server of a test: the caller's, or a private one, which a test may kill."""

import contextlib
from collections.abc import Iterator

import sqlalchemy as sa

from support.databases import DatabaseServer
from support.mariadb import private_mariadb
from support.mysql import private_mysql
from support.private_server import PrivateServer
from support.requirements import external_database_url, mysql_root, need_private_database


@contextlib.contextmanager
def database_server(*, durable: bool = True) -> Iterator[DatabaseServer]:
    """Give the caller's server (DOORWARD_TEST_DATABASE_URL), or a private one for the block.

    One that is not `durable` does not sync to disk; no test depends on that.
    """
    external = external_database_url()
    if external is not None:
        yield DatabaseServer(sa.make_url(external))
        return
    with private_server(durable=durable) as server:
        yield server


@contextlib.contextmanager
def private_server(*, durable: bool = True) -> Iterator[PrivateServer]:
    """Run a private MariaDB for the block, or a private MySQL in `make mysql-test`.

    Skips when the caller provides a server instead.
    """
    need_private_database()
    private = private_mariadb if mysql_root() is None else private_mysql
    with private(durable=durable) as server:
        yield server
