"""`doorward purge-audit`: delete old audit events, with the database account that owns the schema."""

from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Final

from doorward_identity.audit.repository import purge
from doorward_kit.unit_of_work import Database

BATCH_SIZE: Final = 1_000


def purge_audit(database: Database, *, days: int) -> int:
    """Delete events older than `days`, in small batches; return how many. Raises DatabaseUnavailableError."""
    before = datetime.now(UTC) - timedelta(days=days)
    purged = batch = database.write_now(partial(purge, before=before, count=BATCH_SIZE))
    while batch == BATCH_SIZE:
        batch = database.write_now(partial(purge, before=before, count=BATCH_SIZE))
        purged += batch
    return purged
