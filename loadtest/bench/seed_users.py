"""Stores user accounts, and signs access tokens for some of them."""

import random
import secrets
import uuid
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, Final

import sqlalchemy as sa

from bench.hashing import default_hasher
from bench.http_client import get, post
from bench.signing import new_signer, sign
from doorward_client.permissions import Role
from doorward_identity.accounts import Status
from doorward_identity.tables import credentials, pending_registrations, users
from doorward_kit.database import create_engine

PASSWORD: Final = "correct horse battery staple"
WITH_PASSWORD: Final = 200
WITH_TOKEN: Final = 2_000
_BATCH_SIZE: Final = 2_000
_NEWEST: Final = datetime(2026, 1, 1, tzinfo=UTC)
_NAMES: Final = ("Ada", "Alan", "Barbara", "Donald", "Edsger", "Frances", "Grace", "John", "Ken", "Margaret")


@dataclass(frozen=True)
class SeededUsers:
    """Ids and tokens of the users in a run, and requests ready to send."""

    ids: tuple[uuid.UUID, ...]
    tokens: tuple[str, ...]
    """Email addresses of the users in `ids`, in that order."""
    admin_token: str
    emails: tuple[str, ...]
    """Email addresses of the users that have a password."""

    def reads(self, path: str) -> list[bytes]:
        """Return a GET of the path for each token."""
        return [get(path, token) for token in self.tokens]

    @property
    def profile_reads(self) -> list[bytes]:
        return self.reads("/api/v1/users/me")

    @property
    def logins(self) -> list[bytes]:
        return [post("/api/v1/auth/token", _login(email)) for email in self.emails]


def create(database_url: str, count: int) -> SeededUsers:
    """Store `count` accounts; the first is an administrator, and some have a password."""
    random_numbers = random.Random(20_260_101)
    rows = list(_rows(count))
    # Sorted by creation time as in a real table, so that ids and times rise together.
    engine = create_engine(database_url, pool_size=1, timeout=60)
    with engine.connect() as connection:
        for start in range(0, count, _BATCH_SIZE):
            connection.execute(users.insert(), rows[start : start + _BATCH_SIZE])
        with_password = random_numbers.sample(rows, WITH_PASSWORD)
        password_hash = default_hasher().hash(PASSWORD)
        connection.execute(
            credentials.insert(),
            [
                {
                    "user_id": row["id"],
                    "password_hash": password_hash,
                    "must_change": False,
                    "updated_at": _NEWEST,
                }
                for row in with_password
            ],
        )
        connection.execute(sa.text("ANALYZE TABLE users"))
    engine.dispose()
    signer = new_signer()
    with_token = random_numbers.sample(rows[1:], min(WITH_TOKEN, count - 1))

    def token_of(row: dict[str, Any]) -> str:
        return sign(signer, row["id"], row["role"])

    return SeededUsers(
        tuple(row["id"] for row in with_token),
        tuple(map(token_of, with_token)),
        token_of(rows[0]),
        tuple(row["email"] for row in with_password),
    )


def pending_logins(database_url: str, count: int) -> list[bytes]:
    """Store registrations whose addresses were never verified; return logins with their passwords."""
    password_hash = default_hasher().hash(PASSWORD)
    emails = [f"pending-{number}@example.com" for number in range(count)]
    rows = [
        {
            "id": uuid.uuid4(),
            "email": email,
            "email_key": email,
            "name": "Pending",
            "password_hash": password_hash,
            "secret_hash": secrets.token_bytes(32),
            "expires_at": datetime.now(UTC) + timedelta(days=1),
        }
        for email in emails
    ]
    engine = create_engine(database_url, pool_size=1, timeout=60)
    with engine.connect() as connection:
        connection.execute(pending_registrations.insert(), rows)
    engine.dispose()
    return [post("/api/v1/auth/token", _login(email)) for email in emails]


def with_wrong_password(login: bytes) -> bytes:
    """Return a login with another password of the same length."""
    return login.replace(PASSWORD.encode("ascii"), PASSWORD[::-1].encode("ascii"))


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
            "auth_version": 0,
            "version": 1,
            "created_at": created,
            "updated_at": created,
        }


def _uuid7(when: datetime) -> uuid.UUID:
    """Return the id of an account created at that time (RFC 9562 section 5.7)."""
    number = int(when.timestamp() * 1000) << 80 | secrets.randbits(80)
    number = number & ~(0xF << 76) | 0x7 << 76
    return uuid.UUID(int=number & ~(0x3 << 62) | 0x2 << 62)


def _login(email: str) -> bytes:
    return f'{{"email":"{email}","password":"{PASSWORD}"}}'.encode("ascii")
