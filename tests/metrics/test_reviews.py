from collections import defaultdict
from datetime import date, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from metrics.reviews import reviews_by_theme, themed_reviews

Row = dict[str, Any]
PERIOD = {"since": date(2026, 1, 1), "as_of": date(2026, 6, 30)}
REVIEW = {
    "review_id": pl.String, "account_id": pl.String, "site": pl.String, "rating": pl.Float64, "text": pl.String,
    "posted_at": pl.Datetime("us", "Europe/Berlin"), "url": pl.String,
}  # fmt: skip
TAG = {"response_id": pl.String, "theme": pl.String, "score": pl.Float64, "polarity": pl.String}


def review(name: str, on: date = date(2026, 3, 1), rating: float | None = 4.0, site: str = "Forum", **more: Any) -> Row:
    at = datetime(on.year, on.month, on.day, 12, tzinfo=ZoneInfo("Europe/Berlin"))
    return {"review_id": name, "posted_at": at, "rating": rating, "site": site, "text": "…"} | more


def tag(name: str, theme: str, polarity: str | None = "complaint", score: float = 0.5, **more: Any) -> Row:
    return {"response_id": name, "theme": theme, "polarity": polarity, "score": score} | more


def posted(rows: list[Row]) -> pl.DataFrame:
    return pl.DataFrame([dict.fromkeys(REVIEW) | row for row in rows], REVIEW, orient="row")


def tags(rows: list[Row]) -> pl.DataFrame:
    sourced = {"source": pl.String} if rows and "source" in rows[0] else {}
    return pl.DataFrame(rows, TAG | sourced, orient="row")


def test_themes_are_ranked_by_complaints_with_their_ratings_and_the_rest_at_the_end() -> None:
    reviews = [
        review("a", rating=1.0),
        review("b", rating=4.0, on=date(2026, 5, 2), site="Board"),
        review("c", rating=5.0),
        review("d", rating=None),
        review("e", rating=2.0, text=" "),
    ]
    found = [
        *(tag(name, "price") for name in "ab"),
        tag("a", "slow"),
        tag("c", "support", "praise"),
        tag("d", "unclear", None),
        tag("e", "no answer", None),
    ]
    columns = ("theme", "reviews", "complaints", "praises", "rated", "rating", "low_share", "sites", "newest")
    assert reviews_by_theme(posted(reviews), tags(found), **PERIOD).select(columns).rows() == [
        ("price", 2, 2, 0, 2, 2.5, 0.5, 2, date(2026, 5, 2)),
        ("slow", 1, 1, 0, 1, 1.0, 1.0, 1, date(2026, 3, 1)),
        ("support", 1, 0, 1, 1, 5.0, 0.0, 1, date(2026, 3, 1)),
        ("no answer", 1, 0, 0, 1, 2.0, 1.0, 1, date(2026, 3, 1)),
        ("unclear", 1, 0, 0, 0, None, None, 1, date(2026, 3, 1)),
    ]


def test_the_share_of_low_ratings_has_wilsons_interval_and_none_without_ratings() -> None:
    reviews = [review("a", rating=1.0), review("b", rating=5.0), review("c", rating=None)]
    found = reviews_by_theme(posted(reviews), tags([tag("a", "x"), tag("b", "x"), tag("c", "y")]), **PERIOD)
    assert [round(value, 4) for value in found.select("low", "high").row(0)] == [0.0945, 0.9055]
    assert found.select("low", "high").row(1) == (None, None)


def test_three_stars_are_low_and_the_border_can_be_set() -> None:
    table, about = posted([review("a", rating=3.0)]), tags([tag("a", "x")])
    assert reviews_by_theme(table, about, **PERIOD).select("low_share", "high").row(0) == (1.0, 1.0)
    assert reviews_by_theme(table, about, low_stars=2.5, **PERIOD).select("low_share", "low").row(0) == (0.0, 0.0)


def test_stars_of_all_sites_are_shown_to_five_and_those_outside_their_scale_left_out() -> None:
    table = posted([review("a", rating=8.0, site="Ten"), review("b", rating=8.0), review("c", rating=-1.0)])
    found = reviews_by_theme(table, tags([]), scales={"Ten": 10.0}, **PERIOD).row(0, named=True)
    assert (found["reviews"], found["rated"], found["rating"]) == (3, 1, 4.0)


def test_a_review_that_is_not_tagged_yet_is_unclear_and_one_without_words_no_answer() -> None:
    found = reviews_by_theme(posted([review("a"), review("b", text=None), review("c", text=" \n")]), tags([]), **PERIOD)
    assert found.select("theme", "reviews").rows() == [("no answer", 2), ("unclear", 1)]


def test_only_reviews_of_the_period_count_both_days_included() -> None:
    days = [date(2025, 12, 31), date(2026, 1, 1), date(2026, 6, 30), date(2026, 7, 1)]
    found = reviews_by_theme(posted([review(str(n), day) for n, day in enumerate(days)]), tags([]), **PERIOD)
    assert found["reviews"].to_list() == [2]


def test_themes_of_other_sources_are_not_taken_for_a_reviews() -> None:
    found = tags([tag("1", "price", source="nps"), tag("1", "slow", source="reviews")])
    assert reviews_by_theme(posted([review("1")]), found, **PERIOD)["theme"].to_list() == ["slow"]


def test_the_list_has_each_review_once_with_its_themes_the_surest_first_the_newest_on_top() -> None:
    reviews = [
        review("old", date(2026, 2, 1)),
        review("new", date(2026, 4, 1), 2.0, url="https://example.com", text="Hm"),
    ]
    found = [tag("new", "slow", score=0.4), tag("new", "price", score=0.9), tag("new", "ease", "praise", 0.1)]
    columns = ("review_id", "rating", "themes", "complaints", "praises", "text", "url")
    assert themed_reviews(posted(reviews), tags(found), **PERIOD).select(columns).rows() == [
        ("new", 2.0, ["price", "slow", "ease"], ["price", "slow"], ["ease"], "Hm", "https://example.com"),
        ("old", 4.0, ["unclear"], [], [], "…", None),
    ]


def test_without_reviews_there_are_no_rows() -> None:
    assert reviews_by_theme(posted([]), tags([]), **PERIOD).is_empty()
    assert themed_reviews(posted([]), tags([]), **PERIOD).is_empty()


NAMES = "abcdef"
REVIEWS = st.lists(
    st.builds(
        review,
        st.sampled_from(NAMES),
        st.integers(0, 250).map(lambda day: date(2025, 12, 1) + timedelta(days=day)),
        st.none() | st.sampled_from([1.0, 2.5, 3.0, 3.5, 5.0, 6.0]),
        st.sampled_from(["Forum", "Board"]),
    ),
    max_size=6,
    unique_by=lambda row: row["review_id"],
)
TAGS = st.lists(
    st.builds(
        tag, st.sampled_from(NAMES), st.sampled_from(["x", "y", "unclear"]), st.sampled_from(["complaint", "praise"])
    ),
    max_size=10,
    unique_by=lambda row: (row["response_id"], row["theme"]),
)


@pytest.mark.slow
@settings(max_examples=60, deadline=None)
@given(REVIEWS, TAGS)
def test_the_table_agrees_with_plain_loops(reviews: list[Row], found: list[Row]) -> None:
    told: dict[str, list[Row]] = defaultdict(list)
    for row in reviews:
        if not PERIOD["since"] <= row["posted_at"].date() <= PERIOD["as_of"]:
            continue
        for theme in [t["theme"] for t in found if t["response_id"] == row["review_id"]] or ["unclear"]:
            told[theme].append(row)
    table = reviews_by_theme(posted(reviews), tags(found), **PERIOD)
    assert sorted(table["theme"]) == sorted(told)
    for line in table.rows(named=True):
        own = told[line["theme"]]
        stars = [row["rating"] for row in own if row["rating"] is not None and row["rating"] <= 5]
        assert (line["reviews"], line["rated"]) == (len(own), len(stars))
        assert line["rating"] == (pytest.approx(sum(stars) / len(stars)) if stars else None)
        assert line["low_share"] == (sum(star <= 3 for star in stars) / len(stars) if stars else None)
        assert line["sites"] == len({row["site"] for row in own})
        assert line["newest"] == max(row["posted_at"].date() for row in own)
    listed = themed_reviews(posted(reviews), tags(found), **PERIOD)
    assert listed["themes"].explode().value_counts().sort("themes").rows() == [
        (theme, len(rows)) for theme, rows in sorted(told.items())
    ]
