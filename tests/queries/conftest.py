"""Fixtures of the tests of queries: a company with an empty product database."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.queries.company import Company


@pytest.fixture
def company(database: Callable[..., str], tmp_path: Path) -> Iterator[Company]:
    """A company of the test's own: nothing in its database, nothing mapped."""
    made = Company(database(), tmp_path)
    yield made
    made.close()
