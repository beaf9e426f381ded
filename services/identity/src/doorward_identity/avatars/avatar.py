"""A picture as it is stored."""

import uuid
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Final


class AvatarSize(StrEnum):
    """The sizes of a picture: the longest side has `images.SIDES` pixels, or fewer if the image had."""

    SMALL = "small"
    LARGE = "large"


MAX_BYTES: Final[Mapping[AvatarSize, int]] = {AvatarSize.SMALL: 16 * 1024, AvatarSize.LARGE: 128 * 1024}


@dataclass(frozen=True, slots=True)
class Avatar:
    """Both sizes, as WebP."""

    small: bytes
    large: bytes


@dataclass(frozen=True, slots=True)
class AvatarReference:
    """A stored picture: `digest` is the beginning of the SHA-256 of its large size, 16 bytes."""

    id: uuid.UUID
    digest: bytes


def picture_url(user_id: uuid.UUID, digest: bytes | None) -> str | None:
    """Return the `picture` of a user: the path of the large size with its digest; None without one.

    Relative to the API, because only clients know its public address.
    """
    return None if digest is None else f"/api/v1/users/{user_id}/avatar?v={digest.hex()}"
