"""What the dashboard itself writes down, in PostgreSQL's schema ``tenure``: corrections, overrides, notes, an audit."""

from records.readiness import ready

__all__ = ["ready"]
