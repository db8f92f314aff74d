"""Public reviews: what they are about, and how they rate us."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date

import polars as pl

from metrics.exit_answers import NO_ANSWER, REVIEWS, UNCLEAR, of_source
from metrics.inputs import Columns, Frame, day, lazy
from metrics.intervals import wilson

STARS = 5.0
"""The scale on which ratings of all sites are shown."""

_REVIEWS: Columns = {
    "review_id": pl.String,
    "account_id": pl.String,
    "site": pl.String,
    "rating": pl.Float64,
    "text": pl.String,
    "posted_at": pl.Date,
    "url": pl.String,
}
_TAGS: Columns = {
    "response_id": pl.String,
    "theme": pl.String,
    "score": pl.Float64,
    "evidence": pl.String,
    "polarity": pl.String,
}


def _stars(scales: Mapping[str, float]) -> pl.Expr:
    """The rating on a scale to five; null where it lies outside the site's scale."""
    top = pl.col("site").replace_strict(dict(scales), default=STARS, return_dtype=pl.Float64)
    return pl.when(pl.col("rating").is_between(0, top)).then(pl.col("rating") * STARS / top)


def _posted(reviews: Frame, since: date, as_of: date, scales: Mapping[str, float]) -> pl.LazyFrame:
    """The reviews of the period: ``review_id, account_id, site, posted_on, rating, text, url``, one row each."""
    return (
        lazy(reviews, _REVIEWS)
        .with_columns(posted_on=day("posted_at"), rating=_stars(scales))
        .filter(pl.col("posted_on").is_between(since, as_of))
        .select("review_id", "account_id", "site", "posted_on", "rating", "text", "url")
        .unique("review_id", keep="first", maintain_order=True)
    )


def _about(posted: pl.LazyFrame, tagged: Frame) -> pl.LazyFrame:
    """``posted`` once per theme, with ``theme``, ``score``, ``evidence`` and ``polarity``; none is ``unclear``."""
    tags = lazy(of_source(tagged, REVIEWS), _TAGS).select(*_TAGS).rename({"response_id": "review_id"})
    silent = pl.col("text").str.strip_chars().fill_null("") == ""
    rest = pl.when(silent).then(pl.lit(NO_ANSWER)).otherwise(pl.lit(UNCLEAR))
    return posted.join(tags, on="review_id", how="left").with_columns(pl.col("theme").fill_null(rest))


def reviews_by_theme(
    reviews: Frame,
    tagged: Frame,
    *,
    since: date,
    as_of: date,
    low_stars: float = 3.0,
    scales: Mapping[str, float] | None = None,
    level: float = 0.95,
) -> pl.DataFrame:
    """What public reviews are about, and how those who wrote of it rated us.

    One row per theme that any review posted from ``since`` to ``as_of`` shows, ``unclear`` and ``no answer`` (stars
    without words) at the end: ``theme``; ``reviews``, and of them ``complaints`` and ``praises`` of the theme;
    ``rated``, those with a rating; ``rating``, their mean on a scale to 5; ``low_share`` of them at ``low_stars`` or
    less, with its Wilson interval ``low, high`` (0..1); ``sites``, different ones; ``newest``, the day of the last. A
    review with two themes stands in two rows; means and shares of no rating are null.

    Sites count stars in different ways: ``scales`` gives the best rating of a site, where it is not 5. A rating
    outside its scale is left out. Reviews are written by few, and by the angry and the delighted first: this is what
    others read about us, not what customers think.

    >>> posted = pl.DataFrame({"review_id": ["a", "b"], "site": ["Forum", "Board"], "rating": [2.0, 8.0],
    ...     "text": ["Too dear", "Dear but good"], "posted_at": [date(2026, 3, 1), date(2026, 3, 5)]})
    >>> tags = pl.DataFrame({"response_id": ["a", "b"], "theme": ["price", "price"], "polarity": ["complaint"] * 2})
    >>> reviews_by_theme(posted, tags, since=date(2026, 1, 1), as_of=date(2026, 3, 31), scales={"Board": 10}).select(
    ...     "theme", "reviews", "complaints", "rating", "low_share", "sites").row(0)
    ('price', 2, 2, 3.0, 0.5, 2)
    """
    rating, polarity = pl.col("rating"), pl.col("polarity")
    low, high = wilson((rating <= low_stars).sum(), rating.count(), level=level)
    last = pl.col("theme").is_in([UNCLEAR, NO_ANSWER])
    return (
        _about(_posted(reviews, since, as_of, scales or {}), tagged)
        .unique(["review_id", "theme"], keep="first", maintain_order=True)
        .group_by("theme")
        .agg(
            reviews=pl.len().cast(pl.Int64),
            complaints=(polarity == "complaint").sum().cast(pl.Int64),
            praises=(polarity == "praise").sum().cast(pl.Int64),
            rated=rating.count().cast(pl.Int64),
            rating=rating.mean(),
            low_share=(rating.drop_nulls() <= low_stars).mean(),
            low=low,
            high=high,
            sites=pl.col("site").drop_nulls().n_unique().cast(pl.Int64),
            newest=pl.col("posted_on").max(),
        )
        .sort(last, -pl.col("complaints"), -pl.col("reviews"), "theme")
        .collect()
    )


def themed_reviews(
    reviews: Frame, tagged: Frame, *, since: date, as_of: date, scales: Mapping[str, float] | None = None
) -> pl.DataFrame:
    """The public reviews posted from ``since`` to ``as_of``, each with its themes; the newest first.

    One row per review: ``review_id``; ``account_id`` (null: nobody knows who wrote it); ``site``; ``posted_on``;
    ``rating`` on a scale to 5 (null: none, or outside the site's scale); ``themes``, the surest first, ``unclear`` or
    ``no answer`` where it shows none; ``complaints`` and ``praises``, the themes of each kind; ``text``; ``url``.
    """
    theme, polarity = pl.col("theme"), pl.col("polarity")
    found = (
        _about(_posted(reviews, since, as_of, scales or {}), tagged)
        .sort("review_id", -pl.col("score").fill_null(0.0), "theme")
        .group_by("review_id", maintain_order=True)
        .agg(
            pl.col("account_id", "site", "posted_on", "rating", "text", "url").first(),
            themes=theme.unique(maintain_order=True),
            **{
                f"{kind}s": theme.filter(polarity == kind, ~theme.is_in([UNCLEAR, NO_ANSWER])).unique(
                    maintain_order=True
                )
                for kind in ("complaint", "praise")
            },
        )
    )
    columns = (
        "review_id",
        "account_id",
        "site",
        "posted_on",
        "rating",
        "themes",
        "complaints",
        "praises",
        "text",
        "url",
    )
    return found.select(columns).sort("posted_on", "review_id", descending=[True, False]).collect()
