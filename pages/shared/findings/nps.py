"""What the NPS page says about its numbers."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from typing import Any

import polars as pl

from metrics.answers import Weight
from metrics.nps_people import GROUPS, Reached
from metrics.theme_file import NO_ANSWER, UNCLEAR
from pages.shared import words
from pages.shared.filters import PERIODS
from pages.shared.findings.accounts import MARKS
from pages.shared.tables import Column

KINDS: dict[str, str | None] = {"All": None, "Relationship": "relationship", "Transactional": "transactional"}
WEIGHTS: dict[str, Weight] = {"Answer": "answers", "Account": "accounts"}
WINDOWS = {"1 month": 1, "3 months": 3, "6 months": 6, "12 months": 12}
SEGMENTS = {"Segment": "segment", "Plan": "plan", "Country": "country", "Time with us": "tenure"}
SAID_BY = {"Detractors": "detractors", "Passives": "passives", "Promoters": "promoters", "All": ""}
REACHED: dict[str, Reached] = {"Anybody there": "account", "That person": "person"}

_WHO = {"plan": Column("Plan"), "segment": Column("Segment")}
ANSWERS = {
    "account": Column("Account", pinned=True),
    "score": Column("Score", "count"),
    "day": Column("Answered", "day"),
    "comment": Column("What they wrote", width="large"),
    **_WHO,
}
COMMENTS = {
    "account": Column("Account", pinned=True),
    "score": Column("Score", "count"),
    "comment": Column("What they wrote", width="large"),
    "labels": Column("Themes", help="What the comment is about, as the tool read it"),
    "day": Column("Answered", "day"),
    "plan": Column("Plan"),
    "language": Column("Language", help="Of the person; where it is not known, of the account"),
}
ACCOUNTS = {
    "account": Column("Account", pinned=True),
    "score": Column("NPS", "score"),
    "n": Column("Answers", "count"),
    "promoters": Column("Promoters", "count"),
    "detractors": Column("Detractors", "count"),
    "day": Column("Last answer", "day"),
    "mrr": Column("MRR", "money", help="Today; empty: not served any more"),
    "health": Column("Health", "score"),
    **_WHO,
}
CHANGED = {
    "account": Column("Account", pinned=True),
    "points": Column("Part of the change", "number", help="Points; they add up to the change"),
    "n_before": Column("Answers before", "count"),
    "score_before": Column("NPS before", "score"),
    "n_after": Column("Answers after", "count"),
    "score_after": Column("NPS after", "score"),
    **_WHO,
}
RESPONSE = {
    "account": Column("Account", pinned=True),
    "sent": Column("Asked", "count"),
    "answered": Column("Answered", "count"),
    "dismissed": Column("Silent", "count"),
    "rate": Column("Response rate", "percent"),
    "mrr": Column("MRR", "money"),
    **_WHO,
}
WAITING = {
    "account": Column("Account", pinned=True),
    "mrr": Column("MRR", "money"),
    "mark": Column("Health", help="The account's band today"),
    "score": Column("Answer", "count", help="0 to 10"),
    "days": Column("Waits, days", "count"),
    "comment": Column("What they wrote", width="large"),
    "person": Column("Who"),
    "health": Column("Health score", "score"),
    "planned_on": Column("Contact planned", "day"),
}
THEMES = {
    "group": Column("Who"),
    "label": Column("Theme", pinned=True),
    "polarity": Column("Says it as"),
    "comments": Column("Comments", "count"),
    "accounts": Column("Accounts", "count"),
    "share": Column("Of the group's comments", "percent"),
    "low": Column("95% from", "percent"),
    "high": Column("95% to", "percent"),
}
PRAISED = {
    "price": "Worth its price",
    "missing_feature": "Does what we need",
    "missing_integration": "Works with our tools",
    "hard_to_use": "Easy to use",
    "never_got_started": "Quick to start",
    "slow_support": "Good support",
    "unreliable": "Reliable",
    "slow": "Fast",
    "not_enough_value": "Worth having",
    "language": "In our language",
    "security": "Secure",
    "compliance": "Compliant",
    "values_or_trust": "Trusted",
    "poor_data_quality": "Good data",
    UNCLEAR: "Pleased, says not with what",
}
"""What praise of a theme is called; themes are named after the complaint."""


def headline(now: pl.DataFrame, change: pl.DataFrame, months: int, window: int) -> tuple[str, str | None]:
    """The score in one sentence, and whether it moved."""
    row, moved = now.row(0, named=True), change.row(0, named=True)
    between = words.between(row["low"], row["high"], words.score)
    rests = f"95% interval {between}, {words.plural(row['n'], 'answer')}"
    against = against_before(window).capitalize()
    if moved["verdict"] in ("up", "down"):
        verb = "rose" if moved["verdict"] == "up" else "fell"
        points = words.plural(round(abs(moved["change"])), "point")
        over = f"Over the last {months} months it is {words.score(row['score'])} ({rests})."
        return f"NPS {verb} by {points}", f"{against}. {over}"
    news = f"{against}: {words.verdict(moved['verdict'])}."
    return f"NPS is {words.score(row['score'])}", f"Over the last {months} months; {rests}. {news}"


def no_answers(last: date | None, months: int, narrowed: bool) -> tuple[str, str | None]:
    """That nobody answered, and how to see who did; ``last`` is the day of the newest answer of all.

    >>> no_answers(None, 12, False), no_answers(date(2022, 3, 1), 36, False)[0]
    (('Nobody has answered yet', None), 'Nobody answered in the last 36 months')
    """
    if last is None:
        return "Nobody has answered yet", None
    whom = "Nobody among those chosen" if narrowed else "Nobody"
    wider = ["a longer period"] * (months < max(PERIODS.values())) + ["“All” above"] * narrowed
    how = f" Choose {' or '.join(wider)} to see more." if wider else ""
    return f"{whom} answered in the last {months} months", f"The newest answer of all is of {words.day(last)}.{how}"


def against_before(window: int) -> str:
    """Which months a change compares.

    >>> against_before(3), against_before(1)
    ('the last 3 full months against the 3 before', 'the last full month against the one before')
    """
    if window == 1:
        return "the last full month against the one before"
    return f"the last {window} full months against the {window} before"


def over_time(trend: pl.DataFrame) -> str:
    """Where the score came from, where it is, and how low it was between, over months that are over."""
    known = trend.filter((pl.col("state") == "final") & pl.col("score").is_not_null())
    if known.height < 2:
        return "Over time"
    first, last = known.row(0, named=True), known.row(-1, named=True)
    said = f"From {words.score(first['score'])} in {words.month(first['period'])} to {words.score(last['score'])}"
    low = known.sort("score", "period").row(0, named=True)
    ends = (first["period"], last["period"])
    least = "" if low["period"] in ends else f", lowest {words.score(low['score'])} in {words.month(low['period'])}"
    return f"{said} in {words.month(last['period'])}{least}"


def pooled(window: int, weight: str) -> str:
    """What a point of the trend is made of."""
    many = "Each point is one month" if window == 1 else f"Each point pools the answers of {window} months"
    voters = "every account has one vote" if weight == "accounts" else "every answer has one vote"
    return f"{many}; {voters}. The band is the 95% interval, the hollow point still running. Click one for its answers."


def spread_said(now: pl.DataFrame) -> str:
    """The shares of both ends."""
    row = now.row(0, named=True)
    up, down = (words.percent(row[name] / row["n"], digits=0) for name in ("promoters", "detractors"))
    return f"{up} are promoters, {down} detractors"


def groups(frame: pl.DataFrame, segment: str, weight: Weight) -> pl.DataFrame:
    """Groups as rows of a figure: ``label`` with the number of its votes, and ``key``."""
    votes, noun = ("n", "answer") if weight == "answers" else ("accounts", "account")
    named = frame.select(pl.col(segment).fill_null("not known"), votes).iter_rows()
    labels = [f"{name}  ·  {words.plural(n, noun)}" for name, n in named]
    return frame.with_columns(label=pl.Series(labels, dtype=pl.String), key=pl.col(segment))


def groups_said(frame: pl.DataFrame, segment: str) -> str:
    """The highest and the lowest group, and whether their intervals leave them apart."""
    sure = frame.filter("enough")
    if sure.height < 2:
        return "Too few answers in all but one group to compare."
    best, worst = sure.row(0, named=True), sure.row(-1, named=True)
    names = [words.inert(row[segment] or "not known") for row in (best, worst)]
    said = f"{names[0]} is highest at {words.score(best['score'])}, {names[1]} lowest at {words.score(worst['score'])}"
    apart = "" if worst["high"] < best["low"] else "; their intervals overlap"
    return f"{said}{apart}. Click a dot for its answers."


def labelled(themes: pl.DataFrame, names: Mapping[str, str]) -> pl.DataFrame:
    """Rows of themes with ``key`` (``polarity:theme``) and ``label``, what people call it."""
    key = pl.concat_str(pl.col("polarity").fill_null(""), pl.lit(":"), "theme")
    rows = themes.with_columns(key=key)
    labels = {key: label_of(key, names) for key in rows["key"].unique()}
    return rows.with_columns(label=pl.col("key").replace(labels).cast(pl.String))


def label_of(key: str, names: Mapping[str, str]) -> str:
    """What people call ``polarity:theme``.

    >>> [label_of(key, {"slow": "Slow"}) for key in ("complaint:slow", "praise:slow", ":unclear")]
    ['Slow', 'Fast', 'Something else']
    """
    polarity, _, theme = key.partition(":")
    if polarity == "praise":
        return PRAISED.get(theme) or f"{names.get(theme, theme)}, praised"
    return {UNCLEAR: "Something else", NO_ANSWER: "No real answer"}.get(theme) or names.get(theme, theme)


def side(themes: pl.DataFrame, group: str, most: int = 8) -> pl.DataFrame:
    """What a group is expected to say: complaints of detractors, praise of promoters, then what names no theme.

    The themes said ``most``; the others are in the table of all.
    """
    other = "praise" if group == "detractors" else "complaint"
    mine = themes.filter((pl.col("group") == group) & pl.col("polarity").ne_missing(other))
    named = ~pl.col("theme").is_in([UNCLEAR, NO_ANSWER])
    return pl.concat([mine.filter(named).head(most), mine.filter(~named)])


def quiet(side: pl.DataFrame) -> list[str]:
    """Labels of the rows that name no theme."""
    return side.filter(pl.col("theme").is_in([UNCLEAR, NO_ANSWER]))["label"].to_list()


def side_said(side: pl.DataFrame, group: str) -> str:
    """What the group says most, in one sentence."""
    named = side.filter(~pl.col("theme").is_in([UNCLEAR, NO_ANSWER]))
    if named.is_empty():
        return f"What {group} write about"
    top = named.row(0, named=True)
    verb = "complain most of" if group == "detractors" else "praise most"
    return f"{group.capitalize()} {verb}: {words.inert(top['label'])} ({words.percent(top['share'], digits=0)})"


def side_detail(themes: pl.DataFrame, group: str) -> str:
    """How many comments that is, and what else the group says: the polarity one does not expect of it."""
    mine = themes.filter(pl.col("group") == group)
    if mine.is_empty():
        return "Nothing is read for themes here yet."
    of = words.plural(mine["of"][0], "comment")
    polarity, verb = ("praise", "praise") if group == "detractors" else ("complaint", "complain of")
    other = mine.filter((pl.col("polarity") == polarity) & (pl.col("theme") != UNCLEAR)).head(3)
    told = ", ".join(f"{words.inert(row['label'])} ({row['comments']})" for row in other.iter_rows(named=True))
    return f"Share of {of}, several themes each. " + (f"They also {verb}: {told}." if told else "")


def told(comments: pl.DataFrame, names: Mapping[str, str]) -> pl.DataFrame:
    """Comments with their themes in words."""
    distinct = comments["keys"].explode().drop_nulls().unique()
    labels = {key: label_of(key, names) for key in distinct}
    if not labels:
        return comments.with_columns(labels=pl.lit(None, pl.String))
    return comments.with_columns(labels=pl.col("keys").list.eval(pl.element().replace(labels)).list.join(", "))


def of_group(comments: pl.DataFrame, group: str) -> pl.DataFrame:
    """The comments of detractors, passives or promoters; all of them for an empty name."""
    return comments.filter(pl.col("score").is_between(*GROUPS[group])) if group else comments


def of_theme(comments: pl.DataFrame, key: str | None) -> pl.DataFrame:
    """The comments about one theme; all of them for None."""
    return comments if key is None else comments.filter(pl.col("keys").list.contains(key))


def theme_options(themes: pl.DataFrame, group: str) -> dict[str, str | None]:
    """The themes of a group's comments to choose from: label -> key, those said most first, what names none last."""
    mine = themes.filter(pl.col("group") == group) if group else themes
    counted = mine.group_by("label", "key", "theme", maintain_order=True).agg(pl.col("comments").sum())
    ordered = counted.sort(pl.col("theme").is_in([UNCLEAR, NO_ANSWER]), -pl.col("comments"), maintain_order=True)
    return {"All themes": None, **dict(ordered.select("label", "key").iter_rows())}


def marked(waiting: pl.DataFrame) -> pl.DataFrame:
    """Who waits, with the account's band as a mark and a word."""
    return waiting.with_columns(mark=pl.col("band").replace_strict(MARKS, default=pl.col("band")))


def waiting_said(waiting: pl.DataFrame, currency: str) -> str:
    """How many wait, and what they pay."""
    if waiting.is_empty():
        return "Every detractor has been answered"
    people = words.plural(waiting.height, "detractor")
    verb = "waits" if waiting.height == 1 else "wait"
    return f"{people} at {at_stake(waiting, currency)} {verb} for an answer"


def at_stake(waiting: pl.DataFrame, currency: str) -> str:
    """The accounts of those who wait, each once, and their MRR."""
    accounts = waiting.unique("account_id")
    money = words.money(int(accounts["mrr"].sum()), currency, short=True)
    return f"{words.plural(accounts.height, 'account')} with {money} of MRR"


def response_note(answered: Mapping[str, Any]) -> str:
    """What a response rate rests on."""
    if not answered["sent"]:
        return "nobody was asked"
    interval = words.between(answered["low"], answered["high"])
    return f"95% {interval} · {answered['answered']:,} of {words.plural(answered['sent'], 'invitation')}"
