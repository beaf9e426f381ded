"""Pictures as objects in S3-compatible storage."""

import asyncio
import re
import uuid
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from datetime import timedelta
from typing import Final

import structlog
from obstore.exceptions import BaseError
from obstore.store import S3Store

from doorward_identity.avatars.avatar import MAX_BYTES, Avatar, AvatarSize
from doorward_identity.avatars.settings import AvatarSettings, AvatarStorage
from doorward_identity.avatars.storage.database import DatabaseAvatarStore
from doorward_identity.avatars.storage.errors import StorageUnavailableError

log = structlog.get_logger(__name__)

_RETRIES: Final = 2
_CODE: Final = re.compile(r"<Code>(\w{1,64})</Code>")
_NO_SUCH_OBJECT: Final = "NoSuchKey"
_ATTRIBUTES: Final = {"Content-Type": "image/webp"}


class _TooLargeError(ValueError):
    """An object that Doorward has not written, and that would fill the memory."""


class S3AvatarStore:
    """Stores both sizes of a picture as `<prefix>/<id>/<size>.webp`.

    `earlier` has the pictures from before this storage was configured.
    """

    kind = AvatarStorage.S3
    deletes = tuple(AvatarStorage)

    def __init__(self, settings: AvatarSettings, *, earlier: DatabaseAvatarStore) -> None:
        assert settings.s3_access_key_id is not None
        assert settings.s3_secret_access_key is not None
        self._seconds = settings.s3_timeout_seconds
        self._earlier = earlier
        timeout = timedelta(seconds=self._seconds)
        authority = settings.s3_ca_file
        endpoint = settings.s3_endpoint or f"https://s3.{settings.s3_region}.amazonaws.com"
        self._objects = S3Store(
            settings.s3_bucket,
            prefix=settings.s3_prefix or None,
            endpoint=endpoint,
            region=settings.s3_region,
            access_key_id=settings.s3_access_key_id.get_secret_value(),
            secret_access_key=settings.s3_secret_access_key.get_secret_value(),
            # Not every storage can delete several objects at once.
            disable_bulk_delete=True,
            client_options={
                "timeout": timeout,
                "connect_timeout": timeout,
                "allow_http": endpoint.startswith("http://"),
                **({} if authority is None else {"root_certificate": authority.read_text(encoding="ascii")}),
            },
            retry_config={"max_retries": _RETRIES, "retry_timeout": timeout},
        )

    async def put(self, avatar_id: uuid.UUID, avatar: Avatar) -> None:
        async with self._request("put"):
            for size, data in ((AvatarSize.SMALL, avatar.small), (AvatarSize.LARGE, avatar.large)):
                await self._objects.put_async(
                    _path(avatar_id, size), data, attributes=_ATTRIBUTES, use_multipart=False
                )

    async def get(self, avatar_id: uuid.UUID, size: AvatarSize) -> bytes | None:
        try:
            async with self._request("get"):
                result = await self._objects.get_async(_path(avatar_id, size))
                if result.meta["size"] > MAX_BYTES[size]:
                    raise _TooLargeError
                return bytes(await result.bytes_async())
        except FileNotFoundError:
            return await self._earlier.get(avatar_id, size)

    async def delete(self, avatar_ids: Sequence[uuid.UUID]) -> None:
        for path in (_path(avatar_id, size) for avatar_id in avatar_ids for size in AvatarSize):
            try:
                async with self._request("delete"):
                    await self._objects.delete_async(path)
            except FileNotFoundError:
                continue

    @asynccontextmanager
    async def _request(self, operation: str) -> AsyncIterator[None]:
        """Bound the time of a request; raises StorageUnavailableError, FileNotFoundError (no such object)."""
        try:
            async with asyncio.timeout(self._seconds):
                yield
        except (BaseError, OSError, ValueError) as error:
            # Not the whole message: it quotes what the storage answered.
            code = _CODE.search(str(error))
            reason = type(error).__name__ if code is None else code[1]
            if reason == _NO_SUCH_OBJECT:  # and not: no such bucket
                raise FileNotFoundError from error
            log.error("avatar.storage_failed", operation=operation, reason=reason)  # noqa: TRY400 - see above
            raise StorageUnavailableError from error


def _path(avatar_id: uuid.UUID, size: AvatarSize) -> str:
    return f"{avatar_id.hex}/{size.value}.webp"
