"""`doorward purge-audit`: what is older than the retention goes, by the account that owns the schema."""

from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Final

from doorward_identity.audit.repository import purge
from doorward_kit.unit_of_work import Database

BATCH: Final = 1_000


def purge_audit(database: Database, *, days: int) -> int:
    """Delete events older than `days`, in small batches; return how many. Raises DatabaseUnavailableError."""
    before = datetime.now(UTC) - timedelta(days=days)
    purged = batch = database.write_now(partial(purge, before=before, count=BATCH))
    while batch == BATCH:
        batch = database.write_now(partial(purge, before=before, count=BATCH))
        purged += batch
    return purged
