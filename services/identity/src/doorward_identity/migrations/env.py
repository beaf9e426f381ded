"""Run by Alembic: migrates over the connection that migrations.migrate opened."""

from doorward_identity.schema import VERSION_TABLE
from doorward_identity.tables import metadata
from doorward_kit.migrations import run_revisions

run_revisions(metadata, VERSION_TABLE)
