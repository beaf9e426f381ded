"""Inserts many accounts into the database directly."""

import itertools
import uuid
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Final

import sqlalchemy as sa
import uuid_utils.compat as uuid7s
from argon2 import PasswordHasher

from doorward_identity.tables import credentials, users
from integration.harness.databases import transaction_at
from integration.harness.installation import USERS
from integration.harness.people import PASSWORD

_HASH: Final = PasswordHasher(time_cost=1, memory_cost=64, parallelism=1).hash(PASSWORD)
_numbers = itertools.count(1)


@dataclass(frozen=True, slots=True)
class Member:
    """An active account whose password is PASSWORD."""

    id: uuid.UUID
    email: str

    @property
    def path(self) -> str:
        """The path of the account in the directory."""
        return f"{USERS}/{self.id}"


def enrol(database_url: str, count: int, *, role: str = "user") -> list[Member]:
    """Insert `count` active accounts with the same password; return them."""
    members = [Member(uuid7s.uuid7(), f"member{next(_numbers)}@example.com") for _ in range(count)]
    now = datetime.now(UTC)
    with transaction_at(database_url) as connection:
        connection.execute(sa.insert(users), [_row(member, role, now) for member in members])
        connection.execute(
            sa.insert(credentials),
            [{"user_id": member.id, "password_hash": _HASH, "updated_at": now} for member in members],
        )
    return members


def _row(member: Member, role: str, now: datetime) -> dict[str, Any]:
    return {
        "id": member.id,
        "email": member.email,
        "email_key": member.email,
        "name": member.email,
        "name_key": member.email,
        "role": role,
        "status": "active",
        "email_verified_at": now,
        "token_version": 0,
        "version": 1,
        "created_at": now,
        "updated_at": now,
    }
