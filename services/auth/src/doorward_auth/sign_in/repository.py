"""Queries on sign_ins: what a sign-in has proven between its first step and its session."""

import hashlib
import uuid
from dataclasses import dataclass
from datetime import datetime
from typing import ClassVar, Final

import sqlalchemy as sa

from doorward_auth.account_repository import Account
from doorward_auth.opaque_tokens import OpaqueToken
from doorward_auth.sign_in.steps import Proof, dump_proofs, load_proofs
from doorward_identity.tables import sign_ins
from doorward_kit.column_types import utc_now

LIFETIME_SECONDS: Final = 600
MAX_ATTEMPTS: Final = 5
MAX_ROWS: Final = 10
"""Sign-ins of one user: the oldest makes room for the next."""


@dataclass(frozen=True, slots=True, repr=False)
class SignInToken(OpaqueToken):
    """The token with which a client continues a sign-in; its id is the row's.

    A token of our pages goes on in its browser only, and a token of the API at the API only.
    """

    prefix: ClassVar[str] = "dws_"

    def hash_for(self, browser: str | None) -> bytes:
        """Return what is stored: a hash of the secret, and of the browser that it was given to."""
        if browser is None:
            return self.hash()
        return hashlib.sha256(self.hash() + browser.encode()).digest()


@dataclass(frozen=True, slots=True)
class SignIn:
    """A sign-in that is not finished."""

    id: uuid.UUID
    user_id: uuid.UUID
    secret_hash: bytes
    proofs: frozenset[Proof]
    proven_at: datetime
    token_version: int
    auth_version: int


_OPEN: Final = sa.select(
    sign_ins.c.id,
    sign_ins.c.user_id,
    sign_ins.c.secret_hash,
    sign_ins.c.amr,
    sign_ins.c.proven_at,
    sign_ins.c.token_version,
    sign_ins.c.auth_version,
).where(sign_ins.c.id == sa.bindparam("sign_in_id"), sign_ins.c.expires_at > utc_now())
_LOCKED: Final = _OPEN.with_for_update()


def insert(
    connection: sa.Connection,
    token: SignInToken,
    account: Account,
    proofs: frozenset[Proof],
    proven_at: datetime,
    browser: str | None,
) -> None:
    """Store a sign-in after its first proof, and delete the oldest ones of the user beyond MAX_ROWS."""
    connection.execute(
        sign_ins.insert().values(
            id=token.id,
            user_id=account.id,
            secret_hash=token.hash_for(browser),
            amr=dump_proofs(proofs),
            proven_at=proven_at,
            attempts=0,
            token_version=account.token_version,
            auth_version=account.auth_version,
            created_at=utc_now(),
            expires_at=utc_now(LIFETIME_SECONDS),
        )
    )
    mine = sa.select(sign_ins.c.id).where(sign_ins.c.user_id == account.id)
    newest_first = mine.order_by(sign_ins.c.created_at.desc(), sign_ins.c.id.desc())
    surplus = list(connection.execute(newest_first.offset(MAX_ROWS).limit(MAX_ROWS)).scalars())
    if surplus:
        connection.execute(sign_ins.delete().where(sign_ins.c.id.in_(surplus)))


def find(connection: sa.Connection, sign_in_id: uuid.UUID) -> SignIn | None:
    """Read a sign-in that has not expired."""
    row = connection.execute(_OPEN, {"sign_in_id": sign_in_id}).one_or_none()
    return None if row is None else _sign_in(row)


def lock(connection: sa.Connection, sign_in_id: uuid.UUID) -> SignIn | None:
    """Read a sign-in that has not expired; of steps at the same moment one goes on, the others wait."""
    row = connection.execute(_LOCKED, {"sign_in_id": sign_in_id}).one_or_none()
    return None if row is None else _sign_in(row)


def delete(connection: sa.Connection, sign_in_id: uuid.UUID) -> None:
    """Delete a sign-in that is finished."""
    connection.execute(sign_ins.delete().where(sign_ins.c.id == sign_in_id))


def count_wrong_answer(connection: sa.Connection, sign_in_id: uuid.UUID) -> None:
    """Count a wrong answer of a locked sign-in; after MAX_ATTEMPTS it is over."""
    mine = sign_ins.c.id == sign_in_id
    connection.execute(sign_ins.update().where(mine).values(attempts=sign_ins.c.attempts + 1))
    connection.execute(sign_ins.delete().where(mine, sign_ins.c.attempts >= MAX_ATTEMPTS))


def delete_expired(connection: sa.Connection, count: int) -> int:
    """Delete up to `count` expired sign-ins, except locked ones; return how many."""
    expired = sa.select(sign_ins.c.id).where(sign_ins.c.expires_at <= utc_now()).limit(count)
    ids = list(connection.execute(expired.with_for_update(skip_locked=True)).scalars())
    if ids:
        connection.execute(sign_ins.delete().where(sign_ins.c.id.in_(ids)))
    return len(ids)


def _sign_in(row: sa.Row[uuid.UUID, uuid.UUID, bytes, str, datetime, int, int]) -> SignIn:
    sign_in_id, user_id, secret_hash, amr, proven_at, token_version, auth_version = row
    return SignIn(sign_in_id, user_id, secret_hash, load_proofs(amr), proven_at, token_version, auth_version)
