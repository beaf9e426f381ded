"""Users over a database, and a host of pictures that two upstreams name."""

import json
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any, Final

import sqlalchemy as sa

from doorward_auth.upstream import identities
from doorward_auth.upstream.pictures import repository
from doorward_auth.upstream.pictures.metrics import PictureOutcome
from doorward_auth.upstream.pictures.service import PictureUpdates
from doorward_auth.upstream_adapters.pictures import PictureClient
from doorward_auth.upstream_adapters.settings.upstreams import parse_providers
from doorward_identity.avatars import repository as avatar_rows
from doorward_identity.tables import avatars, upstream_identities, users
from doorward_kit.column_types import utc_now
from integration.harness.bulk_users import Member, enrol
from integration.upstream.grant_setup import PROVIDER, GrantSetup
from support.example_upstream import FOLDER
from support.images import png
from support.scripted_upstream import ScriptedUpstream, answer, scripted_upstream

MAX_BYTES: Final = 65_536
FIRST: Final = answer(200, png(40, 40))
SECOND: Final = answer(200, png(60, 60))
OTHER: Final = "other"


@dataclass(frozen=True)
class PictureSetup:
    """Users over a database, and a host of pictures that two upstreams name."""

    grants: GrantSetup
    host: ScriptedUpstream
    updates: Mapping[str, PictureUpdates]
    client: PictureClient

    def new_user(self, *providers: str) -> Member:
        """Enrol a user who is linked to upstreams."""
        [user] = enrol(self.grants.url, 1)
        with self.grants.transaction() as connection:
            for name in providers or (PROVIDER,):
                assert identities.link(connection, user.id, name, f"subject of {user.id}", None)
        return user

    async def update(
        self, user: Member, *, path: str = "/me.png", provider: str = PROVIDER
    ) -> PictureOutcome:
        url = self.client.hosts.parse(self.host.url + path)
        assert url is not None
        return await self.updates[provider].update(user.id, url)

    async def set_first(self, user: Member) -> None:
        self.host.will(FIRST)
        assert await self.update(user) is PictureOutcome.STORED

    def row(self, user: Member) -> sa.Row[Any]:
        [row] = self.grants.execute(sa.select(users).where(users.c.id == user.id))
        return row

    def picture(self, user: Member) -> bytes | None:
        """Return the digest of a user's picture, whose bytes must be there."""
        row = self.row(user)
        if row.avatar_id is None:
            return None
        [stored] = self.grants.execute(sa.select(avatars).where(avatars.c.id == row.avatar_id))
        assert (stored.expires_at, stored.digest) == (None, row.avatar_digest)
        assert stored.large
        digest: bytes = row.avatar_digest
        return digest

    def count(self) -> int:
        """Return how many pictures have not ended."""
        return len(self.grants.execute(sa.select(avatars.c.id).where(avatars.c.expires_at.is_(None))))

    def choose(self, user: Member) -> None:
        """Note that the user has set or deleted a picture, as the users service does."""
        with self.grants.transaction() as connection:
            avatar_rows.note_choice(connection, user.id)

    def pass_a_day(self) -> None:
        """Move the last answers about pictures into the past."""
        earlier = {"picture_checked_at": utc_now(-repository.CHECK_SECONDS - 1)}
        with self.grants.transaction() as connection:
            connection.execute(upstream_identities.update().values(earlier))


@asynccontextmanager
async def picture_setup(grant_setup: GrantSetup) -> AsyncIterator[PictureSetup]:
    """Start the host of pictures."""
    async with scripted_upstream() as host:
        document = json.loads((FOLDER / "upstreams.json").read_text(encoding="utf-8"))["theapi"]
        document["answer"]["picture"] = "/user/image"
        document |= {"picture_hosts": [f"127.0.0.1:{host.port}"], "timeout_seconds": 30}
        settings = parse_providers(json.dumps({PROVIDER: document}))[PROVIDER]
        client = PictureClient(PROVIDER, settings, max_bytes=MAX_BYTES)
        updates = {name: PictureUpdates(grant_setup.resources, name, client) for name in (PROVIDER, OTHER)}
        yield PictureSetup(grant_setup, host, updates, client)
        await client.close()
