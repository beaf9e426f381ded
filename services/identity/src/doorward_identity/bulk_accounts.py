"""Creates many accounts at once: a few statements a batch, however many accounts it has."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy import exc

from doorward_identity.accounts import EmailTakenError, NewAccount, account_row, credentials_row
from doorward_identity.audit.repository import AuditAction, record_all
from doorward_identity.directory_index import insert_terms_of_many
from doorward_identity.tables import credentials, users
from doorward_kit.bulk_insert import insert_rows
from doorward_kit.column_types import utc_now
from doorward_kit.database_errors import is_duplicate_key


@dataclass(frozen=True, slots=True)
class BulkAccount:
    """An account with the key of its address, and the time of its creation elsewhere, if that is known."""

    account: NewAccount
    email_key: str
    created_at: datetime | None = None


def create_missing(connection: sa.Connection, accounts: Sequence[BulkAccount], action: AuditAction) -> int:
    """Create the accounts whose addresses are free, with an audit event each; return their number.

    The addresses differ. Raises EmailTakenError if another transaction takes one of them meanwhile: then
    the whole unit of work may run again.
    """
    keys = [entry.email_key for entry in accounts]
    taken = set(connection.execute(sa.select(users.c.email_key).where(users.c.email_key.in_(keys))).scalars())
    missing = [entry for entry in accounts if entry.email_key not in taken]
    if not missing:
        return 0
    # A value and no function: drivers send rows of values in one statement.
    now: datetime = connection.execute(sa.select(utc_now())).scalar_one()
    try:
        insert_rows(connection, users, *_table([_user_row(entry, now) for entry in missing]))
    except exc.IntegrityError as error:
        if is_duplicate_key(error):
            raise EmailTakenError from error
        raise
    insert_terms_of_many(
        connection,
        [(entry.account.id, entry.account.name, entry.account.email, entry.email_key) for entry in missing],
    )
    if hashed := [credentials_row(entry.account, now) for entry in missing if entry.account.password_hash]:
        insert_rows(connection, credentials, *_table(hashed))
    record_all(connection, action, [entry.account.id for entry in missing], now)
    return len(missing)


def _table(rows: Sequence[Mapping[str, Any]]) -> tuple[tuple[str, ...], Sequence[Sequence[Any]]]:
    """Return the columns of rows that have the same ones, and their values."""
    return tuple(rows[0]), [tuple(row.values()) for row in rows]


def _user_row(entry: BulkAccount, now: datetime) -> dict[str, Any]:
    return {**account_row(entry.account, entry.email_key, now), "created_at": entry.created_at or now}
