"""Devices that a user has logged in from: the failures of others never block them."""

import uuid
from dataclasses import dataclass
from typing import ClassVar, Final

import sqlalchemy as sa

from doorward_auth.opaque_tokens import OpaqueToken
from doorward_identity.tables import known_devices
from doorward_kit.column_types import utc_now

MAX_DEVICES: Final = 20
"""Of one account, and as many whose token was never sent back: logins without one evict only these."""

_OWNER: Final = sa.select(known_devices.c.user_id).where(
    known_devices.c.id == sa.bindparam("device_id"),
    known_devices.c.secret_hash == sa.bindparam("secret_hash"),
)


@dataclass(frozen=True, slots=True, repr=False)
class DeviceToken(OpaqueToken):
    """What a client sends to be recognised; it opens nothing. Its id is the device's."""

    prefix: ClassVar[str] = "dwd_"


def find_owner(connection: sa.Connection, device: DeviceToken) -> uuid.UUID | None:
    """Read the user that a device token was issued to; None for an unknown token."""
    values = {"device_id": device.id, "secret_hash": device.hash()}
    return connection.execute(_OWNER, values).scalar_one_or_none()


def remember(connection: sa.Connection, user_id: uuid.UUID, device: DeviceToken) -> None:
    """Store a device that the user has just logged in from, and evict the surplus."""
    connection.execute(
        known_devices.insert().values(
            id=device.id, user_id=user_id, secret_hash=device.hash(), last_used_at=utc_now()
        )
    )
    devices = connection.execute(
        sa.select(known_devices.c.id, known_devices.c.confirmed_at.is_not(None))
        .where(known_devices.c.user_id == user_id)
        .order_by(known_devices.c.last_used_at.desc(), known_devices.c.id.desc())
    ).all()
    confirmed = [device_id for device_id, is_confirmed in devices if is_confirmed]
    unconfirmed = [device_id for device_id, is_confirmed in devices if not is_confirmed]
    surplus = confirmed[MAX_DEVICES:] + unconfirmed[MAX_DEVICES:]
    if surplus:
        connection.execute(known_devices.delete().where(known_devices.c.id.in_(surplus)))


def touch(connection: sa.Connection, device_id: uuid.UUID) -> None:
    """Note a login with the device's token."""
    connection.execute(
        known_devices.update()
        .where(known_devices.c.id == device_id)
        .values(
            last_used_at=utc_now(), confirmed_at=sa.func.coalesce(known_devices.c.confirmed_at, utc_now())
        )
    )
