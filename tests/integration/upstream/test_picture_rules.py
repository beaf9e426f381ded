"""Whose picture wins, what is fetched again, and what an interruption leaves behind."""

import asyncio
import json

import pytest
import sqlalchemy as sa

from doorward_auth.upstream import identities
from doorward_auth.upstream.pictures import repository
from doorward_auth.upstream.pictures.metrics import PictureOutcome
from doorward_identity.audit.repository import AuditAction
from doorward_identity.avatars import repository as avatar_rows
from doorward_identity.avatars.service import Avatars
from doorward_identity.avatars.storage.database import DatabaseAvatarStore
from doorward_identity.tables import audit_events, avatars, users
from integration.upstream.grant_setup import PROVIDER
from integration.upstream.picture_setup import FIRST, OTHER, SECOND, PictureSetup
from support.scripted_upstream import Received, Reply, Then


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
