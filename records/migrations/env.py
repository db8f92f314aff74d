"""How Alembic runs the migrations: on the connection, and in the transaction, that ``records.migrate`` opened."""

from alembic import context

from records import tables  # noqa: F401 - registers the tables
from records.metadata import SCHEMA, metadata

context.configure(
    connection=context.config.attributes["connection"], target_metadata=metadata, version_table_schema=SCHEMA
)
with context.begin_transaction():
    context.run_migrations()
