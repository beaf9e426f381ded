"""A private MySQL for all tests of this folder."""

from collections.abc import Iterator

import pytest

from support.mysql import MySQL, private_mysql


@pytest.fixture(scope="session")
def server() -> Iterator[MySQL]:
    with private_mysql(durable=False) as server:
        yield server
