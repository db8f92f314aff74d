"""What the churn reasons page asks: who left, what they said, what it cost, and how the ending felt."""

from __future__ import annotations

from datetime import date
from functools import lru_cache

import polars as pl

import settings
from metrics import churn_reasons as metric
from metrics.themes import Themes, load_themes, reason_themes, tag_themes, theme_names
from pages.shared.answers.overview import account_months
from pages.shared.data import cached, view_of
from pages.shared.filters import Who
from queries.frames import Frames


@lru_cache(maxsize=1)
def themes() -> Themes:
    """The themes of ``config/themes.toml``, read once."""
    return load_themes(settings.get().config / "themes.toml")


def names() -> dict[str, str]:
    """What people call each theme, by its id."""
    return theme_names(themes())


def judged(regrettable: bool) -> tuple[str, ...]:
    """Ids of the themes whose churn is regrettable by default, or of those whose churn is natural."""
    return tuple(theme.id for theme in themes().all if theme.regrettable is regrettable)


@cached
def tagged(frames: Frames) -> pl.DataFrame:
    """The themes of every exit survey's comment."""
    languages = frames.accounts.select("account_id", "language")
    comments = frames.exit_surveys.select("response_id", "account_id", text="comment")
    spoken = comments.join(languages, on="account_id", how="left").drop("account_id")
    return tag_themes(spoken.collect(), themes())


@cached
def leavers(frames: Frames, who: Who, since: date) -> pl.DataFrame:
    """One row per account that left since a day: what it said, what it paid, and what people call it."""
    held = settings.get()
    rows = metric.leavers(
        account_months(view_of(frames), who),
        frames.subscriptions,
        frames.exit_surveys,
        tagged(view_of(frames)),
        frames.accounts,
        since=since,
        until=frames.as_of,
        as_of=frames.as_of,
        reason_themes=reason_themes(themes()),
        regrettable=judged(True),
        natural=judged(False),
        pause_max_days=held.revenue.pause_max_days,
    )
    known = frames.accounts.select("account_id", "name", "language").collect()
    return rows.join(known, on="account_id", how="left").sort("lost_mrr", "account_id", descending=[True, False])
