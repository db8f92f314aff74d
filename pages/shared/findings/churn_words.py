"""What the churn reasons page says about comments: what they say, who corrected them, and what that taught."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import polars as pl

from metrics.leavers import ANSWERED
from metrics.theme_learning import LEAST
from metrics.themes import NO_ANSWER, PRAISE, UNCLEAR, Themes
from pages.shared import words
from pages.shared.findings.churn_reasons import in_words, label_of, labels
from pages.shared.tables import Column

WITH = {"Who wrote": "wrote", "Who contradicts the form": "differs", "Everyone who left": "all"}
MARKS = {"Yes": True, "No": False, "As by rule": None}
JUDGED = {"person": "marked here", "survey": "exit survey", "rule": "rule", "unknown": words.NOTHING}
SOURCES = {"nps": "NPS", "exit_surveys": "Exit survey", "reviews": "Review"}

WORDS = {
    "name": Column("Account", pinned=True),
    "lost_mrr": Column("MRR lost", "money"),
    "comment": Column("What they wrote", width="large"),
    "said": Column("Words say", help="Themes of the comment, as read or as somebody corrected them"),
    "form": Column("Form says", help="The reason chosen on the exit form, by the theme it stands for"),
    "disagrees": Column("Differ", "flag", help="The reason chosen is not among what the words complain of"),
    "verdict": Column("Regrettable"),
    "ended_on": Column("Left", "day"),
    "language": Column("Language", help="Of the account"),
    "corrected": Column("Corrected", "flag", help="Somebody set the themes of this comment"),
    "competitor": Column("Went to"),
    "plan": Column("Plan"),
    "segment": Column("Segment"),
    "tenure": Column("Tenure"),
}
HISTORY = {
    "corrected_at": Column("When", "moment"),
    "who": Column("Who"),
    "set": Column("Set to"),
    "was": Column("Before"),
}
CORRECTED = {
    "set": Column("Themes", pinned=True),
    "source": Column("From"),
    "response_id": Column("Answer"),
    "who": Column("Who"),
    "corrected_at": Column("When", "moment"),
}
AGREEMENT = {
    "label": Column("Themes", pinned=True),
    "comments": Column("Corrected comments", "count"),
    "f1": Column("Agreement", "percent", help="F1: themes found and right, of all found or chosen"),
    "low": Column("95% from", "percent"),
    "high": Column("95% to", "percent"),
    "precision": Column("Found and right", "percent", help="Precision: of the themes found, those people chose too"),
    "recall": Column("Chosen and found", "percent", help="Recall: of the themes people chose, those found too"),
}
CODES = {
    "reason": Column("Code on the form", pinned=True),
    "label": Column("Stands for"),
    "answers": Column("Answers", "count"),
}
MEMBERS = {
    "name": Column("Account", pinned=True),
    "text": Column("What they wrote", width="large"),
    "from": Column("From"),
    "on": Column("When", "day"),
    "mrr": Column("MRR", "money", help="Today; empty: not served any more"),
    "language": Column("Language"),
}
GROUPS = {
    "name": Column("Telling words", pinned=True, width="medium"),
    "comments": Column("Comments", "count"),
    "accounts": Column("Accounts", "count"),
    "mrr": Column("MRR", "money", help="Of these accounts, today"),
    "language": Column("Language", help="Of most of them; the group is named in it"),
    "shown": Column("For example", width="large"),
}


def told(leavers: pl.DataFrame, corrected: pl.DataFrame, names: Mapping[str, str]) -> pl.DataFrame:
    """Those who left, with what form and words say, who judged the loss, and whether somebody corrected the themes."""
    status = pl.col("status").replace(labels(names))
    wrote = pl.when(pl.col("wrote").list.len() > 0).then(in_words("wrote", names))
    other = pl.when(pl.col("comment").str.strip_chars() != "").then(pl.lit(label_of(UNCLEAR, names)))
    ids = corrected.filter(pl.col("source") == "exit_surveys")["response_id"]
    judged = pl.col("judged_by").replace(JUDGED)
    verdict = pl.when(pl.col("regrettable") == "unknown").then(pl.lit("not known"))
    return leavers.with_columns(
        pl.col("comment").str.slice(0, words.LONGEST_COMMENT + 1),
        said=pl.when(pl.col("status") == ANSWERED).then(pl.coalesce(wrote, other)).otherwise(status),
        form=pl.coalesce(pl.col("reason_theme").replace(dict(names)), "reason"),
        corrected=pl.col("response_id").is_in(ids.implode()).fill_null(False),
        verdict=verdict.otherwise(pl.concat_str("regrettable", pl.lit(" ("), judged, pl.lit(")"))),
    )


def options(reasons: pl.DataFrame, chosen: str | None, names: Mapping[str, str]) -> dict[str, str | None]:
    """The reasons to choose from, by what people call them, the dearest first; what is ``chosen`` stays on offer.

    Else correcting the last comment of a reason would take the choice away, and show something else.
    """
    known = {label: key for key, label in labels(names).items()}
    kept = {chosen: known[chosen]} if chosen in known else {}
    return {"All reasons": None, **dict(reasons.select("label", "key").iter_rows()), **kept}


def chosen(rows: pl.DataFrame, kind: str, key: str | None, kept: str | None) -> pl.DataFrame:
    """Those who wrote, who contradict the form, or all; of one reason; the answer ``kept`` stays whatever it says.

    It is the one somebody is correcting: were it to go when its theme does, another would take its place under their
    hands.
    """
    wrote = pl.col("comment").str.strip_chars().fill_null("") != ""
    fits = {"wrote": wrote, "differs": pl.col("disagrees").fill_null(False), "all": pl.lit(True)}[kind]
    if key is not None:
        fits = fits & pl.col("themes").list.contains(key)
    return rows.filter(fits | pl.col("response_id").eq_missing(pl.lit(kept, pl.String)) & pl.lit(kept is not None))


def words_said(totals: Mapping[str, Any]) -> str:
    """Whether what people chose on the form is what they wrote."""
    if not totals["compared"]:
        return "In their words"
    both = words.plural(totals["compared"], "leaver")
    if not totals["disagreeing"]:
        return f"Form and words of {both} say the same"
    verb = "says" if totals["disagreeing"] == 1 else "say"
    return f"{totals['disagreeing']:,} of {both} who chose and wrote {verb} something else in words than on the form"


def choices(themes: Themes, now: list[str]) -> list[str]:
    """The themes that a comment can be given: those of the file, what it has ``now``, and the two that say none."""
    own = [theme.id for theme in themes.all if themes.current(theme.id) == theme.id]
    return list(dict.fromkeys([*own, *now, UNCLEAR, NO_ANSWER]))


def evidence(tags: pl.DataFrame, names: Mapping[str, str]) -> list[tuple[str, str]]:
    """Each theme of a comment with the sentence that shows it."""
    rows = tags.filter(pl.col("evidence").is_not_null()).select("theme", "evidence", "polarity").iter_rows()
    return [
        (f"{label_of(theme, names)}{', praised' if said == PRAISE else ''}", text) for theme, text, said in rows if text
    ]


def corrected_said(row: Mapping[str, Any] | None, zone: Any) -> str:
    """Who set the themes of a comment, and when."""
    if row is None:
        return "As the tool read it."
    at = words.moment(row["corrected_at"].astimezone(zone))
    return f"Set by {words.inert(row['author'] or 'somebody whose name is erased')}, {at}."


def marked_said(row: Mapping[str, Any] | None, zone: Any) -> str:
    """Who marked a loss, and when."""
    if row is None:
        return "Marked here."
    at = words.moment(row["marked_at"].astimezone(zone))
    return f"Marked by {words.inert(row['author'] or 'somebody whose name is erased')}, {at}."


def history(rows: pl.DataFrame, names: Mapping[str, str], zone: str) -> pl.DataFrame:
    """Corrections in words."""
    back = pl.lit("taken back")
    return rows.with_columns(
        _local(zone),
        who=pl.col("author").fill_null("name erased"),
        set=in_words("themes", names).fill_null(back),
        was=in_words("before", names).fill_null(words.NOTHING),
    )


def corrections(rows: pl.DataFrame, names: Mapping[str, str], zone: str) -> pl.DataFrame:
    """The comments that people corrected, in words."""
    return rows.with_columns(
        _local(zone),
        who=pl.col("author").fill_null("name erased"),
        set=in_words("themes", names),
        source=pl.col("source").replace(SOURCES),
    )


def _local(zone: str) -> pl.Expr:
    return pl.col("corrected_at").dt.convert_time_zone(zone).dt.replace_time_zone(None)


def facts(row: Mapping[str, Any], currency: str) -> str:
    """When an account left, what it paid, and what it is, in one line."""
    money = f"{words.money(row['lost_mrr'], currency)} of MRR"
    about = [row["plan"], row["segment"], row["tenure"], row["language"]]
    return " · ".join([f"left {words.day(row['ended_on'])}", money, *(words.inert(part) for part in about if part)])


def learning_said(corrected: int, agreement: pl.DataFrame | None) -> str:
    """Whether corrections teach, and whether that helps."""
    missing = LEAST - corrected
    if missing > 0 or agreement is None:
        return f"{words.plural(corrected, 'comment')} corrected; from {LEAST} on they teach"
    without, taught = (agreement.row(by_predicate=pl.col("method") == name, named=True) for name in ("without", "with"))
    if taught["f1"] is None or without["f1"] is None:
        return f"{words.plural(corrected, 'comment')} corrected, too alike to learn from"
    change = taught["f1"] - without["f1"]
    agrees = f"agrees in {words.percent(taught['f1'], digits=0)}"
    if round(change, 3) <= 0:
        return f"What {corrected:,} corrections taught changes nothing yet: it {agrees} with people"
    return f"With what {corrected:,} corrections taught it {agrees} with people, {words.points(change)}"


def learning_detail(corrected: int) -> str:
    """How agreement is measured, or how many corrections are missing."""
    missing = LEAST - corrected
    if missing > 0:
        more = words.plural(missing, "more correction")
        return f"{more} of NPS, exit or review comments, and a classifier joins in where the rules see nothing."
    return (
        "Cross-validated: each comment is judged by a classifier that has not seen it. People correct what they see "
        "is wrong, so both numbers are lower than over all comments; compare them to each other."
    )


def agreements(rows: pl.DataFrame) -> pl.DataFrame:
    """Agreement without and with what was learned, in words."""
    named = {"without": "As the rules find them", "with": "With what corrections taught"}
    return rows.with_columns(label=pl.col("method").replace(named))


def emerging_said(groups: pl.DataFrame) -> str:
    """How many new themes may be hiding in comments of none."""
    if groups.is_empty():
        return "No unclear comments that say the same"
    read = words.plural(int(groups["comments"].sum()), "unclear comment")
    return f"{words.plural(groups.height, 'group')} in {read} may be new {'theme' if groups.height == 1 else 'themes'}"


def grouped(groups: pl.DataFrame) -> pl.DataFrame:
    """Groups with their examples in one line."""
    return groups.with_columns(shown=pl.col("examples").list.join("  ·  "))


def members(rows: pl.DataFrame) -> pl.DataFrame:
    """Comments of a group, with where they come from in words."""
    return rows.with_columns(pl.col("source").replace(SOURCES).alias("from"))


def coded(codes: pl.DataFrame, names: Mapping[str, str]) -> pl.DataFrame:
    """Codes of the form with the theme each stands for in words."""
    return codes.with_columns(label=pl.col("theme").replace(labels(names)).fill_null("no theme"))
