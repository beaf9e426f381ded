"""A hundred thousand accounts, and tokens of some of them."""

import random
import secrets
import uuid
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, Final

import sqlalchemy as sa
from argon2 import PasswordHasher

from bench.client import get, post
from bench.signing import new_signer, sign
from doorward_client.permissions import Role
from doorward_identity.accounts import Status
from doorward_identity.settings import Argon2Settings
from doorward_identity.tables import credentials, users
from doorward_kit.database import create_engine

PASSWORD: Final = "correct horse battery staple"
LOGINS: Final = 200
READERS: Final = 2_000
_BATCH: Final = 2_000
_NEWEST: Final = datetime(2026, 1, 1, tzinfo=UTC)
_NAMES: Final = ("Ada", "Alan", "Barbara", "Donald", "Edsger", "Frances", "Grace", "John", "Ken", "Margaret")


@dataclass(frozen=True)
class People:
    """Those who take part: their ids, tokens, and requests ready to send."""

    count: int
    readers: tuple[uuid.UUID, ...]
    tokens: tuple[str, ...]
    """Of the readers, in their order."""
    admin_token: str
    emails: tuple[str, ...]

    @property
    def reads(self) -> list[bytes]:
        """`GET /api/v1/users/me` of many different people."""
        return [get("/api/v1/users/me", token) for token in self.tokens]

    @property
    def logins(self) -> list[bytes]:
        """`POST /api/v1/auth/token` of different people."""
        return [post("/api/v1/auth/token", _login(email)) for email in self.emails]


def create(database_url: str, count: int) -> People:
    """Store `count` accounts, the first of them an administrator, a few with a password."""
    random_numbers = random.Random(20_260_101)
    rows = list(_rows(count))
    # In the order of arrival, as a real table has grown: ids and times rise together.
    engine = create_engine(database_url, pool_size=1, timeout=60)
    with engine.connect() as connection:
        for start in range(0, count, _BATCH):
            connection.execute(users.insert(), rows[start : start + _BATCH])
        chosen = random_numbers.sample(rows, LOGINS)
        password_hash = _hasher().hash(PASSWORD)
        connection.execute(
            credentials.insert(),
            [{"user_id": row["id"], "password_hash": password_hash, "updated_at": _NEWEST} for row in chosen],
        )
        connection.execute(sa.text("ANALYZE TABLE users"))
    engine.dispose()
    signer = new_signer()
    reading = random_numbers.sample(rows[1:], READERS)

    def token_of(row: dict[str, Any]) -> str:
        return sign(signer, row["id"], row["role"])

    return People(
        count,
        tuple(row["id"] for row in reading),
        tuple(map(token_of, reading)),
        token_of(rows[0]),
        tuple(row["email"] for row in chosen),
    )


def _rows(count: int) -> Iterator[dict[str, Any]]:
    for number in range(count):
        created = _NEWEST - timedelta(seconds=37 * (count - number))
        name = f"{_NAMES[number * 7 % len(_NAMES)]} Example {number * 7_919 % (count // 2):06}"
        email = f"person-{number * 104_729 % count:06}@example.com"
        yield {
            "id": _uuid7(created),
            "email": email,
            "email_key": email,
            "name": name,
            "name_key": name.casefold(),
            "role": (Role.USER if number else Role.ADMIN).value,
            "status": Status.ACTIVE.value,
            "email_verified_at": created,
            "token_version": 0,
            "version": 1,
            "created_at": created,
            "updated_at": created,
        }


def _uuid7(when: datetime) -> bytes:
    """Make the id that an account of that time has (RFC 9562 section 5.7)."""
    number = int(when.timestamp() * 1000) << 80 | secrets.randbits(80)
    number = number & ~(0xF << 76) | 0x7 << 76
    return (number & ~(0x3 << 62) | 0x2 << 62).to_bytes(16, "big")


def _hasher() -> PasswordHasher:
    fields = Argon2Settings.model_fields
    return PasswordHasher(
        time_cost=fields["argon2_time_cost"].default,
        memory_cost=fields["argon2_memory_kib"].default,
        parallelism=fields["argon2_parallelism"].default,
    )


def _login(email: str) -> bytes:
    return f'{{"email":"{email}","password":"{PASSWORD}"}}'.encode("ascii")
