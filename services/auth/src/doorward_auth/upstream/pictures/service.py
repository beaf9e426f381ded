"""From the URL of a picture at an upstream to the picture of a user."""

import hashlib
import uuid
from dataclasses import dataclass
from functools import partial
from typing import Final

import httpx2
import sqlalchemy as sa
import structlog

from doorward_auth.upstream.pictures import repository
from doorward_auth.upstream.pictures.metrics import PictureOutcome
from doorward_auth.upstream_adapters.base import FailedError, MalformedAnswerError, UpstreamError
from doorward_auth.upstream_adapters.pictures import PictureClient, RedirectNotAllowedError
from doorward_client.errors import DoorwardError, UnavailableError
from doorward_identity.audit.repository import AuditAction, record
from doorward_identity.avatars import repository as avatars
from doorward_identity.avatars.avatar import Avatar
from doorward_identity.avatars.storage.errors import StorageUnavailableError
from doorward_identity.passwords import charges
from doorward_identity.resources import IdentityResources

log = structlog.get_logger(__name__)

_REDIRECTS: Final = range(300, 400)
"""Statuses after the last redirect that is followed: the URL leads in a circle, or too far."""


@dataclass(frozen=True, slots=True)
class _DecodedPicture:
    """A picture, with the hashes of its file and of that file's URL."""

    avatar: Avatar
    file_hash: bytes
    url_hash: bytes


class _UnusableError(Exception):
    """There is no picture to be had. If `may_pass`, the next login may get one."""

    def __init__(self, outcome: PictureOutcome, *, may_pass: bool = False) -> None:
        super().__init__(outcome.value)
        self.outcome = outcome
        self.may_pass = may_pass


class PictureUpdates:
    """Updates pictures from one provider. No transaction is open while a request is under way."""

    def __init__(self, resources: IdentityResources, provider: str, client: PictureClient) -> None:
        self._database = resources.database
        self._avatars = resources.avatars
        self._provider = provider
        self._client = client

    async def update(self, user_id: uuid.UUID, url: httpx2.URL) -> PictureOutcome:
        """Make the picture at a URL the user's, unless the user has another one or has deleted it.

        Raises UnavailableError. What fails for a time is tried again at the next login, because the database
        does not know the picture. An answer that is about the URL is noted, and valid for a day.
        """
        find = partial(repository.find_state, user_id=user_id, provider=self._provider)
        state = await self._database.read(find)
        if state is None or not state.is_upstreams:
            return PictureOutcome.KEPT
        url_hash = _hash(str(url).encode("utf-8"))
        if state.is_recent and state.url_hash == url_hash:
            return PictureOutcome.UNCHANGED
        try:
            picture = await self._fetch_and_decode(url, url_hash, known=state.file_hash)
        except _UnusableError as error:
            if not error.may_pass:
                await self._note(user_id, url_hash)
            return error.outcome
        if picture is None:
            await self._note(user_id, url_hash)
            return PictureOutcome.UNCHANGED
        return await self._store(user_id, picture)

    async def _fetch_and_decode(
        self, url: httpx2.URL, url_hash: bytes, *, known: bytes | None
    ) -> _DecodedPicture | None:
        """Return a picture, None if its file is known; raises _UnusableError, UnavailableError."""
        file = await self._fetch(url)
        file_hash = _hash(file)
        if file_hash == known:
            return None
        try:
            avatar = await self._avatars.render(file, charges.by_upstream(self._provider))
        except UnavailableError:
            raise
        except DoorwardError as error:
            log.info("upstream.picture_rejected", provider=self._provider, reason=error.code)
            raise _UnusableError(PictureOutcome.REJECTED) from None
        return _DecodedPicture(avatar, file_hash, url_hash)

    async def _fetch(self, url: httpx2.URL) -> bytes:
        try:
            return await self._client.fetch(url)
        except RedirectNotAllowedError as error:
            log.info("upstream.picture_host_rejected", provider=self._provider, host=error.host)
            raise _UnusableError(PictureOutcome.NOT_ALLOWED) from None
        except MalformedAnswerError:
            raise _UnusableError(PictureOutcome.REJECTED) from None
        except UpstreamError as error:
            is_final = isinstance(error, FailedError) and (error.is_final or error.status in _REDIRECTS)
            raise _UnusableError(PictureOutcome.FAILED, may_pass=not is_final) from None

    async def _store(self, user_id: uuid.UUID, picture: _DecodedPicture) -> PictureOutcome:
        added = await self._avatars.add(picture.avatar)

        def work(connection: sa.Connection) -> tuple[PictureOutcome, uuid.UUID | None]:
            """Return the outcome, and the picture that no user has any more."""
            state = repository.lock_state(connection, user_id, self._provider)
            # The user may have set or deleted a picture meanwhile.
            if state is None or not state.is_upstreams:
                avatars.end(connection, added.id)
                return PictureOutcome.KEPT, added.id
            if state.file_hash == picture.file_hash:  # another process was faster
                avatars.end(connection, added.id)
                return PictureOutcome.UNCHANGED, added.id
            if not avatars.keep(connection, added.id):
                raise StorageUnavailableError  # an hour has passed
            if state.avatar_id is not None:
                avatars.end(connection, state.avatar_id)
            repository.set_picture(
                connection,
                user_id,
                self._provider,
                added,
                url_hash=picture.url_hash,
                file_hash=picture.file_hash,
            )
            details = {"provider": self._provider}
            record(connection, AuditAction.UPSTREAM_PICTURE_SET, actor=None, target=user_id, details=details)
            return PictureOutcome.STORED, state.avatar_id

        outcome, discarded = await self._database.write(work)
        await self._avatars.discard(discarded)
        return outcome

    async def _note(self, user_id: uuid.UUID, url_hash: bytes) -> None:
        note = partial(repository.note_answer, user_id=user_id, provider=self._provider, url_hash=url_hash)
        await self._database.execute_single(note)


def _hash(data: bytes) -> bytes:
    return hashlib.sha256(data).digest()
