"""`doorward import-users`: users of another system, with their password hashes."""

import codecs
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
from doorward_identity.accounts import EmailTakenError, NewAccount, Status, create_account
from doorward_identity.audit.repository import AuditAction, record
from doorward_identity.emails import EmailAddress, email_key
from doorward_identity.names import PersonName
from doorward_identity.passwords import CorruptHashError, from_keycloak, parse
from doorward_kit.routing import StrictModel
from doorward_kit.unit_of_work import Database

BATCH_SIZE: Final = 200
MAX_SHOWN_ERRORS: Final = 20

_NO_PASSWORD: Final = "!"  # noqa: S105 - a mark, not a secret
_UTF16_STARTS: Final = (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE, b"{\0", b"\0{")
_ADVICE: Final = "Leave `password_hash` out: the user then sets a password with a password reset"
_REASONS: Final = {
    "too_costly": "verifying this password hash would take more time or memory than a login may",
    "malformed": "this password hash is incomplete, damaged or of an unsupported variant",
}
_UNSUPPORTED: Final = (
    "not a supported password hash (Argon2, bcrypt, PBKDF2, scrypt; see docs/administration.md)"
)


class UnacceptableImportError(Exception):
    """Invalid lines; the message names each line and reason, and quotes none of their content."""


class ImportedUser(StrictModel):
    """One line of the file.

    `password_hash` is the text of a hash, or a credential exported by Keycloak. Django writes `!` and a
    random text for "no password".
    """

    email: EmailAddress
    name: PersonName
    role: Role = Role.USER
    status: Status = Status.ACTIVE
    password_hash: str | None = None

    @field_validator("password_hash", mode="before")
    @classmethod
    def _from_other_system(cls, value: object) -> object:
        if isinstance(value, str) and value.startswith(_NO_PASSWORD):
            return None
        if not isinstance(value, dict):
            return value
        try:
            return from_keycloak(value["credentialData"], value["secretData"])
        except CorruptHashError as error:
            raise _not_importable(error) from None
        except (KeyError, TypeError, AttributeError):
            raise _not_importable(CorruptHashError("malformed")) from None

    @field_validator("password_hash")
    @classmethod
    def _verifiable(cls, value: str | None) -> str | None:
        if value is not None:
            try:
                parse(value)
            except CorruptHashError as error:
                raise _not_importable(error) from None
        return value


@dataclass(frozen=True, slots=True)
class Imported:
    """The number of created accounts, and of accounts that existed and stay unchanged."""

    created: int
    present: int


def read_users(path: Path) -> list[ImportedUser]:
    """Read a file, or standard input for `-`; raises UnacceptableImportError."""
    try:
        text = sys.stdin.buffer.read() if str(path) == "-" else path.read_bytes()
    except OSError as error:
        raise UnacceptableImportError(f"{path} cannot be read: {error.strerror}") from None
    return parse_users(_lines(text))


def _lines(text: bytes) -> list[bytes]:
    """Return the lines of a file; raises UnacceptableImportError for other kinds of files.

    Windows programs write UTF-8 with a byte order mark, which JSON does not have (RFC 8259 section 8.1).
    """
    if text.startswith(_UTF16_STARTS):
        raise UnacceptableImportError(
            "the file is UTF-16, as PowerShell's `>` writes; save it as UTF-8 (`Out-File -Encoding utf8`)"
        )
    text = text.removeprefix(codecs.BOM_UTF8)
    if text.lstrip().startswith(b"["):
        raise UnacceptableImportError(
            "the file is one JSON array; write one object a line (`jq -c '.[]' people.json`)"
        )
    return text.splitlines()


def parse_users(lines: Iterable[bytes]) -> list[ImportedUser]:
    """Parse lines of JSON, skipping blank ones; raises UnacceptableImportError."""
    users: list[ImportedUser] = []
    seen: dict[str, int] = {}
    errors: list[str] = []
    for number, line in enumerate(lines, 1):
        if not line.strip():
            continue
        try:
            user = ImportedUser.model_validate(strict_json.loads(line))
        except strict_json.InvalidJsonError as error:
            errors.append(f"line {number}: {error}")
            continue
        except ValidationError as error:
            errors += [f"line {number}: {reason}" for reason in _reasons(error)]
            continue
        first = seen.setdefault(email_key(user.email), number)
        if first != number:
            errors.append(f"line {number}: the address of line {first} again")
        users.append(user)
    if errors:
        more = [f"and {len(errors) - MAX_SHOWN_ERRORS} more"] if len(errors) > MAX_SHOWN_ERRORS else []
        raise UnacceptableImportError(
            "\n  ".join(["nothing was imported", *errors[:MAX_SHOWN_ERRORS], *more])
        )
    return users


def import_users(database: Database, users: Sequence[ImportedUser]) -> Imported:
    """Create the missing accounts in small transactions: safe to interrupt and to repeat.

    Raises DatabaseUnavailableError.
    """
    batches = (users[start : start + BATCH_SIZE] for start in range(0, len(users), BATCH_SIZE))
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
            status=user.status,
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


def _not_importable(error: CorruptHashError) -> PydanticCustomError:
    reason = _REASONS.get(error.reason, _UNSUPPORTED)
    return PydanticCustomError("hash_not_importable", "{text}", {"text": f"{reason}. {_ADVICE}"})
