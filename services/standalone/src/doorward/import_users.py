"""`doorward import-users`: people from another system, with the password hashes that they have there."""

import sys
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Final

import sqlalchemy as sa
import uuid_utils.compat as uuid7s
from pydantic import ValidationError, field_validator
from pydantic_core import PydanticCustomError

from doorward_client import strict_json
from doorward_client.permissions import Role
from doorward_identity.accounts import EmailTakenError, NewAccount, create_account
from doorward_identity.audit.repository import AuditAction, record
from doorward_identity.emails import EmailAddress, email_key
from doorward_identity.names import PersonName
from doorward_identity.passwords import CorruptHashError, from_keycloak, is_importable
from doorward_kit.routing import StrictModel
from doorward_kit.unit_of_work import Database

BATCH: Final = 200
SHOWN: Final = 20


class UnacceptableImportError(Exception):
    """Lines are not as they have to be; the message says which and why, and quotes nothing of them."""


class ImportedUser(StrictModel):
    """One line of the file. `password_hash` is a hash's text, or a credential as Keycloak exports it."""

    email: EmailAddress
    name: PersonName
    role: Role = Role.USER
    password_hash: str | None = None

    @field_validator("password_hash", mode="before")
    @classmethod
    def _from_keycloak(cls, value: object) -> object:
        if not isinstance(value, dict):
            return value
        try:
            return from_keycloak(value["credentialData"], value["secretData"])
        except (CorruptHashError, KeyError, TypeError, AttributeError):
            raise _not_importable() from None

    @field_validator("password_hash")
    @classmethod
    def _verifiable(cls, value: str | None) -> str | None:
        if value is not None and not is_importable(value):
            raise _not_importable()
        return value


@dataclass(frozen=True, slots=True)
class Imported:
    """How many people are new, and how many were there already and stay as they were."""

    created: int
    present: int


def read_users(path: Path) -> list[ImportedUser]:
    """Read a file, or standard input for `-`; raises UnacceptableImportError."""
    try:
        text = sys.stdin.buffer.read() if str(path) == "-" else path.read_bytes()
    except OSError as error:
        raise UnacceptableImportError(f"{path} cannot be read: {error.strerror}") from None
    return parse_users(text.splitlines())


def parse_users(lines: Iterable[bytes]) -> list[ImportedUser]:
    """Make people of lines of JSON, blank ones aside; raises UnacceptableImportError."""
    users: list[ImportedUser] = []
    seen: dict[str, int] = {}
    complaints: list[str] = []
    for number, line in enumerate(lines, 1):
        if not line.strip():
            continue
        try:
            user = ImportedUser.model_validate(strict_json.loads(line))
        except strict_json.InvalidJsonError as error:
            complaints.append(f"line {number}: {error}")
            continue
        except ValidationError as error:
            complaints += [f"line {number}: {reason}" for reason in _reasons(error)]
            continue
        first = seen.setdefault(email_key(user.email), number)
        if first != number:
            complaints.append(f"line {number}: the address of line {first} again")
        users.append(user)
    if complaints:
        more = [f"and {len(complaints) - SHOWN} more"] if len(complaints) > SHOWN else []
        raise UnacceptableImportError("\n  ".join(["nothing was imported", *complaints[:SHOWN], *more]))
    return users


def import_users(database: Database, users: Sequence[ImportedUser]) -> Imported:
    """Create everybody who is not there yet, in small transactions: safe to break off and to repeat.

    Raises DatabaseUnavailableError.
    """
    batches = (users[start : start + BATCH] for start in range(0, len(users), BATCH))
    created = sum(database.write_now(partial(_create, users=batch)) for batch in batches)
    return Imported(created, len(users) - created)


def _create(connection: sa.Connection, users: Sequence[ImportedUser]) -> int:
    created = 0
    for user in users:
        account = NewAccount(
            id=uuid7s.uuid7(),
            email=user.email,
            name=user.name,
            role=user.role,
            is_verified=True,
            password_hash=user.password_hash,
        )
        try:
            create_account(connection, account)
        except EmailTakenError:
            continue
        record(connection, AuditAction.ACCOUNT_IMPORTED, actor=None, target=account.id)
        created += 1
    return created


def _reasons(error: ValidationError) -> Iterable[str]:
    for one in error.errors(include_input=False, include_url=False):
        member = ".".join(str(part) for part in one["loc"])
        yield f"{member}: {one['msg']}" if member else one["msg"]


def _not_importable() -> PydanticCustomError:
    return PydanticCustomError(
        "hash_not_importable", "not a hash that can be verified here (Argon2, bcrypt, PBKDF2; see the manual)"
    )
