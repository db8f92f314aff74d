"""Fixtures of the tests of queries: a company with an empty product database."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.queries.company import Company, use
from tests.queries.reading import Reading


@pytest.fixture(scope="session")
def companies_url(database: Callable[..., str]) -> str:
    """One database for the companies of all tests, because making one takes longer than most of them."""
    return database()


@pytest.fixture
def company(companies_url: str, tmp_path: Path) -> Iterator[Company]:
    """A company of the test's own: nothing in its database, nothing mapped."""
    made = Company(companies_url, tmp_path)
    made.empty()
    yield made
    made.close()


@pytest.fixture(scope="module")
def reading(database: Callable[..., str], tmp_path_factory: pytest.TempPathFactory) -> Iterator[Reading]:
    """A company of the test file's own, whose sources are read one at a time."""
    made = Company(database(), tmp_path_factory.mktemp("company"))
    yield Reading(made)
    made.close()


@pytest.fixture
def shop(company: Company) -> Company:
    """Two customers with people, events and one survey answer each."""
    company.customers("a", "b")
    company.table("people", *[{"user_id": f"{i}1", "account_id": i} for i in ("a", "b")])
    company.table("events", *[use(i, "2026-03-02 10:00Z", user_id=f"{i}1") for i in ("a", "b")])
    company.table(
        "nps",
        *[{"response_id": i, "account_id": i, "score": "9", "responded_at": "2026-02-01 10:00Z"} for i in ("a", "b")],
    )
    return company
