"""Where pictures are stored: in the database, or in S3-compatible storage."""

from typing import Final

from doorward_identity.avatars.settings import AvatarSettings, AvatarStorage
from doorward_identity.avatars.storage.database import DatabaseAvatarStore
from doorward_identity.avatars.storage.store import AvatarStore
from doorward_kit.unit_of_work import Database

__all__: Final = ["AvatarStore", "create_store"]


def create_store(settings: AvatarSettings, database: Database) -> AvatarStore:
    """Return the store of the settings. Nothing connects yet."""
    store = DatabaseAvatarStore(database)
    if settings.avatar_store is AvatarStorage.DATABASE:
        return store
    # 16 MB of machine code, for those who need it.
    from doorward_identity.avatars.storage.s3 import S3AvatarStore  # noqa: PLC0415

    return S3AvatarStore(settings, earlier=store)
