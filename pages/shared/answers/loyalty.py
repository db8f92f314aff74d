"""What the accounts page asks about loyalty: how long everybody has been here."""

from __future__ import annotations

import polars as pl

import settings
from metrics.loyalty import tenure
from pages.shared.answers.contacts import of_accounts
from pages.shared.answers.onboarding import named
from pages.shared.data import cached, view_of
from pages.shared.filters import Who
from queries.frames import Frames


@cached
def everybody(frames: Frames) -> pl.DataFrame:
    """How long each account that pays has been a customer, and its next anniversary."""
    grace = settings.get().revenue.grace_days
    return named(frames, tenure(frames.subscriptions, as_of=frames.as_of, grace_days=grace))


@cached
def stayed(frames: Frames, who: Who) -> pl.DataFrame:
    """The same of the chosen accounts."""
    return of_accounts(frames, who, everybody(view_of(frames)))
