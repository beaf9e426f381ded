"""Run by Alembic: migrates over the connection that schema.migrate opened."""

from alembic import context

from doorward_tickets.schema import VERSION_TABLE
from doorward_tickets.tables import metadata

context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=metadata,  # names constraints by its convention
    version_table=VERSION_TABLE,
    transaction_per_migration=True,
)
with context.begin_transaction():
    context.run_migrations()
