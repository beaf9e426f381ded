"""Services whose pictures are stored in the database, or in a real S3 server."""

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from functools import cache
from typing import Any

import pytest
import sqlalchemy as sa

from doorward_identity.avatars.service import Avatars
from doorward_identity.avatars.settings import AvatarSettings
from doorward_identity.avatars.storage import create_store
from doorward_identity.resources import IdentityResources
from doorward_identity.tables import avatars, users
from integration.harness.installation import Installation
from integration.self_service.flows import Flows
from support.reaper import temporary_folder
from support.s3 import S3Server

STORAGES = ("database", "s3")


@dataclass(frozen=True)
class Pictures:
    """An installation with one of the storages, and what lies in it."""

    installation: Installation
    flows: Flows
    s3: S3Server | None

    @property
    def avatars(self) -> Avatars:
        """The avatars service of auth, whose cleanup deletes pictures."""
        found: Avatars = self.installation.auth_app.state.resources.avatars
        return found

    def rows(self) -> set[str]:
        """Return the ids of all pictures."""
        return {row[0].hex for row in self.installation.execute(sa.select(avatars.c.id))}

    def used(self) -> set[str]:
        """Return the ids of the pictures that users have."""
        found = self.installation.execute(sa.select(users.c.avatar_id).where(users.c.avatar_id.is_not(None)))
        return {row[0].hex for row in found}

    def stored(self) -> set[str]:
        """Return the ids of the pictures whose bytes are stored."""
        if self.s3 is not None:
            return {key.split("/")[-2] for key in self.s3.object_names()}
        found = self.installation.execute(sa.select(avatars.c.id).where(avatars.c.large.is_not(None)))
        return {row[0].hex for row in found}

    def clean_up(self) -> None:
        """Let the time pass at which every picture ends that has an end, and run the cleanup."""
        self.installation.execute(
            "UPDATE avatars SET expires_at = '2020-01-01 00:00:00.000000' WHERE expires_at IS NOT NULL"
        )
        portal = self.installation.auth.portal
        assert portal is not None
        while portal.call(lambda: self.avatars.delete_ended(count=500)):
            pass

    def assert_nothing_is_left(self) -> None:
        """Check that there are the pictures of users, and no others."""
        assert self.rows() == self.stored() == self.used()


@pytest.fixture(scope="session")
def start_s3() -> Iterator[Callable[[], S3Server]]:
    with ExitStack() as stack:

        @cache
        def start() -> S3Server:
            return stack.enter_context(S3Server(stack.enter_context(temporary_folder(in_memory=True))))

        yield start


@pytest.fixture
def s3(start_s3: Callable[[], S3Server]) -> S3Server:
    """An empty bucket."""
    server = start_s3()
    server.empty()
    return server


@pytest.fixture
def with_s3(
    installation: Installation, flows: Flows, s3: S3Server, monkeypatch: pytest.MonkeyPatch
) -> Pictures:
    """The services with the S3 server as their storage."""
    use_storage(installation, monkeypatch, **s3.settings)
    return Pictures(installation, flows, s3)


@pytest.fixture(params=STORAGES)
def pictures(request: pytest.FixtureRequest, installation: Installation, flows: Flows) -> Pictures:
    if request.param == "s3":
        with_s3: Pictures = request.getfixturevalue("with_s3")
        return with_s3
    return Pictures(installation, flows, None)


def use_storage(installation: Installation, monkeypatch: pytest.MonkeyPatch, **settings: Any) -> None:
    """Give running services another storage: starting them anew takes seconds."""
    for app in (installation.auth_app, installation.users_app):
        resources: IdentityResources = app.state.resources
        store = create_store(AvatarSettings(**settings), resources.database)
        monkeypatch.setattr(resources.avatars, "_store", store)
