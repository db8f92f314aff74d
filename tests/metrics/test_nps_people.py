"""What detractors and promoters write about, and who waits for an answer; against plain loops and literal numbers."""

from datetime import date, datetime
from typing import Any

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from metrics.nps_people import by_theme, group_of, unanswered

AS_OF = date(2024, 3, 15)


def said(*rows: tuple[Any, ...], columns: str = "account_id user_id responded_at score") -> pl.DataFrame:
    kinds = {"responded_at": pl.Date, "sent_at": pl.Date, "score": pl.Int64}
    return pl.DataFrame(rows, schema={name: kinds.get(name, pl.String) for name in columns.split()}, orient="row")


def sent(*rows: tuple[Any, ...]) -> pl.DataFrame:
    schema = {"account_id": pl.String, "user_id": pl.String, "direction": pl.String, "occurred_at": pl.Date}
    return pl.DataFrame(rows, schema=schema, orient="row")


def waiting(responses: pl.DataFrame, touches: pl.DataFrame | None = None, **how: Any) -> list[Any]:
    return unanswered(responses, touches, as_of=AS_OF, **how)["user_id"].to_list()


# --- who waits --------------------------------------------------------------------------------------------------


ANN = said(("a", "ann", date(2024, 3, 5), 3))


@pytest.mark.parametrize(
    ("touch", "waits"),
    [
        (("a", "ann", "out", date(2024, 3, 6)), False),
        (("a", None, "out", date(2024, 3, 6)), False),
        (("a", "bob", "out", date(2024, 3, 6)), False),
        (("a", "ann", "out", AS_OF), False),
        (("a", "ann", "in", date(2024, 3, 6)), True),
        (("a", "ann", "out", date(2024, 3, 4)), True),
        (("a", "ann", "out", date(2024, 3, 5)), True),
        (("a", "ann", "out", date(2024, 3, 16)), True),
        (("b", "ann", "out", date(2024, 3, 6)), True),
    ],
)
def test_an_outbound_contact_after_the_answer_and_not_ahead_answers_it(touch: tuple[Any, ...], waits: bool):
    assert waiting(ANN, sent(touch)) == (["ann"] if waits else [])


def test_who_is_to_hear_from_us_may_be_the_person():
    to_bob, to_nobody = ("a", "bob", "out", date(2024, 3, 6)), ("a", None, "out", date(2024, 3, 6))
    assert waiting(ANN, sent(to_bob), reached="person") == ["ann"]
    assert waiting(ANN, sent(to_nobody), reached="person") == []
    assert waiting(said(("a", None, date(2024, 3, 5), 3)), sent(to_bob), reached="person") == []
    with pytest.raises(ValueError, match="Hint: "):
        waiting(ANN, sent(to_bob), reached="people")


def test_the_time_of_day_decides_on_the_same_day():
    responses = pl.DataFrame({
        "account_id": ["a", "b"], "score": [3, 3], "responded_at": [datetime(2024, 3, 5, 12)] * 2, "user_id": ["x", "y"]
    })  # fmt: skip
    touches = pl.DataFrame(
        {
            "account_id": ["a", "b"],
            "direction": ["out", "out"],
            "occurred_at": [datetime(2024, 3, 5, 13), datetime(2024, 3, 5, 11)],
        }
    )
    assert waiting(responses, touches) == ["y"]
    aware = [
        frame.with_columns(pl.col(pl.Datetime).dt.replace_time_zone("Europe/Berlin")) for frame in (responses, touches)
    ]
    assert waiting(*aware) == ["y"]


def test_only_the_newest_answer_of_a_person_makes_a_detractor():
    frame = said(
        ("a", "ann", date(2024, 1, 5), 3),
        ("a", "ann", date(2024, 3, 5), 9),
        ("a", "bob", date(2024, 1, 5), 10),
        ("a", "bob", date(2024, 3, 5), 6),
        ("a", "cyd", date(2024, 3, 5), 7),
        ("a", "dan", date(2024, 3, 20), 0),
        ("a", "eve", date(2024, 3, 5), None),
        ("a", "fay", date(2024, 3, 5), 11),
        ("a", "gus", None, 0),
    )
    assert waiting(frame) == ["bob"]
    assert unanswered(frame, None, as_of=AS_OF).select("score", "answered_on", "days").row(0) == (
        6,
        date(2024, 3, 5),
        10,
    )


def test_answers_of_nobody_known_stand_for_themselves():
    frame = said(("a", None, date(2024, 3, 4), 3), ("a", None, date(2024, 3, 5), 9), ("a", None, date(2024, 3, 6), 0))
    assert unanswered(frame, None, as_of=AS_OF)["score"].to_list() == [3, 0]


def test_since_bounds_the_answers_and_not_what_replaces_them():
    frame = said(("a", "ann", date(2024, 1, 5), 3), ("a", "bob", date(2024, 3, 5), 6))
    assert waiting(frame, since=date(2024, 2, 1)) == ["bob"]


def test_people_are_named_and_those_who_left_their_company_are_not_listed():
    frame = said(*(("a", name, date(2024, 3, 5), 1) for name in ("ann", "bob", "cyd", "dan")))
    people = pl.DataFrame(
        {
            "user_id": ["ann", "bob", "cyd"],
            "name": ["Ann", None, "Cyd"],
            "email": ["ann@x.y", "bob@x.y", None],
            "left_at": [None, date(2024, 3, 16), date(2024, 3, 15)],
        }
    )
    listed = unanswered(frame, None, people=people, as_of=AS_OF).select("user_id", "person").rows()
    assert listed == [("ann", "Ann"), ("bob", "bob@x.y"), ("dan", None)]


def test_the_dearest_account_comes_first_and_one_that_is_not_known_last():
    frame = said(*((name, f"p{name}", date(2024, 3, day), 2) for name, day in (("a", 5), ("b", 5), ("c", 5), ("d", 1))))
    accounts = pl.DataFrame({
        "account_id": ["a", "b", "d"], "name": ["Acme", "Bolt", "Dot"], "mrr": [100, 900, 100],
        "score": [61.0, None, 20.0], "band": ["yellow", "unknown", "red"],
    })  # fmt: skip
    table = unanswered(frame, None, accounts=accounts, as_of=AS_OF)
    assert table.columns == [
        "response_id", "account_id", "user_id", "person", "account", "score", "comment", "survey", "kind",
        "answered_on", "days", "planned_on", "mrr", "health", "band",
    ]  # fmt: skip
    assert table.select("account", "mrr", "health", "band", "days").rows() == [
        ("Bolt", 900, None, "unknown", 10),
        ("Dot", 100, 20.0, "red", 14),
        ("Acme", 100, 61.0, "yellow", 10),
        (None, None, None, None, 10),
    ]


def test_the_next_planned_contact_is_shown_and_answers_nothing_yet():
    ahead = [("a", "ann", "out", date(2024, 4, day)) for day in (9, 2)]
    table = unanswered(ANN, sent(*ahead, ("a", "ann", "in", date(2024, 3, 20))), as_of=AS_OF)
    assert table["planned_on"].to_list() == [date(2024, 4, 2)]


def test_nobody_asked_is_nobody_waiting():
    assert unanswered(ANN.clear(), None, as_of=AS_OF).is_empty()
    assert unanswered(ANN.drop("user_id"), sent(), as_of=AS_OF)["score"].to_list() == [3]


people = st.sampled_from(["ann", "bob", None])
spring = st.dates(date(2024, 2, 1), date(2024, 4, 10))
some_answers = st.lists(
    st.tuples(st.sampled_from("ab"), people, spring, st.integers(0, 10)), max_size=12, unique_by=lambda row: row[2]
)
some_touches = st.lists(st.tuples(st.sampled_from("ab"), people, st.sampled_from(["in", "out"]), spring), max_size=8)


@given(some_answers, some_touches, st.sampled_from(["account", "person"]))
def test_who_waits_agrees_with_plain_loops(rows: list[tuple[Any, ...]], touches: list[tuple[Any, ...]], reached: Any):
    newest: dict[tuple[Any, ...], tuple[Any, ...]] = {}
    for row in sorted(rows, key=lambda row: row[2]):
        if row[2] <= AS_OF:
            newest[(row[0], row[1] or row[2])] = row

    def answers(touch: tuple[Any, ...], row: tuple[Any, ...]) -> bool:
        account, person, way, day = touch
        to_them = reached == "account" or None in (person, row[1]) or person == row[1]
        return account == row[0] and to_them and way == "out" and row[2] < day <= AS_OF

    expected = {row for row in newest.values() if row[3] <= 6 and not any(answers(touch, row) for touch in touches)}
    table = unanswered(said(*rows), sent(*touches), as_of=AS_OF, reached=reached)
    assert set(table.select("account_id", "user_id", "answered_on", "score").rows()) == expected
    assert table.height == len(expected)


# --- what they write about --------------------------------------------------------------------------------------


def tags(*rows: tuple[str, str, str | None]) -> pl.DataFrame:
    schema = {"response_id": pl.String, "theme": pl.String, "polarity": pl.String}
    return pl.DataFrame(rows, schema=schema, orient="row").with_columns(score=pl.lit(0.9))


TOLD = said(
    ("1", "a", 3), ("2", "a", 6), ("3", "b", 0), ("4", "b", 10), ("5", "c", 9), ("6", "c", 7), ("7", "d", None),
    columns="response_id account_id score",
)  # fmt: skip
TAGS = tags(
    ("1", "price", "complaint"),
    ("1", "slow", "complaint"),
    ("2", "price", "complaint"),
    ("2", "support", "praise"),
    ("3", "unclear", None),
    ("4", "support", "praise"),
    ("5", "unclear", "praise"),
    ("5", "price", "complaint"),
    ("7", "price", "complaint"),
    ("9", "price", "complaint"),
)


def test_detractors_and_promoters_are_told_apart_and_complaint_from_praise():
    table = by_theme(TOLD, TAGS)
    assert table.columns == ["group", "theme", "polarity", "comments", "accounts", "of", "share", "low", "high"]
    assert table.select("group", "theme", "polarity", "comments", "accounts", "of").rows() == [
        ("detractors", "price", "complaint", 2, 1, 3),
        ("detractors", "slow", "complaint", 1, 1, 3),
        ("detractors", "support", "praise", 1, 1, 3),
        ("detractors", "unclear", None, 1, 1, 3),
        ("promoters", "price", "complaint", 1, 1, 2),
        ("promoters", "support", "praise", 1, 1, 2),
        ("promoters", "unclear", "praise", 1, 1, 2),
    ]
    assert table["share"].to_list()[:2] == [2 / 3, 1 / 3]
    assert [round(bound, 4) for bound in table.select("low", "high").row(0)] == [0.2077, 0.9385]


def test_an_answer_without_words_is_in_no_row():
    worded = TOLD.with_columns(comment=pl.Series(["x", " ", "x", "x", None, "x", "x"]))
    table = by_theme(worded, TAGS)
    assert dict(table.select("group", "of").unique().rows()) == {"detractors": 2, "promoters": 1}


def test_what_says_nothing_stands_last():
    loud = tags(("1", "no answer", None), ("2", "unclear", None), ("3", "unclear", None), ("3", "price", "complaint"))
    assert by_theme(TOLD, loud)["theme"].to_list() == ["price", "unclear", "no answer"]


def test_without_tags_or_without_answers_there_is_no_row():
    assert by_theme(TOLD, TAGS.clear()).is_empty()
    assert by_theme(TOLD.clear(), TAGS).is_empty()


@given(
    st.lists(st.integers(0, 10), min_size=1, max_size=12),
    st.lists(
        st.tuples(st.integers(0, 11), st.sampled_from(["price", "slow"]), st.sampled_from(["complaint", "praise"]))
    ),
)
def test_no_theme_is_said_by_more_than_all(scores: list[int], tagged: list[tuple[int, str, str]]):
    frame = said(*((str(n), "a", score) for n, score in enumerate(scores)), columns="response_id account_id score")
    table = by_theme(frame, tags(*((str(place), theme, polarity) for place, theme, polarity in tagged)))
    for row in table.iter_rows(named=True):
        of = {n for n, _, _ in tagged if n < len(scores) and _group(scores[n]) == row["group"]}
        with_it = {
            n for n, theme, polarity in tagged if n in of and (theme, polarity) == (row["theme"], row["polarity"])
        }
        assert (row["comments"], row["of"]) == (len(with_it), len(of))
        assert row["low"] <= row["share"] <= row["high"] <= 1


def _group(score: int) -> str:
    return "detractors" if score <= 6 else "promoters" if score >= 9 else "passives"


def test_every_score_has_its_group():
    assert pl.select(group_of(pl.int_range(0, 11))).to_series().to_list() == [_group(score) for score in range(11)]
