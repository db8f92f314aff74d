"""What the dashboard itself writes down, in PostgreSQL's schema ``tenure``: corrections, marks, the audit log."""

from records.readiness import ready

__all__ = ["ready"]
