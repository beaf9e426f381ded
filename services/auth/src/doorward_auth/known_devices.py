"""Devices that a user has logged in from: the failures of others never block them."""

import hashlib
import uuid
from dataclasses import dataclass
from typing import ClassVar, Final

import sqlalchemy as sa
import uuid_utils.compat as uuid7s

from doorward_auth.opaque_tokens import OpaqueToken
from doorward_identity.tables import known_devices
from doorward_kit.column_types import utc_now

MAX_DEVICES: Final = 20
"""Devices of one account, and as many that have not sent their token back: new devices evict only these."""

_OWNER: Final = sa.select(known_devices.c.user_id).where(
    known_devices.c.id == sa.bindparam("device_id"),
    known_devices.c.secret_hash == sa.bindparam("secret_hash"),
)


@dataclass(frozen=True, slots=True, repr=False)
class DeviceToken(OpaqueToken):
    """The token by which a client is recognised. It grants no access. Its id is the device's."""

    prefix: ClassVar[str] = "dwd_"


def find_owner(
    connection: sa.Connection, device: DeviceToken, *, login_name: str | None = None
) -> uuid.UUID | None:
    """Read the user that a device token was issued to; None for an unknown token.

    A token of a login with a `login_name` is known with that name only. Otherwise the owner of any account
    could guess passwords of other accounts at an upstream as a device that is known there.
    """
    values = {"device_id": device.id, "secret_hash": _hash_of(device, login_name)}
    return connection.execute(_OWNER, values).scalar_one_or_none()


def remember(
    connection: sa.Connection, user_id: uuid.UUID, device: DeviceToken, *, login_name: str | None = None
) -> None:
    """Store a device that the user has just logged in from, and evict the surplus.

    `login_name` is the upstream and the name that it has accepted; None for a login here.
    """
    connection.execute(
        known_devices.insert().values(
            id=device.id,
            user_id=user_id,
            secret_hash=_hash_of(device, login_name),
            last_used_at=utc_now(),
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


def note_login(
    connection: sa.Connection,
    user_id: uuid.UUID,
    known_device: DeviceToken | None,
    login_name: str | None = None,
) -> DeviceToken | None:
    """Note that a known device was used, or return the token of a new one."""
    if known_device is not None:
        touch(connection, known_device.id)
        return None
    new_device = DeviceToken.issue(uuid7s.uuid7())
    remember(connection, user_id, new_device, login_name=login_name)
    return new_device


def touch(connection: sa.Connection, device_id: uuid.UUID) -> None:
    """Note a login with the device's token."""
    connection.execute(
        known_devices.update()
        .where(known_devices.c.id == device_id)
        .values(
            last_used_at=utc_now(), confirmed_at=sa.func.coalesce(known_devices.c.confirmed_at, utc_now())
        )
    )


def _hash_of(device: DeviceToken, login_name: str | None) -> bytes:
    if login_name is None:
        return device.hash()
    return hashlib.sha256(device.hash() + login_name.encode("utf-8", "surrogatepass")).digest()
