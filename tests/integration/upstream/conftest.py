"""Grants on SQLite and on a real MariaDB, with an upstream that rotates its refresh tokens."""

import functools
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from doorward_auth.vault.rotation import new_key
from doorward_identity.schema import PACKAGE
from doorward_kit.key_rotation import write_key_set
from integration.harness.databases import NewDatabase, migrate_all
from integration.upstream.grant_world import GrantWorld
from integration.upstream.rotating_upstream import DirectAdapter, RotatingUpstream


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
def upstream() -> RotatingUpstream:
    return RotatingUpstream()


@pytest.fixture
def adapter(upstream: RotatingUpstream) -> DirectAdapter:
    return DirectAdapter(upstream)


@pytest.fixture
def world(
    grant_urls: Callable[[str], str], backend: str, keys: Path, adapter: DirectAdapter
) -> Iterator[GrantWorld]:
    """A process over an empty database."""
    world = GrantWorld(grant_urls(backend), keys, adapter)
    world.wipe()
    yield world
    world.close()
