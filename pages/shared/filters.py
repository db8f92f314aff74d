"""The filters above a page: period, segment, plan, CSM, country. They live in the address, so that a link carries them.

What a browser sends is checked again here: a value that is no longer on offer counts as not chosen.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import date
from typing import NamedTuple

import polars as pl
import streamlit as st

from pages.shared import data, words
from queries.frames import Frames

PERIODS = {"6 months": 6, "12 months": 12, "24 months": 24, "36 months": 36}
ALL = "All"
_WIDTH = 170


class Who(NamedTuple):
    """Which accounts: segment, plan, CSM and country as they are today; None for any. Goes into cache keys as it is."""

    segment: str | None = None
    plan: str | None = None
    csm: str | None = None
    country: str | None = None


class Filters(NamedTuple):
    """What the viewer chose: how many months back, where the page asks for a period, and which accounts."""

    months: int
    who: Who
    period: bool = True

    def since(self, as_of: date) -> date:
        """First day of the period: that many full months before the running one.

        >>> Filters(12, Who()).since(date(2026, 11, 21))
        datetime.date(2025, 11, 1)
        """
        whole = as_of.year * 12 + as_of.month - 1 - self.months
        return date(whole // 12, whole % 12 + 1, 1)

    def said(self) -> str:
        """The choice in words, for a download's first sheet and an empty state.

        >>> Filters(12, Who(segment="Enterprise")).said()
        'last 12 months, segment Enterprise (as it is today)'
        """
        chosen = [f"{name} {value}" for name, value in zip(Who._fields, self.who, strict=True) if value]
        period = [f"last {self.months} months"] if self.period else []
        return (", ".join([*period, *chosen]) or "all accounts") + (" (as it is today)" if chosen else "")


def current_plans(subscriptions: pl.LazyFrame, as_of: date) -> pl.LazyFrame:
    """Each account's plan: of its lines that run the dearest's, else that of its last one. ``account_id, plan``."""
    begun = subscriptions.filter((pl.col("started_on") <= as_of) & pl.col("plan").is_not_null())
    runs = (pl.col("ended_on") > as_of).fill_null(True)
    last = begun.sort(runs, pl.when(~runs).then("ended_on"), "mrr", "plan", descending=[False] * 3 + [True])
    return last.group_by("account_id", maintain_order=True).agg(pl.col("plan").last())


def narrow(frames: Frames, who: Who) -> dict[str, pl.LazyFrame]:
    """The frames by name, of the chosen accounts only. Frames that belong to no account stay whole.

    Segment, plan, CSM and country are today's, also for the past; metrics that place an account by what it was
    then take the filter themselves.
    """
    everything = frames.mapping()
    if not any(who):
        return dict(everything)
    chosen = everything["accounts"]
    if who.segment:
        chosen = chosen.filter(pl.col("segment") == who.segment)
    if who.csm:
        chosen = chosen.filter(pl.col("csm_email") == who.csm)
    if who.country:
        chosen = chosen.filter(pl.col("country") == who.country)
    if who.plan:
        plans = current_plans(everything["subscriptions"], frames.as_of)
        chosen = chosen.join(plans.filter(pl.col("plan") == who.plan), on="account_id", how="semi")
    ids = chosen.select("account_id").collect().lazy()

    def kept(frame: pl.LazyFrame) -> pl.LazyFrame:
        has_account = "account_id" in frame.collect_schema().names()
        return frame.join(ids, on="account_id", how="semi") if has_account else frame

    return {name: kept(frame) for name, frame in everything.items()}


@data.cached
def _options(frames: Frames) -> pl.DataFrame:
    """What can be chosen: ``field, value, shown``, one row per option, in the order in which it is listed."""
    accounts = frames.accounts.select("segment", "country", "csm_email", "csm_name").collect()
    plans = current_plans(frames.subscriptions, frames.as_of).select("plan").unique().collect()
    people = accounts.group_by("csm_email").agg(pl.col("csm_name").drop_nulls().first())
    names = pl.concat_str("csm_name", pl.lit(" ("), "csm_email", pl.lit(")"))
    parts = [
        *(
            accounts.select(pl.lit(field).alias("field"), value=field, shown=field).unique()
            for field in ("segment", "country")
        ),
        plans.select(pl.lit("plan").alias("field"), value="plan", shown="plan"),
        people.select(
            pl.lit("csm").alias("field"),
            value="csm_email",
            shown=pl.when(pl.col("csm_name").is_duplicated())
            .then(names)
            .otherwise("csm_name")
            .fill_null(pl.col("csm_email")),
        ),
    ]
    return pl.concat(parts).drop_nulls("value").sort("field", "shown")


def _choose(
    key: str, label: str, options: Sequence[str], *, default: int = 0, write: Callable[[str], str] = str
) -> str:
    chosen = st.selectbox(
        label,
        options,
        index=default,
        key=key,
        format_func=write,
        width=_WIDTH,
        bind="query-params",
        persist_state="session",
    )
    return chosen if chosen in options else options[default]


def _choose_who(field: str, label: str, options: pl.DataFrame) -> str | None:
    offered = options.filter(pl.col("field") == field)
    if offered.height < 2:
        return None
    shown = dict(zip(offered["value"], offered["shown"], strict=True))
    chosen = _choose(field, label, [ALL, *shown], write=lambda value: shown.get(value, value))
    return None if chosen == ALL else chosen


def row(*shown: str, months: int = 12) -> Filters:
    """Draw the filters named in one line; return what is chosen.

    The names are ``period``, ``segment``, ``plan``, ``csm`` and ``country``. A filter with fewer than two values to
    choose from is not drawn.
    """
    options = _options(data.view())
    with st.container(horizontal=True, gap="small"):
        period = months
        if "period" in shown:
            names = list(PERIODS)
            period = PERIODS[_choose("period", "Period", names, default=names.index(f"{months} months"))]
        labels = {"segment": "Segment", "plan": "Plan", "csm": "CSM", "country": "Country"}
        chosen = {field: _choose_who(field, label, options) for field, label in labels.items() if field in shown}
    return Filters(period, Who(**chosen), "period" in shown)


def nothing_matches(choice: Filters) -> None:
    """Say that no account fits the filters, and how to see something again."""
    st.info(
        f"No account fits: {words.inert(choice.said())}. Choose “{ALL}” in a filter above to widen it.",
        icon=":material/filter_alt_off:",
    )
