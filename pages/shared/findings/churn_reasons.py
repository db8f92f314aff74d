"""What the churn reasons page says about who left, why, and how much of it was ours to mend."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from typing import Any, NamedTuple

import polars as pl

from metrics.churn_reasons import NO_REASON, TEXT_ONLY
from metrics.leavers import ANSWERED
from pages.shared import words
from pages.shared.tables import Column
from reports.reason_labels import WITHOUT_REASON

RANKED_BY = {"MRR lost": "lost_mrr", "Accounts": "share"}
NAMED_BY = {"Form and words": "theme", "The form only": "reason"}
OTHERS, UNTOLD = "Other reasons", "No reason known"
DRAWN = 10
"""Reasons drawn as bars; smaller ones are in the table."""

_MONEY_OF = {
    "lost_mrr": Column("MRR lost", "money", help="An account with several reasons splits its MRR equally among them"),
    "regrettable_mrr": Column("Regrettable for sure", "money"),
    "full_mrr": Column("MRR of all who said it", "money", help="Whole losses; accounts with several reasons overlap"),
    "left_after_pause": Column("Lost when a pause began", "money", help="Of accounts whose pause ended in leaving"),
}
REASONS = {
    "label": Column("Reason", pinned=True),
    "accounts": Column("Accounts", "count"),
    "share": Column("Of those who left", "percent"),
    "low": Column("95% from", "percent"),
    "high": Column("95% to", "percent"),
    **_MONEY_OF,
}
LEFT = {
    "name": Column("Account", pinned=True),
    "ended_on": Column("Left", "day"),
    "lost_mrr": Column("MRR lost", "money"),
    "labels": Column("Why"),
    "comment": Column("What they wrote", width="large"),
    "regrettable": Column("Regrettable"),
    "plan": Column("Plan"),
    "segment": Column("Segment"),
    "tenure": Column("Time with us"),
}
TREND = {
    "month": Column("Month", "month", pinned=True),
    "label": Column("Reason"),
    "lost_mrr": Column("MRR lost", "money"),
    "state": Column("State", help="Provisional while the month runs, or answers may still come"),
}


def label_of(theme: str | None, names: Mapping[str, str]) -> str:
    """What people call a theme, or a row without one; a theme or code that is not known is called as it is.

    >>> label_of("price", {"price": "Price"}), label_of("not asked", {}), label_of(None, {})
    ('Price', 'Not asked', '–')
    """
    return words.NOTHING if theme is None else WITHOUT_REASON.get(theme) or names.get(theme, theme)


def labels(names: Mapping[str, str]) -> dict[str, str]:
    """What people call every theme, by its id, and every row without one."""
    return {**names, **WITHOUT_REASON}


def in_words(column: str, names: Mapping[str, str]) -> pl.Expr:
    """A column of theme ids, or of lists of them, as people call them; lists with commas between."""
    called = labels(names)
    return pl.col(column).list.eval(pl.element().replace(called)).list.join(", ")


def labelled(frame: pl.DataFrame, names: Mapping[str, str]) -> pl.DataFrame:
    """Rows of themes, or of codes of the form, with what people call them as ``label``, and their ``key``."""
    key = "theme" if "theme" in frame.columns else "reason"
    called = pl.col(key).replace(labels(names)) if key == "theme" else pl.col(key).replace(WITHOUT_REASON)
    return frame.with_columns(label=called, key=pl.col(key))


def silent() -> list[str]:
    """The rows that name no reason, as they are labelled."""
    return [WITHOUT_REASON[name] for name in NO_REASON]


def told(leavers: pl.DataFrame, names: Mapping[str, str]) -> pl.DataFrame:
    """Those who left, with their reasons in words."""
    return leavers.with_columns(labels=in_words("themes", names), comment=pl.col("comment").str.slice(0, 4000))


def of_reason(leavers: pl.DataFrame, key: str | None, by: str = "theme") -> pl.DataFrame:
    """Those who stand in one row of the reasons; all of them for None."""
    if key is None:
        return leavers
    if by == "theme":
        return leavers.filter(pl.col("themes").list.contains(key))
    code = pl.when(pl.col("status") == ANSWERED).then(pl.col("reason").fill_null(TEXT_ONLY)).otherwise("status")
    return leavers.filter(code == key)


def headline(
    reasons: pl.DataFrame, totals: Mapping[str, Any], currency: str, since: date, *, chosen: bool = False
) -> tuple[str, str | None]:
    """The dearest reason in one sentence, and what all of it adds up to; ``chosen``: of those the filters keep."""
    if not totals["leavers"]:
        return f"Nobody {'among those chosen ' if chosen else ''}left since {words.day(since)}", None
    lost, left = words.money(totals["lost_mrr"], currency), words.plural(totals["leavers"], "account")
    detail = f"{left} left since {words.day(since)} and took {lost} of MRR with them."
    if totals["left_after_pause"]:
        earlier = words.money(totals["left_after_pause"], currency)
        detail += f" A further {earlier} had gone before, when pauses began that ended in leaving."
    said = reasons.filter(~pl.col("key").is_in(NO_REASON))
    if said.is_empty():
        return "Nobody who left has said why", detail
    first = said.row(0, named=True)
    money = words.money(first["lost_mrr"], currency, short=True)
    named = words.plural(first["accounts"], "account")
    return f"{words.inert(first['label'])} cost most: {money} of MRR, {named}", detail


class Card(NamedTuple):
    """A number of the page: what it is, what it rests on, and who is behind it."""

    key: str
    label: str
    value: str
    note: str
    which: pl.Expr
    help: str


def cards(leavers: pl.DataFrame, totals: Mapping[str, Any], currency: str) -> list[Card]:
    """The page's numbers."""
    by = dict(leavers.group_by("regrettable").agg(pl.col("lost_mrr").sum()).iter_rows())
    natural, unknown = (words.money(by.get(name, 0), currency, short=True) for name in ("no", "unknown"))
    said, left = totals["answered"], totals["leavers"]
    differ, both = totals["disagreeing"], totals["compared"]
    known = words.percent(totals["explained_mrr"] / totals["lost_mrr"], digits=0) if totals["lost_mrr"] else ""
    return [
        Card(
            "lost",
            "MRR lost",
            words.money(totals["lost_mrr"], currency),
            words.plural(left, "account"),
            pl.lit(True),
            "What accounts that left had paid a month, as MRR movements count it as churned.",
        ),
        Card(
            "regrettable",
            "Regrettable",
            words.money(by.get("yes", 0), currency),
            f"natural {natural}, not known {unknown}",
            pl.col("regrettable") == "yes",
            "By a person's mark, else the exit survey's flag, else the rule of config/themes.toml.",
        ),
        Card(
            "said",
            "Said why",
            words.percent(said / left),
            f"{said:,} of {left:,}" + (f" · {known} of the MRR" if known else ""),
            pl.col("status") == ANSWERED,
            "By a code on the exit form or in words.",
        ),
        Card(
            "differ",
            "Form and words differ",
            words.percent(differ / both) if both else words.NOTHING,
            f"{differ:,} of {both:,} who chose and wrote",
            pl.col("disagrees").fill_null(False),
            "The reason chosen on the form is not among what the comment complains of.",
        ),
    ]


def reconciled(totals: Mapping[str, Any], monthly: pl.DataFrame, since: date, currency: str) -> str:
    """What the rows add up to, beside what MRR movements say of the same months."""
    moved = monthly.filter(pl.col("month") >= since)
    churned, accounts = int(moved["churned"].sum()), int(moved["accounts_churned"].sum())
    lost, left = words.money(totals["lost_mrr"], currency), words.plural(totals["leavers"], "account")
    if (churned, accounts) == (totals["lost_mrr"], totals["leavers"]):
        return f"All rows together are {lost} and {left}: all that MRR movements count as churned in these months."
    theirs = f"{words.money(churned, currency)} and {words.plural(accounts, 'account')}"
    return f"All rows together are {lost} and {left}; MRR movements count {theirs} as churned."


def asked_said(totals: Mapping[str, Any]) -> str:
    """How many answered, and what became of the others."""
    parts = {"answered": "answered", "no_answer": "gave no answer", "payment_failed": "by a failed payment"}
    said = [f"{totals[name]:,} {verb}" for name, verb in parts.items() if totals[name]]
    rest = [f"{totals['not_asked']:,} not asked"] if totals["not_asked"] else []
    return ", ".join([*said, *rest])


def drawn(reasons: pl.DataFrame) -> tuple[pl.DataFrame, str]:
    """The reasons that a figure shows, with all rows that name none, and a word about those left to the table."""
    named = ~pl.col("key").is_in(NO_REASON)
    said = reasons.filter(named)
    rest = said.height - min(said.height, DRAWN)
    shown = pl.concat([said.head(DRAWN), reasons.filter(~named)])
    return shown, f"{words.plural(rest, 'smaller reason')} in the table below. " if rest else ""


def ranked(reasons: pl.DataFrame, by: str) -> pl.DataFrame:
    """Reasons in the order of a figure; the interval is that of the share."""
    ordered = reasons.sort(pl.col("key").is_in(NO_REASON), -pl.col(by), maintain_order=True)
    return ordered if by == "share" else ordered.drop("low", "high")


def who_said(rows: pl.DataFrame, label: str, currency: str) -> str:
    """The title of the accounts behind a reason."""
    money = words.money(int(rows["lost_mrr"].sum()), currency)
    return f"{words.inert(label)}: {words.plural(rows.height, 'account')} with {money} of MRR in all"


def dearest(trend: pl.DataFrame, reasons: pl.DataFrame, names: Mapping[str, str], most: int = 4) -> pl.DataFrame:
    """MRR lost by month for the reasons that cost most, the dearest first.

    The other reasons are one part, and what has no reason another, so that a month's parts add up to all it lost.
    """
    said = reasons.filter(~pl.col("key").is_in(NO_REASON)).head(most)["key"].to_list()
    places = {**dict(zip(said, range(len(said)), strict=True)), **dict.fromkeys(NO_REASON, len(said) + 1)}
    order = pl.col("theme").replace_strict(places, default=len(said), return_dtype=pl.Int64)
    called = {len(said): OTHERS, len(said) + 1: UNTOLD}
    label = pl.coalesce(pl.col("order").replace_strict(called, default=None, return_dtype=pl.String), "label")
    return (
        labelled(trend, names)
        .with_columns(order=order)
        .with_columns(label=label)
        .group_by("order", "label", "month", maintain_order=True)
        .agg(pl.col("lost_mrr").sum(), pl.col("state").max())
        .sort("order", "month")
    )


def in_part(
    leavers: pl.DataFrame, month: date, part: str, trend: pl.DataFrame, names: Mapping[str, str]
) -> pl.DataFrame:
    """Those who left in a month for the reason of a part of its column."""
    rows = leavers.filter(pl.col("month") == month)
    parts = [name for name in trend["label"].unique(maintain_order=True) if name not in (OTHERS, UNTOLD)]
    called = pl.col("themes").list.eval(pl.element().replace(labels(names)))
    fits = {
        UNTOLD: pl.col("themes").list.eval(pl.element().is_in(list(NO_REASON))).list.any(),
        OTHERS: called.list.set_difference([*parts, *silent()]).list.len() > 0,
    }
    return rows.filter(fits.get(part, called.list.contains(part)))


def worst_month(trend: pl.DataFrame, currency: str) -> str:
    """The dearest month, and what cost most in it."""
    sums = trend.group_by("month").agg(pl.col("lost_mrr").sum()).sort(-pl.col("lost_mrr"), "month")
    if sums.is_empty() or not sums["lost_mrr"][0]:
        return "Over time"
    worst = sums.row(0, named=True)
    parts = trend.filter((pl.col("month") == worst["month"]) & ~pl.col("label").is_in([OTHERS, UNTOLD]))
    first = parts.sort(-pl.col("lost_mrr"), maintain_order=True).row(0, named=True) if parts.height else None
    named = f", most of it {words.inert(first['label'])}" if first and first["lost_mrr"] * 2 > worst["lost_mrr"] else ""
    return f"{words.month(worst['month'])} cost most: {words.money(worst['lost_mrr'], currency, short=True)}{named}"


def month_of(text: str) -> date:
    """The month of a column that was clicked."""
    return date.fromisoformat(text[:10])
