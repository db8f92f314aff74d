"""The schema that the dashboard writes to; every table of it is registered here."""

from __future__ import annotations

from sqlalchemy import MetaData

SCHEMA = "tenure"

metadata = MetaData(schema=SCHEMA)
