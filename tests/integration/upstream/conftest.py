"""Grants on SQLite and on a real MariaDB, with an upstream that rotates its refresh tokens."""

import functools
from collections.abc import AsyncIterator, Callable, Iterator
from pathlib import Path

import pytest
from pydantic import SecretStr

from doorward_auth.vault.rotation import new_key
from doorward_identity.schema import PACKAGE
from doorward_kit.key_rotation import write_key_set
from doorward_kit.metrics import Metrics
from doorward_kit.settings import DatabaseSettings
from doorward_kit.unit_of_work import Database
from integration.harness.databases import NewDatabase, migrate_all
from integration.harness.installation import CLIENT
from integration.upstream.grant_setup import GrantSetup
from integration.upstream.installation import UpstreamSetup, installed
from integration.upstream.picture_setup import PictureSetup, picture_setup
from integration.upstream.redirect_client import Client, redirect_client
from integration.upstream.rotating_upstream import DirectAdapter, RotatingUpstream, UpstreamServer
from support.example_upstream import ExampleUpstream


@pytest.fixture(scope="module")
def running_setup(tmp_path_factory: pytest.TempPathFactory) -> Iterator[UpstreamSetup]:
    """Every service, and the example upstream as `theapi`."""
    folder = tmp_path_factory.mktemp("setup")
    with ExampleUpstream(folder) as example, installed(folder, example, token_readers=[CLIENT[0]]) as setup:
        yield setup


@pytest.fixture(scope="module")
def running_client(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Client]:
    """Every service, and an OpenID provider as `kc`."""
    with redirect_client(tmp_path_factory.mktemp("redirects")) as client:
        yield client


@pytest.fixture(scope="session")
def grant_urls(new_database: NewDatabase) -> Callable[[str], str]:
    """One database for each backend, for the whole session."""

    @functools.cache
    def url_on(backend: str) -> str:
        url = new_database(backend, "grants")
        migrate_all(url, PACKAGE)
        return url

    return url_on


@pytest.fixture
def keys(tmp_path: Path) -> Path:
    """A file with one key of the vault."""
    path = tmp_path / "vault.json"
    write_key_set(path, {"keys": [new_key()]})
    return path


@pytest.fixture
def database(grant_setup: GrantSetup) -> Iterator[Database]:
    """The connection of rotate-vault."""
    settings = DatabaseSettings(database_url=SecretStr(grant_setup.url))
    database = Database(settings, Metrics(), pool_size=1, timeout=60)
    yield database
    database.dispose()


@pytest.fixture
def upstream() -> RotatingUpstream:
    return RotatingUpstream()


@pytest.fixture
def adapter(upstream: RotatingUpstream) -> DirectAdapter:
    return DirectAdapter(upstream)


@pytest.fixture
def grant_setup(
    grant_urls: Callable[[str], str], backend: str, keys: Path, adapter: DirectAdapter
) -> Iterator[GrantSetup]:
    """A process over an empty database."""
    grant_setup = GrantSetup(grant_urls(backend), keys, adapter)
    grant_setup.wipe()
    yield grant_setup
    grant_setup.close()


@pytest.fixture
def server(upstream: RotatingUpstream) -> Iterator[UpstreamServer]:
    """The upstream over sockets, for other processes."""
    with UpstreamServer(upstream).running() as server:
        yield server


@pytest.fixture
async def pictures(grant_setup: GrantSetup) -> AsyncIterator[PictureSetup]:
    """Users, and a host of pictures that two upstreams name."""
    async with picture_setup(grant_setup) as pictures:
        yield pictures
