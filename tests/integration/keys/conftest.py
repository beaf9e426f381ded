"""Auth and users over one MariaDB, with keys in mounted files."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from integration.keys.key_deployment import KeyedDeployment
from support.databases import Database, DatabaseServer


@pytest.fixture
def keys_database(mariadb_server: DatabaseServer) -> Iterator[Database]:
    with mariadb_server.create_database("keys") as database:
        yield database


@pytest.fixture
def deployment(keys_database: Database, tmp_path: Path) -> Iterator[KeyedDeployment]:
    """Both services with one HS256 key, for a test that changes the keys."""
    with KeyedDeployment(keys_database, tmp_path) as deployment:
        yield deployment
