"""What every part of the churn reasons page is given, and what it needs to ask."""

from __future__ import annotations

from typing import NamedTuple

import polars as pl

from pages.shared import data
from pages.shared.answers import churn_reasons
from pages.shared.data import View
from pages.shared.filters import Filters


class Part(NamedTuple):
    """One look at the page: the snapshot, the filters, what is asked with them, and who left."""

    view: View
    choice: Filters
    asked: churn_reasons.Asked
    leavers: pl.DataFrame

    @property
    def about(self) -> str:
        """The filters in words, for downloads."""
        return self.choice.said()

    @property
    def who(self) -> str:
        """The filters but the period in words."""
        return self.about.partition(", ")[2] or "all accounts"

    @property
    def currency(self) -> str:
        """The currency of all amounts."""
        return data.currency(self.view)

    @property
    def names(self) -> dict[str, str]:
        """What people call each theme."""
        return churn_reasons.names()

    @property
    def corrections(self) -> int:
        """How new the corrections are."""
        return self.asked.version.corrections

    @property
    def missing(self) -> frozenset[str]:
        """Sources that are not mapped."""
        return data.frames(self.view).missing
