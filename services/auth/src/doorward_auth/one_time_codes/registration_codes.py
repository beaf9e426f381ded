"""Queries on the codes of addresses without an account: one for all registrations of a spelling."""

import uuid
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

import sqlalchemy as sa
import uuid_utils.compat as uuid7s

from doorward_auth.one_time_codes.codes import LONG_CODE_SECONDS, new_seed
from doorward_identity.emails import email_key, spelling_key
from doorward_identity.tables import registration_codes
from doorward_kit.column_types import utc_now
from doorward_kit.upsert import upsert


@dataclass(frozen=True, slots=True)
class RegistrationCode:
    """The stored part of the code, and the address that it proves."""

    id: uuid.UUID
    email: str
    email_key: str
    seed: bytes
    expires_at: datetime
    now: datetime

    def is_live_for(self, remaining: timedelta) -> bool:
        """Tell whether the code is accepted for a while yet."""
        return self.expires_at - self.now > remaining


_CODE: Final = sa.select(
    registration_codes.c.id,
    registration_codes.c.email,
    registration_codes.c.email_key,
    registration_codes.c.seed,
    registration_codes.c.expires_at,
    utc_now().label("now"),
).where(registration_codes.c.expires_at > utc_now())


def find(connection: sa.Connection, code_id: uuid.UUID) -> RegistrationCode | None:
    """Read a code that has not expired."""
    row = connection.execute(_CODE.where(registration_codes.c.id == code_id)).one_or_none()
    return None if row is None else RegistrationCode(*row)


def lock(connection: sa.Connection, code_id: uuid.UUID) -> RegistrationCode | None:
    """Read a code as `find` does; it cannot be used by another request until the commit."""
    row = connection.execute(_CODE.where(registration_codes.c.id == code_id).with_for_update()).one_or_none()
    return None if row is None else RegistrationCode(*row)


def find_by_email(connection: sa.Connection, email: str) -> RegistrationCode | None:
    """Read the code of an address."""
    of_address = registration_codes.c.spelling_key == spelling_key(email)
    row = connection.execute(_CODE.where(of_address)).one_or_none()
    return None if row is None else RegistrationCode(*row)


def renew(connection: sa.Connection, email: str) -> RegistrationCode:
    """Extend the code of an address, or make one; return it.

    Of several mails at once, the first makes the code: a live one is never replaced.
    """
    expires_at = utc_now(LONG_CODE_SECONDS)
    fresh = {
        "id": uuid7s.uuid7(),
        "email": email,
        "spelling_key": spelling_key(email),
        "email_key": email_key(email),
        "seed": new_seed(),
        "expires_at": expires_at,
    }
    of_address = registration_codes.c.spelling_key == fresh["spelling_key"]
    expired = (of_address, registration_codes.c.expires_at <= utc_now())
    connection.execute(registration_codes.delete().where(*expired))
    upsert(connection, registration_codes, fresh, changed=("expires_at",), unique=("spelling_key",))
    code = find_by_email(connection, email)
    assert code is not None  # just written
    return code


def delete(connection: sa.Connection, key: str) -> None:
    """Delete the codes of an address, in all of its spellings."""
    connection.execute(registration_codes.delete().where(registration_codes.c.email_key == key))


def delete_expired(connection: sa.Connection, count: int) -> int:
    """Delete up to `count` expired codes; return how many."""
    expired = sa.select(registration_codes.c.id).where(registration_codes.c.expires_at <= utc_now())
    ids = list(connection.execute(expired.limit(count)).scalars())
    if ids:
        connection.execute(
            registration_codes.delete().where(
                registration_codes.c.id.in_(ids), registration_codes.c.expires_at <= utc_now()
            )
        )
    return len(ids)
