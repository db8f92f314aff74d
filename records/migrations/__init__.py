"""The Alembic migrations of schema ``tenure``; run them with ``python -m records.migrate``."""
