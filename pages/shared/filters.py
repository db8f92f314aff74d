"""The filters above a page: period, segment, plan, CSM, country. They live in the address, so that a link carries them.

What a browser sends is checked again here: a value that is no longer on offer counts as not chosen.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import suppress
from datetime import date
from typing import NamedTuple

import polars as pl
import streamlit as st
from streamlit.errors import StreamlitAPIException
from streamlit.runtime.scriptrunner import get_script_run_ctx

from pages.shared import data, words
from queries.frames import Frames

PERIODS = {"6 months": 6, "12 months": 12, "24 months": 24, "36 months": 36}
ALL = "All"
_LABELS = {"segment": "Segment", "plan": "Plan", "csm": "CSM", "country": "Country"}
_WIDTH = 170
_CHOSEN = "tenure_filters"


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

    @property
    def span(self) -> str:
        """The period in words."""
        return f"last {self.months} full months and the running one"

    def said(self) -> str:
        """The choice in words, for a download's first sheet and an empty state.

        >>> Filters(12, Who(segment="Enterprise")).said()
        'last 12 full months and the running one, segment Enterprise (as it is today)'
        """
        chosen = [f"{name} {value}" for name, value in zip(Who._fields, self.who, strict=True) if value]
        period = [self.span] if self.period else []
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


class _Choice(NamedTuple):
    """One filter: its key in the address, its label, what can be chosen, and how each of it is written."""

    key: str
    label: str
    shown: dict[str, str]
    default: str

    @property
    def refused(self) -> str | None:
        """What the address asks for, where that is not on offer."""
        asked = st.query_params.get(self.key)
        return asked if asked and asked not in self.shown.values() else None

    def draw(self) -> str:
        """Draw it; return what is chosen."""
        options = list(self.shown)
        chosen = st.selectbox(
            self.label,
            options,
            index=options.index(self.default),
            key=self.key,
            format_func=lambda value: self.shown.get(value, value),
            width=_WIDTH,
            bind="query-params",
            persist_state="session",
        )
        return chosen if chosen in self.shown else self.default


def _offered(names: Sequence[str], months: int) -> list[_Choice]:
    options = _options(data.view())
    found = [_Choice("period", "Period", {name: name for name in PERIODS}, f"{months} months")]
    for key, label in _LABELS.items():
        mine = options.filter(pl.col("field") == key)
        shown = {ALL: ALL, **dict(zip(mine["value"], mine["shown"], strict=True))}
        found.append(_Choice(key, label, shown, ALL))
    return [choice for choice in found if choice.key in names]


def _carry(offered: Sequence[_Choice]) -> None:
    """What a link chose on the page before holds on this one: by itself, Streamlit carries only what a hand chose."""
    context = get_script_run_ctx()
    page, before = st.session_state.get(_CHOSEN, ("", {}))
    if context is None or context.is_history_navigation or page in ("", context.page_script_hash):
        return
    missing = [choice for choice in offered if choice.key not in st.query_params]
    kept = {choice.key: before[choice.key] for choice in missing if before.get(choice.key) in choice.shown}
    st.session_state.update(kept)
    if kept:
        with suppress(StreamlitAPIException):  # the page before still holds it; the address follows with the next run
            st.query_params.update(
                {choice.key: choice.shown[kept[choice.key]] for choice in missing if choice.key in kept}
            )


def _keep(offered: Sequence[_Choice], chosen: Mapping[str, str]) -> None:
    context = get_script_run_ctx()
    if context is not None:
        made = {choice.key: chosen[choice.key] for choice in offered if chosen[choice.key] != choice.default}
        before = st.session_state.get(_CHOSEN, ("", {}))[1]
        elsewhere = {key: value for key, value in before.items() if key not in chosen}
        st.session_state[_CHOSEN] = (context.page_script_hash, {**elsewhere, **made})


def row(*shown: str, months: int = 12) -> Filters:
    """Draw the filters named in one line; return what is chosen.

    The names are ``period``, ``segment``, ``plan``, ``csm`` and ``country``. A filter with fewer than two values to
    choose from is not drawn. What a link asks for that is not on offer is said below.
    """
    offered = _offered(shown, months)
    refused = {choice.label: choice.refused for choice in offered if choice.refused}
    drawn = [choice for choice in offered if len(choice.shown) > 2]
    _carry(drawn)
    with st.container(horizontal=True, gap="small"):
        chosen = {choice.key: choice.draw() for choice in drawn}
    for label, asked in refused.items():
        st.caption(_refused(label, asked, months))
    _keep(drawn, chosen)
    period = PERIODS[chosen.get("period", f"{months} months")]
    who = {key: chosen[key] for key in _LABELS if chosen.get(key, ALL) != ALL}
    return Filters(period, Who(**who), "period" in shown)


def _refused(label: str, asked: str, months: int) -> str:
    instead = f"{months} months are shown" if label == "Period" else "all are shown"
    return f"{label} “{words.inert(asked)}” in the link is not on offer; {instead}."


def fit(frames: Frames, who: Who) -> bool:
    """Whether any account is as ``who`` says, whether it pays or not."""
    return not narrow(frames, who)["accounts"].select("account_id").head(1).collect().is_empty()


def nobody(choice: Filters) -> str:
    """A page's headline when it has nothing to show."""
    return "No account fits these filters" if any(choice.who) or choice.period else "There is no account yet"


def nothing_matches(choice: Filters) -> None:
    """Say that no account fits the filters, and how to see something again."""
    st.info(
        f"No account fits: {words.inert(choice.said())}. Choose “{ALL}” in a filter above to widen it.",
        icon=":material/filter_alt_off:",
    )
