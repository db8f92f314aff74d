"""What the accounts page says about its numbers."""

from __future__ import annotations

from datetime import date

import polars as pl

from pages.shared import words
from pages.shared.filters import Who

MEASURES = {
    "breadth_percentile": "features in use",
    "depth_percentile": "people getting value",
    "reach_percentile": "end customers reached",
    "use_change": "use against the month before",
    "recency": "days since value",
    "nps": "NPS answers",
    "open_urgent": "open urgent tickets",
    "time_to_solve": "time to solve tickets",
    "csat": "ticket satisfaction",
    "champion": "champion",
    "past_due": "payment past due",
    "silence": "silence",
    "steps": "onboarding steps",
    "coverage": "what is known",
    "override": "an override",
}
BANDS = {"All": "", "Leaving": "leaving", "Red": "red", "Yellow": "yellow", "Green": "green", "Unknown": "unknown"}
MARKS = {"leaving": "◆ leaving", "red": "▼ red", "yellow": "■ yellow", "green": "▲ green", "unknown": "○ unknown"}


def dressed(book: pl.DataFrame) -> pl.DataFrame:
    """The book with its band as a mark and a word, an override beside it, and the cause in words."""
    until = pl.lit(" until ") + pl.col("override_until").dt.strftime("%-d %b %Y")
    return book.with_columns(
        mark=pl.col("band").replace_strict(MARKS, default=pl.col("band")),
        override=pl.when(pl.col("override_score").is_not_null()).then(
            pl.col("shown_band").replace_strict(MARKS, default=pl.col("shown_band")) + until
        ),
        shown_score=pl.coalesce("override_score", "score"),
        why=pl.when(pl.col("change").abs() >= 0.5).then(
            pl.col("cause").replace_strict(MEASURES, default=pl.col("cause"))
        ),
    )


def chosen(book: pl.DataFrame, who: Who, band: str) -> pl.DataFrame:
    """The rows of the book that the filters keep; an override's band counts where there is one."""
    wanted = {"segment": who.segment, "plan": who.plan, "csm_email": who.csm, "shown_band": band or None}
    for column, value in wanted.items():
        if value is not None:
            book = book.filter(pl.col(column) == value)
    return book


def headline(book: pl.DataFrame, currency: str) -> tuple[str, str | None]:
    """How many need somebody, in one sentence."""
    red = book.filter(pl.col("shown_band") == "red")
    leaving = book.filter(pl.col("band") == "leaving")
    total = words.money(int(book["mrr"].sum()), currency)
    pay = words.plural(paying(book).height, "account pays", "accounts pay")
    detail = f"{pay} {total} a month{_at_nothing(book)}.{_by_hand(book)}"
    if not red.height and not leaving.height:
        return "Nobody is in the red, and nobody is leaving", detail
    at_stake = words.money(int(red["mrr"].sum()), currency, short=True)
    return (
        f"{words.plural(red.height, 'account')} with {at_stake} of MRR in the red, {leaving.height} leaving",
        detail,
    )


def paying(book: pl.DataFrame) -> pl.DataFrame:
    """Those who pay something today."""
    return book.filter(pl.col("mrr") > 0)


def _at_nothing(book: pl.DataFrame) -> str:
    """How many stand in the book and pay nothing today: paused, or of no known MRR."""
    rest = book.filter((pl.col("mrr") > 0).not_().fill_null(True))
    paused = rest.filter(pl.col("standing") == "paused").height
    counts = {"paused": paused, "without MRR": rest.height - paused}
    return "".join(f", {count:,} {name}" for name, count in counts.items() if count)


def _by_hand(book: pl.DataFrame) -> str:
    """How many count here as somebody said, where any does: other pages go by the computed health."""
    said = book["override"].count()
    if not said:
        return ""
    return f" Health set by hand counts here, for {said:,} of them; the overview goes by the computed one."


def leaving(book: pl.DataFrame) -> pl.DataFrame:
    """Those who asked to leave and are still served, the nearest end first."""
    return book.filter(pl.col("band") == "leaving").sort("ends_on", nulls_last=True)


def idle(book: pl.DataFrame) -> pl.DataFrame:
    """Those who pay and get nothing, the dearest first."""
    return book.filter(pl.col("idle_days").is_not_null()).sort("mrr", descending=True)


def renewing(book: pl.DataFrame, as_of: date, days: int = 90) -> pl.DataFrame:
    """Those whose renewal comes within ``days``."""
    return book.filter((pl.col("renews_on") - pl.lit(as_of)).dt.total_days().is_between(0, days))
