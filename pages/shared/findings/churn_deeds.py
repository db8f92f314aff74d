"""What the churn reasons page says beside what people said: what they did, what shipped, reviews, and how it ended."""

from __future__ import annotations

from collections.abc import Mapping

import polars as pl

from metrics.roadmap import ASKED_FOR, GONE, LEAVING, OTHER, PAYING
from metrics.stated import SIGNS
from pages.shared import words
from pages.shared.findings.churn_reasons import in_words, labels
from pages.shared.findings.churn_words import SOURCES
from pages.shared.tables import Column

SIGN_NAMES = {
    "price_rose": "Price rose",
    "use_fell": "Use fell",
    "silent": "No value for long",
    "never_active": "Never got value",
    "not_set_up": "Not set up",
    "waiting": "Ticket open",
    "rated_low": "Support rated low",
    "urgent": "Urgent tickets",
    "champion_gone": "Champion gone",
}
IDLE = ("use_fell", "silent", "never_active")
SHOW = {"Everybody": False, "Only who behaved otherwise": True}
STANDINGS = {"All": "", "Gone": "gone", "Leaving": "leaving", "At risk": "at risk", "Paying": "paying"}
LIKELY = {"Probably this": True, "Anything of its theme": False}

BEHAVIOUR = {
    "name": Column("Account", pinned=True),
    "lost_mrr": Column("MRR lost", "money"),
    "because": Column("Said, and did first", width="large"),
    "disagrees": Column("Contradicts", "flag", help="What they did speaks for another cause, and nothing for theirs"),
    "points": Column("Points to"),
    "use_change": Column("Use", "percent", help="Change against the 90 days before"),
    "unused_share": Column("Paid for, unused", "percent"),
    "days_silent": Column("Days without value", "count"),
    "open_tickets": Column("Open tickets", "count"),
    "price_change": Column("Price change", "percent"),
    "nps": Column("Last NPS answer", "count"),
    "end_on": Column("Left", "day"),
    "plan": Column("Plan"),
    "segment": Column("Segment"),
}
MATRIX = {
    "label": Column("They said", pinned=True),
    "said": Column("Leavers", "count"),
    "disagreeing": Column("Contradicted", "count"),
    **{sign: Column(name, "count") for sign, name in SIGN_NAMES.items()},
}
SHIPPED = {
    "name": Column("Account", pinned=True),
    "mrr": Column("MRR", "money", help="Today; of those gone, on their last paid day"),
    "standing": Column("Today", help="At risk: health is red"),
    "title": Column("Shipped"),
    "evidence": Column("What they asked", width="large", help="Read it before you write to anybody"),
    "likely": Column("Probably this", "flag", help="The sentence comes near the item's title in meaning"),
    "asked_on": Column("Asked", "day"),
    "shipped_on": Column("Shipped on", "day"),
    "times": Column("Times asked", "count"),
    "again_on": Column("Asked again since", "day"),
    "from": Column("In"),
    "left_on": Column("Left", "day"),
    "csm_name": Column("CSM"),
}
ITEMS = {
    "title": Column("Shipped", pinned=True),
    "label": Column("Theme"),
    "shipped_on": Column("On", "day"),
    "likely": Column("Probably asked for it", "count"),
    "accounts": Column("Asked for its theme", "count"),
    "gone": Column("Gone", "count"),
    "gone_mrr": Column("MRR of those gone", "money"),
    "at_risk": Column("Leaving or at risk", "count"),
    "at_risk_mrr": Column("MRR of these", "money"),
    "paying": Column("Paying", "count"),
}
UNKNOWN = {
    "title": Column("Item", pinned=True),
    "theme": Column("Theme as written"),
    "shipped_on": Column("Shipped on", "day"),
}


# --- said and done -------------------------------------------------------------------------------------------------


def _has(signs: tuple[str, ...] | list[str]) -> pl.Expr:
    return pl.col("signs").list.eval(pl.element().is_in(list(signs))).list.any()


def by_reason(rows: pl.DataFrame, names: Mapping[str, str]) -> pl.DataFrame:
    """What leavers said, once per theme, and how many of them did what first; the theme said most on top."""
    counts = {sign: _has([sign]).sum().cast(pl.Int64) for sign in SIGNS}
    table = (
        rows.explode("stated")
        .drop_nulls("stated")
        .group_by(theme="stated")
        .agg(
            said=pl.len().cast(pl.Int64),
            idle=_has(IDLE).sum().cast(pl.Int64),
            disagreeing=pl.col("disagrees").sum().cast(pl.Int64),
            **counts,
        )
    )
    shown = [pl.when(pl.col(sign) > 0).then(sign).alias(sign) for sign in SIGNS]  # a table of noughts hides the rest
    return table.with_columns(*shown, label=pl.col("theme").replace(labels(names))).sort(-pl.col("said"), "theme")


def behaviour_said(table: pl.DataFrame) -> str:
    """Of those who gave the reason given most, how many had stopped using the product first."""
    if table.is_empty():
        return "What they said, and what they did first"
    row = table.row(0, named=True)
    idle = f"{row['idle']:,}" if row["idle"] else "none"
    return f"Of {row['said']:,} who said {words.inert(row['label'])}, {idle} had stopped using it first"


def behaviour_detail(rows: pl.DataFrame) -> str:
    """Of how many behaviour can be set beside a reason, and how many it contradicts."""
    told = rows.filter(pl.col("disagrees").is_not_null())
    against = told.filter("disagrees").height
    contradicted = (
        f"{against:,} {'is' if against == 1 else 'are'} contradicted" if against else "nobody is contradicted"
    )
    return (
        f"Of {words.plural(told.height, 'leaver')} whose reason can show in their last 90 days, {contradicted} by what "
        "they did: a question to ask, no proof. Under each sign, how many of them showed it before they decided."
    )


def behaved(rows: pl.DataFrame, names: Mapping[str, str], theme: str | None, odd: bool) -> pl.DataFrame:
    """Those who said one thing (None: anything), all of them or those whose behaviour contradicts it."""
    kept = rows if theme is None else rows.filter(pl.col("stated").list.contains(theme))
    kept = kept.filter(pl.col("disagrees").fill_null(False)) if odd else kept
    return kept.with_columns(points=in_words("points_to", names))


# --- asked and shipped ---------------------------------------------------------------------------------------------


def standing(rows: pl.DataFrame) -> pl.DataFrame:
    """How each account stands today, in a word, whether it probably asked for just this, and where it asked."""
    risky = (pl.col("status") == PAYING) & (pl.col("band") == "red").fill_null(False)
    word = {GONE: "gone", LEAVING: "leaving", PAYING: "paying", OTHER: "paused"}
    return rows.with_columns(
        standing=pl.when(risky).then(pl.lit("at risk")).otherwise(pl.col("status").replace(word)),
        likely=(pl.col("likeness") >= ASKED_FOR).fill_null(False),
        **{"from": pl.col("source").replace(SOURCES)},
    )


def items(rows: pl.DataFrame, names: Mapping[str, str]) -> pl.DataFrame:
    """Each item shipped with who asked for it before; those with most MRR gone on top."""
    risky = pl.col("standing").is_in(["leaving", "at risk"])
    gone = pl.col("standing") == "gone"
    table = rows.group_by("item_id").agg(
        pl.col("title", "theme", "shipped_on").first(),
        likely=pl.col("likely").sum().cast(pl.Int64),
        accounts=pl.len().cast(pl.Int64),
        gone=gone.sum().cast(pl.Int64),
        gone_mrr=pl.col("mrr").filter(gone).sum(),
        at_risk=risky.sum().cast(pl.Int64),
        at_risk_mrr=pl.col("mrr").filter(risky).sum(),
        paying=(pl.col("standing") == "paying").sum().cast(pl.Int64),
    )
    said = table.with_columns(label=pl.col("theme").replace(labels(names)))
    return said.sort("gone_mrr", "accounts", "item_id", descending=[True, True, False])


def _guessed(rows: pl.DataFrame) -> bool:
    """Whether it can be guessed who meant just an item: not without sentence vectors."""
    return bool(rows["likeness"].is_not_null().any())


def shipped_said(rows: pl.DataFrame, currency: str) -> str:
    """Who had asked for what is there now, left, and what they paid: those who probably meant just it, where known."""
    if rows.is_empty():
        return "Nobody asked for what has shipped since"
    meant, probably = (rows.filter("likely"), "probably ") if _guessed(rows) else (rows, "")
    gone = meant.filter(pl.col("standing") == "gone").unique("account_id")
    if gone.is_empty():
        return f"Nobody who left had {probably}asked for what has shipped since"
    who = f"{words.plural(gone.height, 'account')} that left ({_paid(gone, currency)} of MRR)"
    return f"{who} had {probably}asked for what has shipped since"


def _paid(rows: pl.DataFrame, currency: str) -> str:
    return words.money(int(rows["mrr"].sum()), currency, short=True)


def shipped_detail(rows: pl.DataFrame, currency: str) -> str:
    """Who may leave and had asked, and how many more asked for anything of the same themes."""
    sure = _guessed(rows)
    risky = rows.filter(pl.col("standing").is_in(["leaving", "at risk"]) & (pl.col("likely") | (not sure)))
    risky = risky.unique("account_id")
    who = words.plural(risky.height, "account")
    probably = "probably " if sure else ""
    ahead = f"{who} leaving or at risk ({_paid(risky, currency)}) {probably}had. " if risky.height else ""
    gone = rows.filter(pl.col("standing") == "gone").unique("account_id")
    theme = f"{words.plural(gone.height, 'account')} that left asked for something of the same theme. " if sure else ""
    return f"{ahead}{theme}Themes are wider than items: read what they asked before you write to them."


def asked_columns(rows: pl.DataFrame, columns: Mapping[str, Column] = SHIPPED) -> dict[str, Column]:
    """The columns of who asked; without the guess where nobody can guess, for want of sentence vectors."""
    return {name: column for name, column in columns.items() if _guessed(rows) or name != "likely"}


def asked_for(rows: pl.DataFrame, item: str | None, state: str, likely: bool) -> pl.DataFrame:
    """Accounts that asked for an item (None: any), that stand so today; only those that probably meant just it."""
    kept = rows if item is None else rows.filter(pl.col("item_id") == item)
    kept = kept.filter(pl.col("standing") == state) if state else kept
    return kept.filter("likely") if likely else kept


def unknown_said(rows: pl.DataFrame) -> str:
    """Which items of the roadmap nobody can be found for."""
    one = rows.height == 1
    verb, theme = ("has", "a theme") if one else ("have", "themes")
    return (
        f"{words.plural(rows.height, 'item')} of the roadmap {verb} {theme} that config/themes.toml does not know, so "
        "nobody is found who asked."
    )
