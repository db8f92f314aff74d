from datetime import date, timedelta
from typing import Any

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from metrics.roadmap import ASKED_FOR, asked_and_shipped, theme_words, unknown_themes
from metrics.theme_vectors import SIZE, text_key
from metrics.themes import load_themes

Row = dict[str, Any]
TODAY, SHIPPED = date(2026, 11, 21), date(2026, 6, 1)
ITEM = {"item_id": pl.String, "title": pl.String, "theme": pl.String, "shipped_on": pl.Date}
TAG = {"source": pl.String, "response_id": pl.String, "theme": pl.String, "evidence": pl.String, "polarity": pl.String}
LINE = {
    "subscription_id": pl.String, "account_id": pl.String, "plan": pl.String, "kind": pl.String, "mrr": pl.Int64,
    "started_on": pl.Date, "ended_on": pl.Date, "cancel_requested_at": pl.Date, "end_kind": pl.String,
}  # fmt: skip
KEYS = {"nps": "response_id", "exit_surveys": "response_id", "reviews": "review_id"}
TIMES = {"nps": "responded_at", "exit_surveys": "submitted_at", "reviews": "posted_at"}


def table(rows: list[Row], schema: dict[str, Any]) -> pl.DataFrame:
    return pl.DataFrame([dict.fromkeys(schema) | row for row in rows], schema, orient="row")


def item(theme: str = "missing_feature", shipped: date | None = SHIPPED, **more: Any) -> Row:
    return {"item_id": "1", "title": "Saved replies", "theme": theme, "shipped_on": shipped} | more


def wish(on: date, account: str | None = "a", source: str = "nps", theme: str = "missing_feature", **more: Any) -> Row:
    row = {"response_id": f"{account}{on}", "account_id": account, "on": on, "source": source, "theme": theme}
    return row | {"evidence": "We miss it", "polarity": "complaint"} | more


def served(account: str = "a", end: date | None = None, **more: Any) -> Row:
    row = {"subscription_id": account, "account_id": account, "plan": "Team", "kind": "paid", "mrr": 9_900}
    return row | {"started_on": date(2025, 1, 1), "ended_on": end, "end_kind": "requested" if end else None} | more


def asked(items: list[Row], wishes: list[Row], lines: list[Row] | None = None, **more: Any) -> pl.DataFrame:
    said = {
        source: table(
            [{key: w["response_id"], "account_id": w["account_id"], TIMES[source]: w["on"]} for w in wishes
             if w["source"] == source],
            {key: pl.String, "account_id": pl.String, TIMES[source]: pl.Date},
        )
        for source, key in KEYS.items()
    }  # fmt: skip
    lines = [served()] if lines is None else lines
    options: Row = {"as_of": TODAY} | said | more
    tags = table([{name: w[name] for name in TAG} for w in wishes], TAG)
    return asked_and_shipped(table(items, ITEM), tags, table(lines, LINE), **options)


def one(found: pl.DataFrame) -> Row:
    assert found.height == 1
    return found.row(0, named=True)


def test_an_account_that_asked_before_it_shipped_stands_with_its_last_time() -> None:
    wishes = [wish(date(2025, 3, 1)), wish(date(2026, 5, 1), evidence="Still missing"), wish(date(2026, 7, 1))]
    found = one(asked([item()], wishes))
    assert (found["asked_on"], found["evidence"], found["days_to_ship"]) == (date(2026, 5, 1), "Still missing", 31)
    assert (found["times"], found["again_on"]) == (2, date(2026, 7, 1))


def test_who_asked_on_the_day_it_shipped_or_later_is_left_out() -> None:
    assert asked([item()], [wish(SHIPPED), wish(date(2026, 8, 1))]).is_empty()


@pytest.mark.parametrize("shipped", [None, TODAY + timedelta(days=1)])
def test_what_has_not_shipped_is_left_out(shipped: date | None) -> None:
    assert asked([item(shipped=shipped)], [wish(date(2026, 1, 1))]).is_empty()


def test_what_shipped_today_counts() -> None:
    assert asked([item(shipped=TODAY)], [wish(date(2026, 1, 1))]).height == 1


def test_praise_and_other_themes_ask_for_nothing() -> None:
    assert asked(
        [item()], [wish(date(2026, 1, 1), polarity="praise"), wish(date(2026, 1, 2), theme="price")]
    ).is_empty()


def test_a_review_of_an_unknown_author_asks_for_nobody() -> None:
    wishes = [wish(date(2026, 1, 1), None, "reviews"), wish(date(2026, 1, 2), "a", "reviews")]
    assert one(asked([item()], wishes))["source"] == "reviews"


def test_ids_of_different_sources_are_kept_apart() -> None:
    wishes = [
        wish(date(2026, 1, 1), "a", "nps", response_id="1"),
        wish(date(2026, 1, 2), "b", "exit_surveys", "price", response_id="1"),
    ]
    assert one(asked([item()], wishes, [served("a"), served("b")]))["account_id"] == "a"


def test_a_code_chosen_on_leaving_asks_too() -> None:
    said = pl.DataFrame(
        {"response_id": ["r"], "account_id": ["a"], "submitted_at": [date(2026, 1, 5)], "reason": ["lacks"]}
    )
    codes = {"lacks": "missing_feature"}
    found = one(asked([item()], [], exit_surveys=said, reason_themes=codes))
    assert (found["source"], found["evidence"], found["asked_on"]) == ("exit_surveys", None, date(2026, 1, 5))
    assert asked([item()], [], exit_surveys=said).is_empty()


def test_the_gone_come_first_with_what_they_paid_last_then_the_leaving_then_the_paying_by_money() -> None:
    lines = [
        served("gone", date(2026, 7, 1), mrr=4_000),
        served("gone", date(2026, 7, 1), mrr=1_000, subscription_id="second"),
        served("gone", date(2026, 2, 1), mrr=9_000, subscription_id="earlier"),
        served("small", mrr=100),
        served("large", mrr=900),
        served("leaving", mrr=10, cancel_requested_at=date(2026, 11, 1)),
        served("paused", date(2026, 11, 1), end_kind="changed"),
        served("paused", kind="paused", mrr=0, started_on=date(2026, 11, 1)),
        served("free", kind="free", mrr=0),
    ]
    wishes = [wish(date(2026, 1, 1), name) for name in ("free", "gone", "large", "leaving", "never", "paused", "small")]
    found = asked([item()], wishes, lines).select("account_id", "status", "mrr", "left_on").rows()
    assert found == [
        ("gone", "gone", 5_000, date(2026, 7, 1)),
        ("leaving", "leaving", 10, None),
        ("large", "paying", 900, None),
        ("small", "paying", 100, None),
        ("paused", "not paying", 0, None),
    ]


def test_the_health_band_stands_beside_where_it_is_known() -> None:
    bands = pl.DataFrame({"account_id": ["a"], "band": ["red"]})
    assert one(asked([item()], [wish(date(2026, 1, 1))], bands=bands))["band"] == "red"
    assert one(asked([item()], [wish(date(2026, 1, 1))]))["band"] is None


def unit(*numbers: float) -> list[float]:
    return [*numbers, *[0.0] * (SIZE - len(numbers))]


def test_with_vectors_the_time_that_comes_nearest_to_the_item_is_shown() -> None:
    texts = {"Saved replies": unit(1.0), "Store my answers": unit(0.6, 0.8), "Merge contacts": unit(0.0, 1.0)}
    vectors = pl.DataFrame(
        {"key": [text_key(text) for text in texts], "vector": list(texts.values())},
        schema={"key": pl.String, "vector": pl.Array(pl.Float32, SIZE)},
    )
    wishes = [
        wish(date(2026, 1, 1), evidence="Store my answers"),
        wish(date(2026, 2, 1), evidence="Merge contacts"),
        wish(date(2026, 3, 1), evidence="Never seen"),
    ]
    found = one(asked([item()], wishes, vectors=vectors))
    assert (found["asked_on"], found["evidence"]) == (date(2026, 1, 1), "Store my answers")
    assert found["likeness"] == pytest.approx(0.6)
    assert found["likeness"] >= ASKED_FOR
    assert one(asked([item()], wishes))["likeness"] is None


THEMES = load_themes(
    '[languages.en]\nscript = "latin"\n[[themes]]\nid = "missing_feature"\nname = "Missing feature"\n'
    'reasons = ["features"]\n[[themes]]\nid = "old"\nname = "Lacks"\nmerged_into = "missing_feature"\n'
)


@pytest.mark.parametrize(
    "written", ["missing_feature", "Missing Feature", " missing-feature ", "features", "old", "Lacks"]
)
def test_a_roadmap_may_name_a_theme_in_any_of_its_ways(written: str) -> None:
    words = theme_words(THEMES)
    assert one(asked([item(written)], [wish(date(2026, 1, 1))], theme_ids=words))["theme"] == "missing_feature"
    assert unknown_themes(table([item(written)], ITEM), words).is_empty()


def test_items_whose_theme_nobody_knows_are_listed_and_match_nobody() -> None:
    items = [item("looks", item_id="2"), item(None, item_id="3"), item()]  # type: ignore[arg-type]
    unknown = unknown_themes(table(items, ITEM), theme_words(THEMES))
    assert unknown.select("item_id", "theme").rows() == [("2", "looks"), ("3", None)]
    assert unknown_themes(table(items, ITEM), ["missing_feature"])["item_id"].to_list() == ["2", "3"]
    wishes = [wish(date(2026, 1, 1), theme="looks")]
    assert asked(items, wishes, theme_ids=theme_words(THEMES)).is_empty()


def test_without_a_roadmap_or_answers_there_are_no_rows() -> None:
    assert asked([], [wish(date(2026, 1, 1))]).is_empty()
    assert asked([item()], []).columns[:4] == ["item_id", "title", "theme", "shipped_on"]


# --- in plain loops ---------------------------------------------------------------------------------------------------

DAYS = st.integers(0, 700).map(lambda day: date(2025, 1, 1) + timedelta(days=day))
WISHES = st.lists(
    st.builds(
        wish, DAYS, st.sampled_from(["a", "b", "c", None]), st.sampled_from(sorted(KEYS)),
        st.sampled_from(["missing_feature", "slow", "unclear"]), polarity=st.sampled_from(["complaint", "praise"]),
    ),
    max_size=12,
)  # fmt: skip
ITEMS = st.lists(st.builds(item, st.sampled_from(["missing_feature", "slow"]), st.none() | DAYS), max_size=4)


@pytest.mark.slow
@settings(max_examples=60, deadline=None)
@given(ITEMS, WISHES)
def test_who_asked_for_what_agrees_with_plain_loops(items: list[Row], wishes: list[Row]) -> None:
    items = [row | {"item_id": str(n)} for n, row in enumerate(items)]
    wishes = [row | {"response_id": str(n)} for n, row in enumerate(wishes)]
    told = {}
    for shipped in items:
        if shipped["shipped_on"] is None or shipped["shipped_on"] > TODAY:
            continue
        for account in "ab":  # nobody ever paid for c
            own = [
                w["on"] for w in wishes
                if w["account_id"] == account and w["theme"] == shipped["theme"] and w["polarity"] == "complaint"
                and w["on"] <= TODAY
            ]  # fmt: skip
            before = [on for on in own if on < shipped["shipped_on"]]
            after = [on for on in own if on >= shipped["shipped_on"]]
            if before:
                told[shipped["item_id"], account] = (max(before), len(before), min(after, default=None))
    found = asked(items, wishes, [served("a"), served("b", date(2026, 3, 1))])
    rows = found.select("item_id", "account_id", "asked_on", "times", "again_on").rows()
    assert {(item_id, account): tuple(rest) for item_id, account, *rest in rows} == told
    assert len(rows) == len(told)
