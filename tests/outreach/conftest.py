"""Fixtures of the tests of outreach: the migrated records that the tests of records have."""

from tests.records.conftest import empty, records, template

__all__ = ["empty", "records", "template"]
