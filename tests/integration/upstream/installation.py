"""Every service with the example API as an upstream."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import httpx2
import sqlalchemy as sa
from pydantic import SecretStr

from doorward_auth.vault.rotation import new_key
from doorward_identity.schema import PACKAGE
from doorward_identity.tables import avatars, sessions, upstream_grants, upstream_identities, users
from doorward_kit.key_rotation import write_key_set
from doorward_tickets.schema import PACKAGE as TICKETS_PACKAGE
from integration.harness.databases import migrate_all
from integration.harness.installation import AUTH, Installation
from support.example_upstream import ExampleUpstream
from support.reaper import temporary_folder

UPSTREAM: Final = f"{AUTH}/upstream"
ADA: Final = "ada@example.com"
SECRET: Final = "an unheard-of phrase"
ORIGIN: Final = {"User-Agent": "tests"}


@dataclass(frozen=True)
class UpstreamSetup:
    """An installation, and the upstream that it asks."""

    api: Installation
    example: ExampleUpstream

    def register(
        self,
        email: str = ADA,
        *,
        password: str = SECRET,
        name: str = "Ada",
        image: bytes | None = None,
        key: str | None = None,
        **options: Any,
    ) -> httpx2.Response:
        """Register at the upstream with the form of a browser."""
        fields = {"email": email, "password": password, "name": name}
        parts = {field: (None, value) for field, value in fields.items()}
        files = {**parts, **({} if image is None else {"image": ("me.png", image, "image/png")})}
        headers = {} if key is None else {"Idempotency-Key": key}
        return self.api.call("POST", f"{UPSTREAM}/theapi/register", files=files, headers=headers, **options)

    @contextmanager
    def waiting_for(self, seconds: float) -> Iterator[None]:
        """Let requests to the upstream time out after this time, which is long otherwise."""
        client = self.api.auth_app.state.services.upstream.stored.providers.all()[0].adapter._http
        usual = client._seconds
        client._seconds = seconds
        try:
            yield
        finally:
            client._seconds = usual

    def log_in(self, email: str = ADA, password: str = SECRET, **more: str) -> httpx2.Response:
        """Log in at the upstream."""
        body = {"email": email, "password": password, **more}
        return self.api.call("POST", f"{UPSTREAM}/theapi/token", json=body)


@contextmanager
def installed(folder: Path, example: ExampleUpstream, **changes: Any) -> Iterator[UpstreamSetup]:
    """Start every service with the example as its upstream, over new databases."""
    with installed_with(folder, {"theapi": example.settings(**changes)}) as api:
        yield UpstreamSetup(api, example)


@contextmanager
def installed_with(folder: Path, upstreams: dict[str, Any], **overrides: Any) -> Iterator[Installation]:
    """Start every service with these upstreams."""
    keys = folder / "vault.json"
    write_key_set(keys, {"keys": [new_key()]})
    settings = {"upstreams": SecretStr(json.dumps(upstreams)), "vault_keys_file": keys, **overrides}
    with temporary_folder(in_memory=True) as databases:
        urls = [f"sqlite:///{databases / package}.db" for package in (PACKAGE, TICKETS_PACKAGE)]
        for url, package in zip(urls, (PACKAGE, TICKETS_PACKAGE), strict=True):
            migrate_all(url, package)
        with Installation(*urls, **settings) as api:
            yield api


def stored(api: Installation) -> dict[str, int]:
    """Count what a login leaves."""
    tables = users, sessions, upstream_identities, upstream_grants, avatars
    counts = {
        table.name: api.execute(sa.select(sa.func.count()).select_from(table))[0][0] for table in tables
    }
    return {name: count for name, count in counts.items() if count}
