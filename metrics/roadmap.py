"""Asked and shipped: who asked for what the roadmap has shipped since, and may come back or stay for it."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from datetime import date

import polars as pl

from metrics.current import current_mrr
from metrics.exit_answers import EXIT_SURVEYS, NPS, REVIEWS, of_source
from metrics.inputs import Columns, Frame, day, lazy
from metrics.stretches import NEVER, PAYS, prepare
from metrics.theme_file import Themes
from metrics.theme_vectors import SIZE, text_key

GONE, LEAVING, PAYING, OTHER = "gone", "leaving", "paying", "not paying"
STATUSES = (GONE, LEAVING, PAYING, OTHER)
"""How an account that asked stands today, those to win back first."""

ASKED_FOR = 0.25
"""Likeness of sentence and title from which they probably mean the same (tried on the demo's wishes in six languages:
0.22 to 0.57 where they do, at most 0.24 where they do not)."""

_ROADMAP: Columns = {"item_id": pl.String, "title": pl.String, "theme": pl.String, "shipped_on": pl.Date}
_TAGS: Columns = {
    "response_id": pl.String,
    "theme": pl.String,
    "score": pl.Float64,
    "evidence": pl.String,
    "polarity": pl.String,
}
_SOURCES = {
    NPS: ("response_id", ("responded_at", "sent_at")),
    EXIT_SURVEYS: ("response_id", ("submitted_at",)),
    REVIEWS: ("review_id", ("posted_at",)),
}


def _items(roadmap: Frame, theme_ids: Mapping[str, str] | None) -> pl.LazyFrame:
    """The roadmap with ``theme_id``: what ``theme_ids`` makes of the word in ``theme``; without it, the word itself."""
    word = pl.col("theme").str.strip_chars().str.to_lowercase().str.replace_all(r"[\s_-]+", "_")
    words = lazy(roadmap, _ROADMAP).select(*_ROADMAP, word=word).with_columns(pl.col("shipped_on").dt.date())
    if theme_ids is None:
        return words.with_columns(theme_id="word")
    known = pl.LazyFrame(
        {"word": list(theme_ids), "theme_id": list(theme_ids.values())},
        schema={"word": pl.String, "theme_id": pl.String},
    ).with_columns(pl.col("word").str.strip_chars().str.to_lowercase().str.replace_all(r"[\s_-]+", "_"))
    return words.join(known.unique("word"), on="word", how="left", maintain_order="left")


def theme_words(themes: Themes) -> dict[str, str]:
    """What a roadmap may write for each theme: its id, its name or a reason code, and the id it means today."""
    return {word: themes.current(theme.id) for theme in themes.all for word in (theme.id, theme.name, *theme.reasons)}


def unknown_themes(roadmap: Frame, theme_ids: Mapping[str, str] | Collection[str]) -> pl.DataFrame:
    """Items of the roadmap whose theme is none of ours, so that nobody can be found who asked for them.

    One row per such item: ``item_id``, ``title``, ``theme`` as written (null where there is none), ``shipped_on``.
    ``theme_ids`` are what the roadmap may write (ids, names, reason codes), with or without the id each means; case,
    spaces and hyphens do not matter.

    >>> items = pl.DataFrame({"item_id": ["1", "2"], "title": ["Saved replies", "Dark mode"],
    ...     "theme": ["Missing feature", "looks"], "shipped_on": [None, None]})
    >>> unknown_themes(items, {"missing_feature"})["title"].to_list()
    ['Dark mode']
    """
    words = theme_ids if isinstance(theme_ids, Mapping) else {name: name for name in theme_ids}
    return _items(roadmap, words).filter(pl.col("theme_id").is_null()).select(*_ROADMAP).collect()


def _wishes(tagged: Frame, answers: Mapping[str, Frame | None], as_of: date) -> pl.LazyFrame:
    """What accounts complained of, by theme: ``account_id, theme_id, asked_on, source, response_id, evidence``."""
    parts = []
    for name, (key, times) in _SOURCES.items():
        columns: Columns = {key: pl.String, "account_id": pl.String, **dict.fromkeys(times, pl.Date)}
        said = lazy(answers.get(name), columns).select(
            "account_id", response_id=key, asked_on=pl.coalesce(*(day(time) for time in times))
        )
        tags = lazy(of_source(tagged, name), _TAGS).filter(pl.col("polarity").ne_missing("praise"))
        parts.append(tags.join(said, on="response_id").with_columns(source=pl.lit(name)))
    return (
        pl.concat(parts, how="diagonal_relaxed")
        .filter(pl.col("account_id").is_not_null(), pl.col("asked_on") <= as_of)
        .select("account_id", "asked_on", "source", "response_id", "score", "evidence", theme_id="theme")
    )


def _with_codes(tagged: Frame, exit_surveys: Frame | None, reason_themes: Mapping[str, str]) -> pl.LazyFrame:
    """``tagged`` and, as complaints without evidence, the themes of the codes that people chose on leaving."""
    chosen = lazy(exit_surveys, {"response_id": pl.String, "reason": pl.String})
    codes = chosen.filter(pl.col("reason").is_in(list(reason_themes))).select(
        "response_id",
        theme=pl.col("reason").replace(dict(reason_themes)),
        polarity=pl.lit("complaint"),
        source=pl.lit(EXIT_SURVEYS),
    )
    sourced = tagged.lazy()
    if "source" not in sourced.collect_schema():
        return pl.concat([sourced, codes.drop("source")], how="diagonal_relaxed")
    return pl.concat([sourced, codes], how="diagonal_relaxed")


def _standing(subscriptions: Frame, as_of: date, grace_days: int) -> pl.DataFrame:
    """Every account that ever paid: ``account_id, status, mrr`` (now, or on the last paid day), ``left_on``."""
    now = current_mrr(subscriptions, as_of=as_of, grace_days=grace_days)
    paying = pl.col("standing").is_in(["paying", "late_renewal"])
    held = pl.col("standing").is_in(["parked", "paused"])
    paid = prepare(subscriptions, as_of=as_of).filter(PAYS)
    ended = pl.col("end") == pl.col("end").max().over("unit")
    last = (
        paid.filter(ended, pl.col("end") < NEVER)
        .group_by(account_id="unit")
        .agg(last_mrr=pl.col("value").sum(), left_on=pl.col("end").first())
    )
    here = now.select(
        "account_id",
        "mrr",
        status=pl.when("leaving")
        .then(pl.lit(LEAVING))
        .when(paying)
        .then(pl.lit(PAYING))
        .when(held)
        .then(pl.lit(OTHER)),
    ).drop_nulls("status")
    return (
        here.join(last, on="account_id", how="full", coalesce=True)
        .with_columns(status=pl.col("status").fill_null(GONE))
        .with_columns(
            mrr=pl.when(pl.col("status") == GONE).then("last_mrr").otherwise("mrr"),
            left_on=pl.when(pl.col("status") == GONE).then("left_on"),
        )
        .select("account_id", "status", "mrr", "left_on")
    )


def _likeness(wishes: pl.DataFrame, vectors: Frame | None) -> pl.Series:
    """How near in meaning each wish's evidence comes to the item's title, -1..1; null without both vectors."""
    known = lazy(vectors, {"key": pl.String, "vector": pl.Array(pl.Float32, SIZE)}).unique("key").collect()
    place = {key: row for row, key in enumerate(known["key"])}
    found = [
        (place.get(text_key(title or "")), place.get(text_key(evidence or "")))
        for title, evidence in wishes.select("title", "evidence").iter_rows()
    ]
    table = known["vector"].to_numpy()
    near = [None if a is None or b is None else float(table[a] @ table[b]) for a, b in found]
    return pl.Series("likeness", near, dtype=pl.Float64)


def asked_and_shipped(
    roadmap: Frame,
    tagged: Frame,
    subscriptions: Frame,
    *,
    nps: Frame | None = None,
    exit_surveys: Frame | None = None,
    reviews: Frame | None = None,
    bands: Frame | None = None,
    as_of: date,
    theme_ids: Mapping[str, str] | None = None,
    reason_themes: Mapping[str, str] | None = None,
    vectors: Frame | None = None,
    grace_days: int = 30,
) -> pl.DataFrame:
    """Accounts that asked for what has since shipped.

    One row per item shipped by ``as_of`` and account that complained of its theme before that day, in a survey, on
    leaving (in words, or by a code that ``reason_themes`` knows), or in a public review whose author is known:
    ``item_id``; ``title``; ``theme`` (id); ``shipped_on``; ``account_id``; ``asked_on``, the last time before it
    shipped (with ``vectors``, the time that comes nearest to the title); ``source`` (``nps``, ``exit_surveys``,
    ``reviews``), ``response_id`` and ``evidence``, the sentence, of that time (null: by code alone); ``likeness`` of
    evidence and title; ``times`` it asked before; ``again_on``, the first time it complained of the theme after that,
    null when it did not; ``days_to_ship`` from ``asked_on``; ``status`` (``gone``, ``leaving``: a cancellation is
    requested, ``paying``, ``not paying``: paused or parked); ``mrr``, now or on the last paid day (minor units);
    ``left_on`` of those gone; ``band`` of health from ``bands`` (``account_id``, ``band``), null where not known. Gone
    first, then by MRR.

    A theme is wider than an item: who asked for a missing feature need not have asked for this one. ``vectors``
    (``key``, ``vector``: sentence vectors of the comments and of the titles) tell: from a ``likeness`` of ``ASKED_FOR``
    on the sentence is probably about the item. Null is not known; languages that the encoder does not know stay low.
    A person must read the evidence before anybody is written to.

    Left out: accounts that never paid; items without a ship day or with one ahead; items whose theme is not known
    (``unknown_themes``); praise.

    >>> items = pl.DataFrame({"item_id": ["1"], "title": ["Saved replies"], "theme": ["Missing feature"],
    ...     "shipped_on": [date(2026, 3, 1)]})
    >>> said = pl.DataFrame({"response_id": ["r"], "account_id": ["a"], "responded_at": [date(2025, 12, 1)]})
    >>> tags = pl.DataFrame({"source": ["nps"], "response_id": ["r"], "theme": ["missing_feature"]})
    >>> served = pl.DataFrame({"subscription_id": ["s"], "account_id": ["a"], "kind": ["paid"], "mrr": [9900],
    ...     "started_on": [date(2025, 1, 1)], "ended_on": [date(2026, 2, 1)], "end_kind": ["requested"]})
    >>> asked_and_shipped(items, tags, served, nps=said, as_of=date(2026, 3, 31)).select(
    ...     "account_id", "asked_on", "days_to_ship", "status", "mrr").row(0)
    ('a', datetime.date(2025, 12, 1), 90, 'gone', 9900)
    """
    shipped = _items(roadmap, theme_ids).filter(pl.col("shipped_on") <= as_of, pl.col("theme_id").is_not_null())
    answers = {NPS: nps, EXIT_SURVEYS: exit_surveys, REVIEWS: reviews}
    wishes = _wishes(_with_codes(tagged, exit_surveys, reason_themes or {}), answers, as_of)
    pairs = shipped.join(wishes, on="theme_id").collect()
    before = pl.col("asked_on") < pl.col("shipped_on")
    found = (
        pairs.with_columns(_likeness(pairs, vectors))
        .sort("likeness", "asked_on", "score", "response_id", nulls_last=False)
        .group_by("item_id", "account_id")
        .agg(
            pl.col("title", "theme_id", "shipped_on").first(),
            pl.col("asked_on", "source", "response_id", "evidence", "likeness").filter(before).last(),
            times=pl.struct("source", "response_id").filter(before).n_unique().cast(pl.Int64),
            again_on=pl.col("asked_on").filter(~before).min(),
        )
        .filter(pl.col("times") > 0)
    )
    known = lazy(bands, {"account_id": pl.String, "band": pl.String}).select("account_id", "band").collect()
    order = pl.col("status").replace_strict(list(STATUSES), range(len(STATUSES)), return_dtype=pl.Int64)
    return (
        found.join(_standing(subscriptions, as_of, grace_days), on="account_id")
        .join(known.unique("account_id"), on="account_id", how="left")
        .with_columns(days_to_ship=(pl.col("shipped_on") - pl.col("asked_on")).dt.total_days())
        .sort(order, -pl.col("mrr"), "account_id", "shipped_on", "item_id")
        .select(
            *("item_id", "title", pl.col("theme_id").alias("theme"), "shipped_on", "account_id", "asked_on", "source"),
            *("response_id", "evidence", "likeness", "times", "again_on", "days_to_ship"),
            *("status", "mrr", "left_on", "band"),
        )
    )
