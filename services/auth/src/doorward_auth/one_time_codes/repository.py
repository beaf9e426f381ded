"""Queries on one-time codes of accounts."""

import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

import sqlalchemy as sa

from doorward_auth.one_time_codes.codes import CodeForm, Purpose, new_seed
from doorward_identity.tables import one_time_codes
from doorward_kit.column_types import utc_now
from doorward_kit.upsert import upsert


@dataclass(frozen=True, slots=True)
class StoredCode:
    """A code's seed, the address that the code was mailed to, and how long it is still accepted."""

    purpose: Purpose
    form: CodeForm
    seed: bytes
    sent_to: str
    expires_at: datetime
    now: datetime

    @property
    def is_live(self) -> bool:
        """Whether the code is accepted."""
        return self.expires_at > self.now

    def is_live_for(self, remaining: timedelta) -> bool:
        """Tell whether the code is accepted for a while yet."""
        return self.is_live and self.expires_at - self.now > remaining


_CODES: Final = sa.select(
    one_time_codes.c.purpose,
    one_time_codes.c.form,
    one_time_codes.c.seed,
    one_time_codes.c.sent_to,
    one_time_codes.c.expires_at,
    utc_now().label("now"),
)


def find(connection: sa.Connection, user_id: uuid.UUID) -> Sequence[StoredCode]:
    """Read the codes of a user, at most one for each purpose and form, expired ones too."""
    rows = connection.execute(_CODES.where(one_time_codes.c.user_id == user_id)).all()
    return [StoredCode(Purpose(purpose), CodeForm(form), *rest) for purpose, form, *rest in rows]


def find_for(connection: sa.Connection, user_id: uuid.UUID, purpose: Purpose) -> Sequence[StoredCode]:
    """Read the codes of a user for one purpose, at most one of each form, expired ones too."""
    return [code for code in find(connection, user_id) if code.purpose is purpose]


def renew(
    connection: sa.Connection,
    user_id: uuid.UUID,
    purpose: Purpose,
    form: CodeForm,
    *,
    seconds: int,
    sent_to: str,
) -> bytes:
    """Extend the live code that was mailed to the address, or make another; return its seed.

    The caller holds the lock of the account.
    """
    expires_at = utc_now(seconds)
    for code in find_for(connection, user_id, purpose):
        if (code.form, code.sent_to) == (form, sent_to) and code.is_live:
            same = one_time_codes.update().where(
                *_is_code_of(user_id, purpose), one_time_codes.c.form == form.value
            )
            connection.execute(same.values(expires_at=expires_at))
            return code.seed
    seed = new_seed()
    fresh = {"seed": seed, "attempts": 0, "expires_at": expires_at, "sent_to": sent_to}
    key = {"user_id": user_id, "purpose": purpose.value, "form": form.value}
    upsert(connection, one_time_codes, {**key, **fresh}, changed=tuple(fresh))
    return seed


def count_wrong_guess(connection: sa.Connection, user_id: uuid.UUID, purpose: Purpose) -> None:
    """Write the row of the PIN. The caller holds the lock of the account, and commits.

    What is allowed decides the count of the address (`guesses`). This one makes a wrong guess conflict with a
    right one, which deletes the row: on two nodes of a cluster the lock of the account does not.
    """
    pin = one_time_codes.update().where(
        *_is_code_of(user_id, purpose), one_time_codes.c.form == CodeForm.PIN.value
    )
    connection.execute(pin.values(attempts=one_time_codes.c.attempts + 1))


def delete(connection: sa.Connection, user_id: uuid.UUID, purpose: Purpose | None = None) -> None:
    """Delete a user's codes for one purpose, or all of them."""
    deleted = one_time_codes.delete().where(one_time_codes.c.user_id == user_id)
    if purpose is not None:
        deleted = deleted.where(one_time_codes.c.purpose == purpose.value)
    connection.execute(deleted)


def delete_sent_elsewhere(
    connection: sa.Connection, user_id: uuid.UUID, purpose: Purpose, sent_to: str
) -> None:
    """Delete a user's codes for one purpose that went to other addresses."""
    others = one_time_codes.c.sent_to != sent_to
    connection.execute(one_time_codes.delete().where(*_is_code_of(user_id, purpose), others))


def delete_expired(connection: sa.Connection, count: int) -> int:
    """Delete up to `count` expired codes; return how many.

    Not those of invitations: that one has expired is told to its owner.
    """
    is_expired = (
        one_time_codes.c.expires_at <= utc_now(),
        one_time_codes.c.purpose != Purpose.INVITATION.value,
    )
    key = (one_time_codes.c.user_id, one_time_codes.c.purpose, one_time_codes.c.form)
    keys = [tuple(row) for row in connection.execute(sa.select(*key).where(*is_expired).limit(count))]
    if keys:
        connection.execute(one_time_codes.delete().where(sa.tuple_(*key).in_(keys), *is_expired))
    return len(keys)


def _is_code_of(user_id: uuid.UUID, purpose: Purpose) -> tuple[sa.ColumnElement[bool], ...]:
    return one_time_codes.c.user_id == user_id, one_time_codes.c.purpose == purpose.value
