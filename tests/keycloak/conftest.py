"""One Keycloak for every test: it takes a minute to start."""

from collections.abc import Iterator

import pytest

from keycloak.server import Keycloak


@pytest.fixture(scope="session")
def keycloak(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Keycloak]:
    server = Keycloak(tmp_path_factory.mktemp("keycloak"))
    server.start(timeout=1_200)
    yield server
    server.kill9()  # it has nothing to save
