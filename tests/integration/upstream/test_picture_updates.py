"""The rules of pictures at upstreams: whose picture wins, what is fetched again, and what is left behind."""

import asyncio
import gzip
import json
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass
from typing import Any, Final

import pytest
import sqlalchemy as sa

from doorward_auth.upstream import identities
from doorward_auth.upstream.pictures import repository
from doorward_auth.upstream.pictures.metrics import PictureOutcome
from doorward_auth.upstream.pictures.service import PictureUpdates
from doorward_auth.upstream_adapters.pictures import MAX_REDIRECTS, PictureClient
from doorward_auth.upstream_adapters.settings.upstreams import parse_providers
from doorward_client.errors import UnavailableError
from doorward_identity.audit.repository import AuditAction
from doorward_identity.avatars import repository as avatar_rows
from doorward_identity.avatars.service import Avatars
from doorward_identity.avatars.storage.database import DatabaseAvatarStore
from doorward_identity.tables import audit_events, avatars, upstream_identities, users
from doorward_kit.column_types import utc_now
from doorward_kit.executors import OverloadedError
from integration.harness.bulk_users import Member, enrol
from integration.upstream.grant_setup import PROVIDER, GrantSetup
from support import bombs
from support.example_upstream import FOLDER
from support.hostile_images import BROKEN, HOSTILE, PAGE
from support.images import encoded, noise, png
from support.scripted_upstream import (
    Received,
    Reply,
    Script,
    ScriptedUpstream,
    Then,
    answer,
    scripted_upstream,
)

MAX_BYTES: Final = 65_536
FIRST: Final = answer(200, png(40, 40))
SECOND: Final = answer(200, png(60, 60))
OTHER: Final = "other"
SVG: Final = b'<svg xmlns="http://www.w3.org/2000/svg"><script>alert(1)</script></svg>'


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


@pytest.fixture
async def pictures(grant_setup: GrantSetup) -> AsyncIterator[PictureSetup]:
    async with scripted_upstream() as host:
        document = json.loads((FOLDER / "upstreams.json").read_text(encoding="utf-8"))["theapi"]
        document["answer"]["picture"] = "/user/image"
        document |= {"picture_hosts": [f"127.0.0.1:{host.port}"], "timeout_seconds": 30}
        settings = parse_providers(json.dumps({PROVIDER: document}))[PROVIDER]
        client = PictureClient(PROVIDER, settings, max_bytes=MAX_BYTES)
        updates = {name: PictureUpdates(grant_setup.resources, name, client) for name in (PROVIDER, OTHER)}
        yield PictureSetup(grant_setup, host, updates, client)
        await client.close()


async def test_a_picture_becomes_the_users_and_is_audited(pictures: PictureSetup) -> None:
    user = pictures.new_user()
    version = pictures.row(user).version
    await pictures.set_first(user)
    row = pictures.row(user)
    assert pictures.picture(user) is not None
    assert (row.version, row.avatar_chosen) == (version + 1, False)
    action = audit_events.c.action == AuditAction.UPSTREAM_PICTURE_SET.value
    [event] = pictures.grants.execute(sa.select(audit_events).where(action))
    assert (event.actor_id, event.target_id, json.loads(event.details)) == (
        None,
        user.id,
        {"provider": PROVIDER},
    )


async def test_the_same_url_is_asked_once_a_day(pictures: PictureSetup) -> None:
    user = pictures.new_user()
    await pictures.set_first(user)
    assert await pictures.update(user) is PictureOutcome.UNCHANGED
    assert len(pictures.host.received) == 1
    pictures.pass_a_day()
    pictures.host.will(FIRST)
    assert await pictures.update(user) is PictureOutcome.UNCHANGED
    assert await pictures.update(user) is PictureOutcome.UNCHANGED
    assert len(pictures.host.received) == 2


async def test_a_file_that_is_known_is_not_decoded(
    pictures: PictureSetup, monkeypatch: pytest.MonkeyPatch
) -> None:
    user = pictures.new_user()
    await pictures.set_first(user)
    before = pictures.picture(user)
    monkeypatch.setattr(Avatars, "render", None)
    pictures.host.will(FIRST)
    assert await pictures.update(user, path="/moved.png") is PictureOutcome.UNCHANGED
    assert pictures.picture(user) == before
    assert await pictures.update(user, path="/moved.png") is PictureOutcome.UNCHANGED
    assert len(pictures.host.received) == 2


@pytest.mark.parametrize("path", ["/me.png", "/me.png?v=2"])
async def test_a_changed_picture_is_followed(pictures: PictureSetup, path: str) -> None:
    user = pictures.new_user()
    await pictures.set_first(user)
    first = pictures.picture(user)
    pictures.pass_a_day()
    pictures.host.will(SECOND)
    assert await pictures.update(user, path=path) is PictureOutcome.STORED
    assert pictures.picture(user) not in {first, None}
    assert len(pictures.grants.execute(sa.select(avatars.c.id))) == 1, "the earlier one is deleted"


async def test_what_was_chosen_here_stays(pictures: PictureSetup) -> None:
    """Also a deletion before the first login: there is no picture, and the user wants none."""
    user, deleted = pictures.new_user(), pictures.new_user()
    await pictures.set_first(user)
    before = pictures.picture(user)
    for one in (user, deleted):
        pictures.choose(one)
        assert await pictures.update(one, path="/new.png") is PictureOutcome.KEPT
    assert (pictures.picture(user), pictures.picture(deleted)) == (before, None)
    assert len(pictures.host.received) == 1, "nothing is asked in vain"


async def test_a_choice_while_the_picture_is_fetched_wins(pictures: PictureSetup) -> None:
    user = pictures.new_user()

    def choose(_request: Received) -> Reply:
        pictures.choose(user)
        return FIRST

    pictures.host.will(choose)
    assert await pictures.update(user) is PictureOutcome.KEPT
    assert (pictures.picture(user), pictures.grants.execute(sa.select(avatars.c.id))) == (None, [])


async def test_the_picture_of_another_upstream_stays(pictures: PictureSetup) -> None:
    user = pictures.new_user(PROVIDER, OTHER)
    await pictures.set_first(user)
    before = pictures.picture(user)
    assert await pictures.update(user, provider=OTHER) is PictureOutcome.KEPT
    assert pictures.picture(user) == before
    pictures.host.will(SECOND)
    assert await pictures.update(user, path="/new.png") is PictureOutcome.STORED


async def test_of_a_user_who_is_gone_or_unlinked_nothing_is_stored(pictures: PictureSetup) -> None:
    user, gone = pictures.new_user(), pictures.new_user()

    def unlink(_request: Received) -> Reply:
        with pictures.grants.transaction() as connection:
            assert identities.unlink(connection, user.id, PROVIDER)
        return FIRST

    def delete(_request: Received) -> Reply:
        with pictures.grants.transaction() as connection:
            connection.execute(users.delete().where(users.c.id == gone.id))
        return FIRST

    for one, script in ((user, unlink), (gone, delete)):
        pictures.host.will(script)
        assert await pictures.update(one) is PictureOutcome.KEPT
        assert await pictures.update(one) is PictureOutcome.KEPT
    assert len(pictures.host.received) == 2
    assert pictures.grants.execute(sa.select(avatars.c.id)) == []


async def test_of_several_processes_one_stores(pictures: PictureSetup) -> None:
    user = pictures.new_user()
    pictures.host.otherwise = FIRST
    outcomes = await asyncio.gather(*(pictures.update(user) for _ in range(3)))
    assert sorted(outcomes) == [PictureOutcome.STORED, PictureOutcome.UNCHANGED, PictureOutcome.UNCHANGED]
    assert pictures.picture(user) is not None
    assert len(pictures.grants.execute(sa.select(avatars.c.id))) == 1


@pytest.mark.parametrize(
    ("script", "outcome"),
    [
        (answer(200, SVG, {"Content-Type": "image/svg+xml"}), PictureOutcome.REJECTED),
        (answer(200, SVG, {"Content-Type": "image/png"}), PictureOutcome.REJECTED),
        (answer(200, PAGE, {"Content-Type": "image/png"}), PictureOutcome.REJECTED),
        (answer(200, bombs.png_size()), PictureOutcome.REJECTED),
        (answer(200, BROKEN["PNG: half"]), PictureOutcome.REJECTED),
        (answer(200, encoded(noise(400), "PNG")), PictureOutcome.REJECTED),
        (answer(200, b""), PictureOutcome.REJECTED),
        (
            answer(200, gzip.compress(bytes(50_000_000)), {"Content-Encoding": "gzip"}),
            PictureOutcome.REJECTED,
        ),
        (answer(404, "gone"), PictureOutcome.FAILED),
        (answer(403, "no"), PictureOutcome.FAILED),
        (answer(302, b"", {"Location": "http://169.254.169.254/latest/"}), PictureOutcome.NOT_ALLOWED),
        (answer(302, b"", {"Location": "http://127.0.0.1:1/"}), PictureOutcome.NOT_ALLOWED),
        (answer(302, b"", {"Location": "https://pictures.example.com/"}), PictureOutcome.NOT_ALLOWED),
    ],
)
@pytest.mark.databases("sqlite")
async def test_an_answer_that_is_no_picture_is_asked_for_once_a_day(
    pictures: PictureSetup, script: Script, outcome: PictureOutcome
) -> None:
    user = pictures.new_user()
    await pictures.set_first(user)
    before = pictures.picture(user)
    pictures.host.will(script)
    assert await pictures.update(user, path="/new.png") is outcome
    assert await pictures.update(user, path="/new.png") is PictureOutcome.UNCHANGED
    assert len(pictures.host.received) == 2
    assert (pictures.picture(user), pictures.count()) == (before, 1)
    pictures.pass_a_day()
    pictures.host.will(SECOND)
    assert await pictures.update(user, path="/new.png") is PictureOutcome.STORED


@pytest.mark.databases("sqlite")
async def test_a_url_that_redirects_in_a_circle_is_asked_for_once_a_day(pictures: PictureSetup) -> None:
    user = pictures.new_user()
    pictures.host.otherwise = answer(302, b"", {"Location": "/me.png"})
    assert await pictures.update(user) is PictureOutcome.FAILED
    assert await pictures.update(user) is PictureOutcome.UNCHANGED
    assert len(pictures.host.received) == 1 + MAX_REDIRECTS
    pictures.pass_a_day()
    await pictures.set_first(user)


@pytest.mark.parametrize("file", [file for _, file in HOSTILE.values() if len(file) <= MAX_BYTES][::9])
@pytest.mark.databases("sqlite")
async def test_no_hostile_file_becomes_a_picture(pictures: PictureSetup, file: bytes) -> None:
    user = pictures.new_user()
    pictures.host.will(answer(200, file, {"Content-Type": "image/png"}))
    assert await pictures.update(user) is PictureOutcome.REJECTED
    assert pictures.grants.execute(sa.select(avatars.c.id)) == []


@pytest.mark.parametrize(
    "script",
    [
        answer(500, "broken"),
        answer(503),
        answer(408),
        answer(425),
        answer(429, "slow down"),
        Reply(then=Then.RESET),
        Reply(b"HTTP/1.1 2"),
    ],
)
@pytest.mark.databases("sqlite")
async def test_a_failure_that_passes_is_tried_again_at_the_next_login(
    pictures: PictureSetup, script: Reply
) -> None:
    user = pictures.new_user()
    pictures.host.will(Reply(script.raw, Then.RESET) if script.raw == b"HTTP/1.1 2" else script)
    assert await pictures.update(user) is PictureOutcome.FAILED
    await pictures.set_first(user)


@pytest.mark.databases("sqlite")
async def test_a_full_queue_of_the_decoder_is_tried_again_at_the_next_login(
    pictures: PictureSetup, monkeypatch: pytest.MonkeyPatch
) -> None:
    user = pictures.new_user()

    async def overloaded(*_: object) -> None:
        raise OverloadedError(retry_after=1)

    with monkeypatch.context() as patch:
        patch.setattr(Avatars, "render", overloaded)
        pictures.host.will(FIRST)
        with pytest.raises(UnavailableError):
            await pictures.update(user)
    await pictures.set_first(user)


class InterruptedHereError(Exception):
    """Stands for the end of the process: nothing of Doorward catches it."""


@pytest.mark.parametrize(
    ("place", "name"),
    [
        (Avatars, "add"),
        (DatabaseAvatarStore, "put"),
        (avatar_rows, "keep"),
        (repository, "set_picture"),
        (Avatars, "discard"),
    ],
)
@pytest.mark.databases("sqlite")
async def test_wherever_a_process_ends_the_next_login_brings_the_picture(
    pictures: PictureSetup, monkeypatch: pytest.MonkeyPatch, place: object, name: str
) -> None:
    user = pictures.new_user()
    await pictures.set_first(user)
    before = pictures.picture(user)

    def ends(*_arguments: object, **_options: object) -> None:
        raise InterruptedHereError

    pictures.host.will(SECOND)
    with monkeypatch.context() as patch:
        patch.setattr(place, name, ends)
        with pytest.raises(InterruptedHereError):
            await pictures.update(user, path="/new.png")
    is_stored = name == "discard"
    assert (pictures.picture(user) == before) is not is_stored
    pictures.host.will(SECOND)
    expected = PictureOutcome.UNCHANGED if is_stored else PictureOutcome.STORED
    assert await pictures.update(user, path="/new.png") is expected
    assert pictures.picture(user) not in {before, None}
    assert pictures.count() == 1, "the others have ended, and the cleanup deletes them"


@pytest.mark.databases("sqlite")
async def test_a_process_that_stops_while_it_fetches_leaves_nothing(pictures: PictureSetup) -> None:
    user = pictures.new_user()
    pictures.host.will(Reply(then=Then.HANG))
    running = asyncio.create_task(pictures.update(user))
    await pictures.host.request_came.wait()
    running.cancel()
    await asyncio.gather(running, return_exceptions=True)
    assert running.cancelled()
    await pictures.set_first(user)
