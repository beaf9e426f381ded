"""For every test: asynchronous ones run on asyncio, the loop that the services run on."""

import pytest


@pytest.fixture(scope="session")
def anyio_backend() -> str:
    return "asyncio"
