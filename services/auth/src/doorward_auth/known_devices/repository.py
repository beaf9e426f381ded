"""Queries on known devices."""

import uuid
from typing import Final

import sqlalchemy as sa

from doorward_identity.tables import known_devices
from doorward_kit.column_types import utc_now

MAX_DEVICES: Final = 20
"""Of one account: the one used longest ago makes room for the next."""

_OWNER: Final = sa.select(known_devices.c.user_id).where(
    known_devices.c.id == sa.bindparam("device_id"),
    known_devices.c.secret_hash == sa.bindparam("secret_hash"),
)


def find_owner(connection: sa.Connection, device_id: uuid.UUID, secret_hash: bytes) -> bytes | None:
    """Read whose device it is; None for a secret that is not the device's."""
    values = {"device_id": device_id, "secret_hash": secret_hash}
    return connection.execute(_OWNER, values).scalar_one_or_none()


def remember(connection: sa.Connection, user_id: uuid.UUID, device_id: uuid.UUID, secret_hash: bytes) -> None:
    """Store a device that its user has just logged in from."""
    connection.execute(
        known_devices.insert().values(
            id=device_id, user_id=user_id, secret_hash=secret_hash, last_used_at=utc_now()
        )
    )
    others = sa.select(known_devices.c.id).where(known_devices.c.user_id == user_id)
    newest_first = others.order_by(known_devices.c.last_used_at.desc(), known_devices.c.id.desc())
    surplus = list(connection.execute(newest_first.offset(MAX_DEVICES).limit(MAX_DEVICES)).scalars())
    if surplus:
        connection.execute(known_devices.delete().where(known_devices.c.id.in_(surplus)))


def touch(connection: sa.Connection, device_id: uuid.UUID) -> None:
    """Note that a device was used."""
    used = known_devices.update().where(known_devices.c.id == device_id)
    connection.execute(used.values(last_used_at=utc_now()))


def forget_all(connection: sa.Connection, user_id: uuid.UUID) -> None:
    """Forget every device of a user."""
    connection.execute(known_devices.delete().where(known_devices.c.user_id == user_id))
