"""Endpoints of pictures."""

import uuid
from typing import Annotated, Any, Final

from fastapi import Query
from starlette.responses import Response

from doorward_client.bearer_auth import CurrentUser
from doorward_client.tokens import Claims
from doorward_identity.avatars.avatar import AvatarSize, picture_url
from doorward_kit import responses
from doorward_kit.dependencies import provide
from doorward_kit.etags import IfNoneMatch, not_modified, quote_etag
from doorward_kit.routing import api_router
from doorward_kit.upload_limit import UploadRoute
from doorward_kit.uploads import UPLOAD_BODY, UploadedImage
from doorward_users.avatars.schemas import AvatarLinks
from doorward_users.avatars.service import AvatarService

UserAvatars = Annotated[AvatarService, provide(AvatarService)]

_PREFIX: Final = "/api/v1/users"

own_router = api_router(prefix=f"{_PREFIX}/me/avatar", tag="pictures", route_class=UploadRoute)
router = api_router(prefix=f"{_PREFIX}/{{user_id}}/avatar", tag="pictures", route_class=UploadRoute)

Size = Annotated[
    AvatarSize, Query(description="`small` is up to 96 pixels a side, `large` up to 512. Both are squares.")
]
Version = Annotated[
    str | None,
    Query(
        alias="v",
        max_length=64,
        description="The digest, as in `picture` of the user. With the present one, the answer may be kept.",
    ),
]

_MEDIA_TYPE: Final = "image/webp"
_ANSWER: Final[dict[int | str, dict[str, Any]]] = {
    200: {"content": {_MEDIA_TYPE: {"schema": {"type": "string", "format": "binary"}}}}
}


@own_router.get("", response_class=Response, responses=_ANSWER, summary="Read your picture")
async def get_own_avatar(
    caller: CurrentUser,
    avatars: UserAvatars,
    size: Size = AvatarSize.LARGE,
    version: Version = None,
    if_none_match: IfNoneMatch = None,
) -> Response:
    """Read the caller's own picture, as WebP. With `If-None-Match`, 304 if it has not changed."""
    return await _read(avatars, caller, caller.user_id, size, version, if_none_match)


@own_router.put("", response_model=AvatarLinks, openapi_extra=UPLOAD_BODY, summary="Set your picture")
async def set_own_avatar(caller: CurrentUser, avatars: UserAvatars, image: UploadedImage) -> Response:
    """Store a PNG, JPEG or WebP image as the caller's own picture: the square of its middle."""
    return _links(caller.user_id, await avatars.set(caller, caller.user_id, image))


@own_router.delete("", status_code=204, summary="Delete your picture")
async def delete_own_avatar(caller: CurrentUser, avatars: UserAvatars) -> Response:
    """Delete the caller's own picture, if there is one."""
    await avatars.delete(caller, caller.user_id)
    return Response(status_code=204)


@router.get("", response_class=Response, responses=_ANSWER, summary="Read a user's picture")
async def get_avatar(
    user_id: uuid.UUID,
    caller: CurrentUser,
    avatars: UserAvatars,
    size: Size = AvatarSize.LARGE,
    version: Version = None,
    if_none_match: IfNoneMatch = None,
) -> Response:
    """Read the picture of a user whose entry the caller sees, as WebP."""
    return await _read(avatars, caller, user_id, size, version, if_none_match)


@router.put("", response_model=AvatarLinks, openapi_extra=UPLOAD_BODY, summary="Set a user's picture")
async def set_avatar(
    user_id: uuid.UUID, caller: CurrentUser, avatars: UserAvatars, image: UploadedImage
) -> Response:
    """Store an image as the picture of a user: the own one, or with `users:write` that of others."""
    return _links(user_id, await avatars.set(caller, user_id, image))


@router.delete("", status_code=204, summary="Delete a user's picture")
async def delete_avatar(user_id: uuid.UUID, caller: CurrentUser, avatars: UserAvatars) -> Response:
    """Delete the picture of a user, if there is one: the own one, or with `users:write` that of others."""
    await avatars.delete(caller, user_id)
    return Response(status_code=204)


async def _read(
    avatars: UserAvatars,
    caller: Claims,
    user_id: uuid.UUID,
    size: AvatarSize,
    version: str | None,
    if_none_match: str | None,
) -> Response:
    found = await avatars.find(caller, user_id)
    if not_modified(if_none_match, _etag(found.digest, size)):
        return Response(status_code=304, headers=_headers(found.digest, size, version))
    stored = await avatars.read(caller, user_id, found, size)
    headers = _headers(stored.digest, size, version)
    return Response(stored.data, media_type=_MEDIA_TYPE, headers=headers)


def _headers(digest: bytes, size: AvatarSize, version: str | None) -> dict[str, str]:
    # The address with an earlier digest shows the present picture, which a cache must not take for the other.
    is_lasting = version == digest.hex()
    caching = "private, max-age=31536000, immutable" if is_lasting else "private, no-cache"
    return {"ETag": _etag(digest, size), "Cache-Control": caching}


def _etag(digest: bytes, size: AvatarSize) -> str:
    return quote_etag(f"{digest.hex()}-{size.value}")


def _links(user_id: uuid.UUID, digest: bytes) -> Response:
    # Without an ETag: it would say that the image is stored byte by byte (RFC 9110 section 9.3.4).
    picture = picture_url(user_id, digest)
    body = responses.to_json({"picture": picture, "small": f"{picture}&size=small"})
    return Response(body, media_type=responses.MEDIA_TYPE)
