"""Run by Alembic: migrates over the connection that migrations.migrate opened."""

from doorward_kit.migrations import run_revisions
from doorward_tickets.schema import VERSION_TABLE
from doorward_tickets.tables import metadata

run_revisions(metadata, VERSION_TABLE)
