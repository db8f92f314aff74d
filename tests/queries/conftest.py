"""Fixtures of the tests of queries: a company with an empty product database."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from tests.queries.company import Company


@pytest.fixture
def company(database: Callable[..., str], tmp_path: Path) -> Company:
    """A company of the test's own: nothing in its database, nothing mapped."""
    return Company(database(), tmp_path)
