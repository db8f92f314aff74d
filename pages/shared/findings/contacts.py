"""What the contacts page says about its numbers."""

from __future__ import annotations

from datetime import date, timedelta

import polars as pl

from pages.shared import words
from pages.shared.tables import Column

MET, PLANNED, SILENT = "In contact", "No contact, one planned", "No contact, none planned"
_NAME, _MRR = Column("Account", pinned=True), Column("MRR", "money")
_CSM, _PLAN = Column("CSM"), Column("Plan")
_LAST = Column("Last contact", "day", help="Either direction")
_NEXT = Column("Next contact", "day", help="The first one planned after today")
_SILENT = Column("Silent, days", "count", help="Days since the last contact")
_RHYTHM = Column("Rhythm, days", "count", help="Usual days between its contacts; of all accounts where it has too few")
_RENEWS = Column("Renews", "day")

OVERDUE = {
    "name": _NAME,
    "mrr": _MRR,
    "last_contact_on": _LAST,
    "days_silent": _SILENT,
    "rhythm_days": _RHYTHM,
    "ratio": Column("Times its rhythm", "number"),
    "next_contact_on": _NEXT,
    "renews_on": _RENEWS,
    "plan": _PLAN,
    "csm_name": _CSM,
}
CALENDAR = {
    "name": _NAME,
    "mrr": _MRR,
    "state": Column("Contact"),
    "first_contact_on": Column("First contact", "day"),
    "last_contact_on": _LAST,
    "last_in_on": Column("They wrote or called", "day", help="The last contact that came from them"),
    "last_out_on": Column("We wrote or called", "day", help="The last contact that came from us"),
    "next_contact_on": _NEXT,
    "days_silent": _SILENT,
    "rhythm_days": _RHYTHM,
    "own": Column("Rhythm from", help="Fewer than three gaps in a year are no rhythm of its own"),
    "contacts": Column("Days of contact", "count"),
    "renews_on": _RENEWS,
    "plan": _PLAN,
    "segment": Column("Segment"),
    "csm_name": _CSM,
}
RENEWING = {
    "name": _NAME,
    "mrr": Column("MRR due", "money"),
    "renews_on": _RENEWS,
    "state": Column("Contact"),
    "planned_on": Column("Planned", "day", help="The first contact planned before it renews"),
    "leaving": Column("Of it leaving", "money"),
    "plan": _PLAN,
    "csm_name": _CSM,
}
WEEKS = {
    "week": Column("Week of", "day"),
    "accounts": Column("Accounts", "count"),
    "mrr": Column("MRR due", "money"),
    "contacted": Column("In contact", "count", help="Contact in the last 30 days"),
    "contacted_mrr": Column("Their MRR", "money"),
    "silent": Column("No contact", "count"),
    "silent_mrr": Column("MRR without contact", "money"),
    "planned": Column("Of them planned", "count", help="A contact is planned before they renew"),
}
SHOWN = {"All": "", "Overdue": "overdue", "In rhythm": "in rhythm", "Never in contact": "never"}


def overdue(book: pl.DataFrame) -> pl.DataFrame:
    """Those silent for too long, the dearest first."""
    return book.filter("overdue").sort("mrr", "ratio", "account_id", descending=[True, True, False], nulls_last=True)


def unplanned(rows: pl.DataFrame) -> pl.DataFrame:
    """Of ``rows`` those with no contact planned."""
    return rows.filter(pl.col("next_contact_on").is_null())


def never(book: pl.DataFrame) -> pl.DataFrame:
    """Those never in contact, the dearest first."""
    return book.filter(pl.col("contacts") == 0).sort("mrr", "account_id", descending=[True, False], nulls_last=True)


def planned(book: pl.DataFrame, as_of: date, days: int = 14) -> pl.DataFrame:
    """Those with a contact planned in the next days, the nearest first."""
    soon = book.filter(pl.col("next_contact_on") <= as_of + timedelta(days=days))
    return soon.sort("next_contact_on", "account_id")


def soon_silent(renewing: pl.DataFrame, as_of: date, days: int = 30) -> pl.DataFrame:
    """Renewals in the next days without a recent contact."""
    return renewing.filter(~pl.col("contacted"), pl.col("renews_on") <= as_of + timedelta(days=days))


def dressed(book: pl.DataFrame) -> pl.DataFrame:
    """The book with its state, and where its rhythm is from, in words."""
    state = (
        pl.when(pl.col("contacts") == 0)
        .then(pl.lit("never"))
        .when("overdue")
        .then(pl.lit("overdue"))
        .otherwise(pl.lit("in rhythm"))
    )
    own = pl.when("own_rhythm").then(pl.lit("its own")).when(pl.col("contacts") > 0).then(pl.lit("all accounts"))
    return book.with_columns(state=state, own=own)


def in_state(book: pl.DataFrame, state: str) -> pl.DataFrame:
    """The dressed book in one state; all of it for an empty name."""
    return book.filter(pl.col("state") == state) if state else book


def marked(renewing: pl.DataFrame) -> pl.DataFrame:
    """Renewals with whether there is contact, in words."""
    without = pl.when(pl.col("planned_on").is_not_null()).then(pl.lit(PLANNED)).otherwise(pl.lit(SILENT))
    return renewing.with_columns(state=pl.when("contacted").then(pl.lit(MET)).otherwise(without))


def parts(renewing: pl.DataFrame, weeks: pl.DataFrame) -> pl.DataFrame:
    """MRR due by week and by whether there is contact: ``week, part, mrr, state``, weeks without any too."""
    found = marked(renewing).group_by("week", part="state").agg(pl.col("mrr").sum())
    names = pl.DataFrame({"part": [MET, PLANNED, SILENT]})
    every = weeks.select("week", "state").join(names, how="cross", maintain_order="left")
    return every.join(found, on=["week", "part"], how="left", maintain_order="left").with_columns(
        pl.col("mrr").fill_null(0)
    )


def sums(rows: pl.DataFrame, currency: str) -> str:
    """Accounts, each once, and their MRR.

    >>> sums(pl.DataFrame({"account_id": ["a", "a", "b"], "mrr": [100, 100, 300]}), "EUR")
    '2 accounts with €5 of MRR'
    """
    money = words.money(int(rows["mrr"].sum()), currency, short=True)
    return f"{words.plural(rows['account_id'].n_unique(), 'account')} with {money} of MRR"


def headline(book: pl.DataFrame, currency: str) -> tuple[str, str | None]:
    """How many are silent for too long, and whether anything is planned."""
    late = overdue(book)
    detail = f"{sums(book, currency)}, {never(book).height:,} of them never in contact."
    if late.is_empty():
        return "Nobody has been silent beyond their rhythm", detail
    waits = unplanned(late)
    verb = "is" if late.height == 1 else "are"
    rest = "a contact is planned with each" if waits.is_empty() else f"nothing is planned with {waits.height:,}"
    return f"{sums(late, currency)} {verb} silent beyond their rhythm; {rest}", detail


def without_touches(book: pl.DataFrame, currency: str) -> tuple[str, str | None]:
    """The headline of a company that records no contacts."""
    return "Who to talk with next, by renewal", f"{sums(book, currency)}; contacts are not recorded here yet."


def weeks_said(renewing: pl.DataFrame, as_of: date, currency: str, days: int = 30) -> str:
    """What comes up soon, and how much of it without contact."""
    soon = renewing.filter(pl.col("renews_on") <= as_of + timedelta(days=days))
    if soon.is_empty():
        return f"Nothing renews in the next {days} days"
    quiet = soon_silent(renewing, as_of, days)
    due = words.money(int(soon["mrr"].sum()), currency, short=True)
    amount = words.money(int(quiet["mrr"].sum()), currency, short=True)
    return f"{due} renews in the next {days} days, {amount} of it without contact"
