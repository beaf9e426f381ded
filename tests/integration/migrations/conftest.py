"""An empty database on each backend."""

from collections.abc import Iterator
from pathlib import Path

import pytest
import sqlalchemy as sa

from doorward_kit.database import create_engine
from support.databases import DatabaseServer


@pytest.fixture(params=["sqlite", "mariadb"])
def engine(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[sa.Engine]:
    if request.param == "sqlite":
        engine = create_engine(f"sqlite:///{tmp_path}/migrate.db", pool_size=1, timeout=25)
        yield engine
        engine.dispose()
        return
    server: DatabaseServer = request.getfixturevalue("mariadb_server")
    with server.create_database("migrate") as database:
        engine = create_engine(database.url, pool_size=1, timeout=25)
        yield engine
        engine.dispose()
