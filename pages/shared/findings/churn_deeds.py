"""What the churn reasons page says beside what people said: what they did, what shipped, reviews, and how it ended."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from typing import Any

import polars as pl

from metrics.roadmap import ASKED_FOR, GONE, LEAVING, OTHER, PAYING
from metrics.stated import SIGNS
from metrics.themes import NO_ANSWER, PRAISE, UNCLEAR
from pages.shared import words
from pages.shared.findings.churn_reasons import in_words, label_of, labels
from pages.shared.findings.churn_words import SOURCES
from pages.shared.findings.nps import label_of as praise_of
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
LIKELY = {"Anything of its theme": False, "Probably this": True}

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
    "accounts": Column("Accounts that asked", "count"),
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
REVIEWED = {
    "label": Column("Theme", pinned=True),
    "reviews": Column("Reviews", "count"),
    "complaints": Column("Complain", "count"),
    "praises": Column("Praise", "count"),
    "rating": Column("Stars of 5", "number", help="Mean"),
    "rated": Column("Rated", "count"),
    "low_share": Column("Three stars or less", "percent"),
    "low": Column("95% from", "percent"),
    "high": Column("95% to", "percent"),
    "sites": Column("Sites", "count"),
    "newest": Column("Newest", "day"),
}
REVIEWS = {
    "site": Column("Site", pinned=True),
    "rating": Column("Stars of 5", "number"),
    "text": Column("What they wrote", width="large"),
    "said": Column("Themes"),
    "posted_on": Column("Posted", "day"),
    "name": Column("Account", help="Where it is known who wrote it"),
    "url": Column("Review", "link"),
}
ENDINGS = {
    "name": Column("Account", pinned=True),
    "lost_mrr": Column("MRR lost", "money"),
    "would_return": Column("Would return, 0 to 10", "count"),
    "ease": Column("Ease, 1 to 5", "count"),
    "days": Column("Days from request to end", "count"),
    "labels": Column("Why"),
    "comment": Column("What they wrote", width="large"),
    "ended_on": Column("Left", "day"),
    "plan": Column("Plan"),
    "segment": Column("Segment"),
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
        accounts=pl.len().cast(pl.Int64),
        gone=gone.sum().cast(pl.Int64),
        gone_mrr=pl.col("mrr").filter(gone).sum(),
        at_risk=risky.sum().cast(pl.Int64),
        at_risk_mrr=pl.col("mrr").filter(risky).sum(),
        paying=(pl.col("standing") == "paying").sum().cast(pl.Int64),
    )
    said = table.with_columns(label=pl.col("theme").replace(labels(names)))
    return said.sort("gone_mrr", "accounts", "item_id", descending=[True, True, False])


def shipped_said(rows: pl.DataFrame, currency: str) -> str:
    """Who had asked for what is there now, left, and what they paid."""
    if rows.is_empty():
        return "Nobody asked for what has shipped since"
    gone = rows.filter(pl.col("standing") == "gone").unique("account_id")
    if gone.is_empty():
        kept = rows["account_id"].n_unique()
        return f"{words.plural(kept, 'account')} had asked for what has shipped since; none of them left"
    paid = words.money(int(gone["mrr"].sum()), currency, short=True)
    return f"{words.plural(gone.height, 'account')} that left ({paid} of MRR) had asked for what has shipped since"


def shipped_detail(rows: pl.DataFrame, currency: str) -> str:
    """Who may leave and had asked, and how sure it is that they asked for this."""
    risky = rows.filter(pl.col("standing").is_in(["leaving", "at risk"])).unique("account_id")
    paid = words.money(int(risky["mrr"].sum()), currency, short=True)
    more = words.plural(risky.height, "more account")
    ahead = f"{more} leaving or at risk ({paid}) had too. " if risky.height else ""
    likely = rows.filter("likely")["account_id"].n_unique()
    sure = f"{words.plural(likely, 'account')} probably meant just this. " if likely else ""
    return f"{ahead}{sure}Themes are wider than items: read what they asked before you write to them."


def asked_columns(rows: pl.DataFrame) -> dict[str, Column]:
    """The columns of who asked; without the guess where nobody can guess, for want of sentence vectors."""
    known = rows["likeness"].is_not_null().any()
    return {name: column for name, column in SHIPPED.items() if known or name != "likely"}


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


# --- reviews -------------------------------------------------------------------------------------------------------


def reviewed(rows: pl.DataFrame, names: Mapping[str, str]) -> pl.DataFrame:
    """Themes of reviews as people call them, with ``key``."""
    return rows.with_columns(label=pl.col("theme").replace(labels(names)), key=pl.col("theme"))


def complained(rows: pl.DataFrame) -> pl.DataFrame:
    """The themes that reviews complain of, as rows of a figure."""
    named = ~pl.col("theme").is_in([UNCLEAR, NO_ANSWER])
    return rows.filter(named & (pl.col("complaints") > 0)).drop("low", "high")


def reviews_said(rows: pl.DataFrame, posted: pl.DataFrame) -> str:
    """What reviews complain of most, and how they rate us."""
    if posted.is_empty():
        return "No review was posted in this period"
    mean = posted["rating"].mean()
    stars = f"{words.number(float(str(mean)), digits=1)} stars of 5" if mean is not None else "no stars"
    said = f"{words.plural(posted.height, 'review')}, {stars}"
    top = complained(rows)
    if top.is_empty():
        return said
    row = top.row(0, named=True)
    return f"{said}; {words.inert(row['label'])} is what they complain of most ({row['complaints']:,})"


def reviews_of(posted: pl.DataFrame, theme: str | None, names: Mapping[str, str]) -> pl.DataFrame:
    """The reviews that show a theme (None: all), with their themes in words: praise is marked as such."""
    kept = posted if theme is None else posted.filter(pl.col("themes").list.contains(theme))
    praise = pl.col("praises").list.eval(pl.element().replace(praised(names)))
    complaint = pl.col("complaints").list.eval(pl.element().replace(labels(names)))
    both = complaint.list.concat(praise)
    said = pl.when(both.list.len() > 0).then(both.list.join(", "))
    return kept.with_columns(said=said.otherwise(in_words("themes", names)))


def praised(names: Mapping[str, str]) -> dict[str, str]:
    """What praise of each theme is called."""
    return {theme: praise_of(f"{PRAISE}:{theme}", names) for theme in names}


def title_of_theme(rows: pl.DataFrame, theme: str, names: Mapping[str, str]) -> str:
    """The title of the reviews behind a bar."""
    return f"{words.inert(label_of(theme, names))}: {words.plural(rows.height, 'review')}"


# --- how it ended --------------------------------------------------------------------------------------------------


def endings(leavers: pl.DataFrame, names: Mapping[str, str]) -> pl.DataFrame:
    """Those who say how the ending felt or asked for it, with the days it took; who would return most on top."""
    days = (pl.col("ended_on") - pl.col("requested_on")).dt.total_days()
    known = leavers.with_columns(days=pl.when(days >= 0).then(days), labels=in_words("themes", names))
    told = known.filter(pl.any_horizontal(pl.col("ease", "would_return", "days").is_not_null()))
    order = ["would_return", "lost_mrr", "account_id"]
    return told.sort(order, descending=[True, True, False], nulls_last=True)


def with_answer(rows: pl.DataFrame, question: str, answer: int | None = None) -> pl.DataFrame:
    """Those who answered a question, or gave one answer to it."""
    said = pl.col(question).is_not_null()
    return rows.filter(said if answer is None else pl.col(question) == answer)


def ending_said(rows: pl.DataFrame, would: Mapping[str, Any]) -> str:
    """How many would come back, of those who said."""
    if not would["n"]:
        return "How the ending felt"
    back = rows.filter(pl.col("would_return") >= 9).height
    return f"{back or 'None'} of {would['n']:,} who said whether they would return give 9 or 10"


def mean_note(row: Mapping[str, Any]) -> str:
    """What a mean rests on."""
    interval = words.between(row["low"], row["high"], lambda value: words.number(value, digits=1))
    rests = f"95% {interval}" if row["low"] is not None else "too few for an interval"
    return f"{rests} · n = {row['n']:,}"


def days_note(rows: pl.DataFrame) -> str:
    """The middle half of the days from request to end."""
    known = rows["days"].drop_nulls()
    if known.len() < 4:
        return f"n = {known.len():,}"
    first, last = (words.number(known.quantile(share, "nearest")) for share in (0.25, 0.75))
    return f"half of them {first} to {last} · n = {known.len():,}"


def month_of(text: str) -> date:
    """The month of a column that was clicked."""
    return date.fromisoformat(text[:10])
