from datetime import date, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from metrics.churn_reasons import ending, judged, leavers, reason_trend, reasons, totals
from metrics.regrettable import split_regrettable
from metrics.revenue import account_movements, movements
from tests.metrics.churn_oracle import Row, attributed, money

ZONE = ZoneInfo("Europe/Berlin")
TODAY = date(2026, 11, 21)
CODES = {"too_expensive": "price", "lacks": "missing_feature", "rival": "competitor"}
SUBSCRIPTION = {
    "subscription_id": pl.String,
    "account_id": pl.String,
    "plan": pl.String,
    "kind": pl.String,
    "mrr": pl.Int64,
    "started_on": pl.Date,
    "ended_on": pl.Date,
    "cancel_requested_at": pl.Datetime("us"),
    "end_kind": pl.String,
}
ANSWER = {
    "response_id": pl.String,
    "account_id": pl.String,
    "submitted_at": pl.Datetime("us", "Europe/Berlin"),
    "outcome": pl.String,
    "reason": pl.String,
    "comment": pl.String,
    "competitor": pl.String,
    "would_return": pl.Int64,
    "ease": pl.Int64,
    "regrettable": pl.Boolean,
}
TAG = {"response_id": pl.String, "theme": pl.String, "score": pl.Float64, "evidence": pl.String, "polarity": pl.String}


def served(account: str, start: date, end: date | None, mrr: int = 10_000, **more: Any) -> Row:
    row = {"subscription_id": f"{account}-{start}", "account_id": account, "plan": "Team", "kind": "paid", "mrr": mrr}
    return row | {"started_on": start, "ended_on": end} | more


def answer(response: str, account: str, on: date, **more: Any) -> Row:
    row = {"response_id": response, "account_id": account, "outcome": "left"}
    return row | {"submitted_at": datetime(on.year, on.month, on.day, 12, tzinfo=ZONE)} | more


def tag(response: str, theme: str, polarity: str = "complaint", score: float = 0.8) -> Row:
    return {"response_id": response, "theme": theme, "score": score, "evidence": "…", "polarity": polarity}


def table(rows: list[Row], schema: dict[str, Any]) -> pl.DataFrame:
    full = [dict.fromkeys(schema) | row for row in rows]
    return pl.DataFrame(full, schema=schema, orient="row")


def gone(
    stretches: list[Row],
    answers: list[Row] | None = None,
    tags: list[Row] | None = None,
    *,
    since: date = date(2026, 1, 1),
    until: date = TODAY,
    **more: Any,
) -> pl.DataFrame:
    """The leavers of a company, its movements worked out over two years."""
    lines = table(stretches, SUBSCRIPTION)
    moved = account_movements(lines, since=date(2024, 12, 1), until=TODAY, as_of=TODAY)
    said = table(answers or [], ANSWER)
    known = {"reason_themes": CODES} | more
    return leavers(moved, lines, said, table(tags or [], TAG), since=since, until=until, **known)


def one(left: pl.DataFrame) -> Row:
    assert left.height == 1
    return left.row(0, named=True)


LEFT = served("a", date(2025, 1, 1), date(2026, 3, 20))


# --- who left, when, and what it cost -----------------------------------------------------------------------------


def test_a_leaver_has_the_day_service_ended_the_money_lost_and_its_tenure() -> None:
    found = one(gone([LEFT]))
    assert (found["month"], found["ended_on"], found["lost_mrr"]) == (date(2026, 3, 1), date(2026, 3, 20), 10_000)
    assert (found["plan"], found["tenure_days"], found["tenure"], found["state"]) == (
        "Team",
        443,
        "one to two years",
        "final",
    )


@pytest.mark.parametrize(
    ("start", "end", "days", "band"),
    [
        (date(2024, 2, 29), date(2026, 2, 27), 729, "one to two years"),
        (date(2024, 2, 29), date(2026, 2, 28), 730, "over two years"),
        (date(2025, 2, 28), date(2026, 2, 28), 365, "one to two years"),
        (date(2026, 1, 31), date(2026, 4, 30), 89, "under 90 days"),
        (date(2026, 1, 31), date(2026, 5, 1), 90, "90 days to a year"),
    ],
)
def test_tenure_is_counted_in_days_over_29_february_and_month_ends(start, end, days, band) -> None:
    found = one(gone([served("a", start, end)]))
    assert (found["tenure_days"], found["tenure"], found["month"]) == (days, band, end.replace(day=1))


def test_of_two_subscriptions_the_first_day_of_either_counts_and_the_last_end_of_both() -> None:
    second = served("a", date(2024, 2, 29), date(2026, 4, 30), subscription_id="t", line_id="t")
    found = one(gone([served("a", date(2025, 5, 31), date(2026, 3, 31)), second]))
    assert (found["ended_on"], found["tenure_days"]) == (date(2026, 4, 30), 791)


def test_service_ends_with_the_last_line_whatever_the_order_of_rows() -> None:
    addon = served("a", date(2025, 6, 1), date(2026, 3, 5), line_id="addon")
    assert one(gone([LEFT, addon]))["ended_on"] == date(2026, 3, 20)


def test_a_change_of_price_in_the_month_of_leaving_is_no_end() -> None:
    first = served("a", date(2025, 1, 1), date(2026, 3, 5), end_kind="payment_failed")
    then = served("a", date(2026, 3, 5), date(2026, 3, 25))
    found = one(gone([first, then]))
    assert (found["ended_on"], found["status"]) == (date(2026, 3, 25), "not asked")


def test_who_pays_nothing_from_now_on_has_left_though_a_free_plan_serves_them() -> None:
    assert one(gone([LEFT, served("a", date(2026, 3, 20), None, mrr=0, kind="free")]))["ended_on"] == date(2026, 3, 20)


def test_a_pause_that_ends_in_leaving_counts_without_money_at_its_own_end() -> None:
    pause = served("a", date(2026, 3, 20), date(2026, 5, 11), kind="paused", mrr=0)
    found = one(gone([LEFT, pause]))
    assert (found["month"], found["ended_on"]) == (date(2026, 5, 1), date(2026, 5, 11))
    assert (found["lost_mrr"], found["left_after_pause"]) == (0, 10_000)


def test_a_pause_that_outlasts_its_limit_ends_on_the_day_it_does() -> None:
    found = one(gone([LEFT, served("a", date(2026, 3, 20), None, kind="paused", mrr=0)]))
    assert (found["month"], found["ended_on"]) == (date(2026, 6, 1), date(2026, 6, 18))


def test_a_pause_written_in_two_rows_is_one_pause() -> None:
    first = served("a", date(2026, 3, 20), date(2026, 6, 5), kind="paused", mrr=0)
    assert one(gone([LEFT, first, first | {"started_on": date(2026, 6, 5), "ended_on": None}]))["ended_on"] == date(
        2026, 6, 18
    )


def test_a_pause_that_begins_within_the_grace_is_counted_from_its_first_day() -> None:
    pause = served("a", date(2026, 3, 5), None, kind="paused", mrr=0)
    found = one(gone([served("a", date(2025, 1, 1), date(2026, 3, 1)), pause]))
    assert (found["month"], found["ended_on"]) == (date(2026, 6, 1), date(2026, 6, 3))


def test_a_return_after_leaving_and_a_second_leaving_are_two_churns() -> None:
    back = served("a", date(2026, 6, 1), date(2026, 9, 10))
    assert gone([LEFT, back])["ended_on"].to_list() == [date(2026, 3, 20), date(2026, 9, 10)]


def test_a_contraction_a_late_renewal_and_a_planned_end_are_no_leavers() -> None:
    smaller = [served("b", date(2025, 1, 1), date(2026, 3, 1), 9_000), served("b", date(2026, 3, 1), None, 500)]
    late = [served("c", date(2025, 1, 1), TODAY - timedelta(days=9))]
    planned = [served("d", date(2025, 1, 1), TODAY + timedelta(days=9))]
    assert gone(smaller + late + planned).is_empty()


def test_the_period_takes_whole_months() -> None:
    assert gone([LEFT], since=date(2026, 3, 31), until=date(2026, 3, 31)).height == 1
    assert gone([LEFT], since=date(2026, 4, 1)).is_empty()


def test_the_running_month_is_provisional() -> None:
    assert one(gone([served("a", date(2025, 1, 1), TODAY, end_kind="requested")]))["state"] == "provisional"


def test_a_subsidiary_folded_into_its_parent_answers_for_it() -> None:
    lines = table([served("sub", date(2025, 1, 1), date(2026, 3, 20))], SUBSCRIPTION)
    family = pl.DataFrame({"account_id": ["sub", "top"], "parent_id": ["top", None], "segment": ["small", "large"]})
    moved = account_movements(
        lines, since=date(2026, 1, 1), until=TODAY, as_of=TODAY, unit="parent_id", accounts=family
    )
    said = table([answer("r", "sub", date(2026, 3, 1), reason="lacks")], ANSWER)
    period = {"since": date(2026, 1, 1), "until": TODAY}
    left = leavers(
        moved, lines.lazy(), said.lazy(), table([], TAG), family, unit="parent_id", reason_themes=CODES, **period
    )
    assert left.select("account_id", "segment", "ended_on", "response_id").row(0) == (
        "top",
        "large",
        date(2026, 3, 20),
        "r",
    )


# --- which answer belongs to whom ---------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("days", "found"), [(-91, None), (-90, "r"), (0, "r"), (60, "r"), (61, None)], ids=lambda value: str(value)
)
def test_an_answer_belongs_from_90_days_before_to_60_after_the_end(days: int, found: str | None) -> None:
    said = answer("r", "a", date(2026, 3, 20) + timedelta(days=days), reason="lacks")
    left = one(gone([LEFT], [said]))
    assert left["response_id"] == found
    assert left["status"] == ("answered" if found else "not asked")


@pytest.mark.parametrize(
    ("outcome", "status"), [("stayed", "not asked"), ("downgraded", "not asked"), (None, "answered")]
)
def test_only_answers_on_leaving_count(outcome: str | None, status: str) -> None:
    said = answer("r", "a", date(2026, 3, 10), reason="lacks", outcome=outcome)
    assert one(gone([LEFT], [said]))["status"] == status


def test_of_several_answers_the_one_nearest_the_end_counts() -> None:
    said = [
        answer("early", "a", date(2026, 3, 1), reason="lacks"),
        answer("near", "a", date(2026, 3, 22), reason="rival"),
        answer("late", "a", date(2026, 4, 22), reason="too_expensive"),
    ]
    assert one(gone([LEFT], said))["themes"] == ["competitor"]


def test_an_empty_answer_does_not_hide_one_that_tells_why() -> None:
    said = [
        answer("told", "a", date(2026, 3, 1), reason="lacks"),
        answer("empty", "a", date(2026, 3, 20), comment="  ", reason=""),
    ]
    assert one(gone([LEFT], said))["response_id"] == "told"


def test_an_answer_between_two_churns_belongs_to_the_nearer_alone() -> None:
    twice = [LEFT | {"end_kind": "requested"}, served("a", date(2026, 4, 1), date(2026, 6, 10))]
    said = [answer("r", "a", date(2026, 4, 10), reason="lacks")]
    assert gone(twice, said)["response_id"].to_list() == ["r", None]
    assert one(gone(twice, said, since=date(2026, 6, 1)))["status"] == "not asked"


def test_of_answers_as_near_the_later_counts_then_the_higher_id() -> None:
    before, after = (
        answer(name, "a", day, reason="lacks") for name, day in (("y", date(2026, 3, 18)), ("x", date(2026, 3, 22)))
    )
    assert one(gone([LEFT], [before, after]))["response_id"] == "x"
    assert one(gone([LEFT], [after | {"response_id": "z"}, after, before]))["response_id"] == "z"


def test_an_answer_as_near_to_two_ends_belongs_to_the_earlier() -> None:
    twice = [LEFT | {"end_kind": "requested"}, served("a", date(2026, 4, 1), date(2026, 5, 9))]
    said = [answer("r", "a", date(2026, 4, 14), reason="lacks")]
    assert gone(twice, said)["response_id"].to_list() == ["r", None]


def test_an_answer_given_after_today_is_not_known_yet() -> None:
    said = [answer("r", "a", date(2026, 4, 10), reason="lacks")]
    assert one(gone([LEFT], said, as_of=date(2026, 4, 9)))["status"] == "not asked"
    assert one(gone([LEFT], said, as_of=date(2026, 4, 10)))["status"] == "answered"


def test_the_day_of_an_answer_is_the_organisations() -> None:
    said = answer("r", "a", date(2026, 5, 19)) | {"submitted_at": datetime(2026, 5, 20, 0, 30, tzinfo=ZONE)}
    assert one(gone([LEFT], [said]))["status"] == "not asked"


# --- what it says --------------------------------------------------------------------------------------------------


def stating(tags: list[Row] | None = None, **said: Any) -> Row:
    """The leaver that answered this, with the comment's tags."""
    return one(gone([LEFT], [answer("r", "a", date(2026, 3, 18), **said)], tags))


def test_code_and_words_both_count_as_stated() -> None:
    tags = [tag("r", "slow_support", score=0.5), tag("r", "price", score=0.6), tag("r", "slow", score=0.9)]
    found = stating(tags, reason="too_expensive", comment="Too dear, slow, and support sleeps")
    assert found["themes"] == ["price", "slow", "slow_support"]
    assert found["disagrees"] is False


def test_words_on_something_else_than_the_code_disagree_and_both_are_kept() -> None:
    found = stating([tag("r", "unreliable")], reason="too_expensive", comment="Down every week")
    assert (found["reason_theme"], found["themes"], found["disagrees"]) == ("price", ["price", "unreliable"], True)


def test_what_the_code_says_and_what_was_written_stand_side_by_side() -> None:
    tags = [tag("r", "slow", score=0.4), tag("r", "unreliable", score=0.9), tag("r", "price", "praise")]
    found = stating(tags, reason="too_expensive", comment="Down every week, and slow")
    assert (found["reason"], found["reason_theme"], found["wrote"]) == (
        "too_expensive",
        "price",
        ["unreliable", "slow"],
    )
    assert stating(reason="too_expensive")["wrote"] == []
    assert one(gone([LEFT]))["wrote"] is None


def test_themes_of_other_sources_are_not_taken_for_what_a_leaver_wrote() -> None:
    said = table([answer("1", "a", date(2026, 3, 18), comment="…")], ANSWER)
    tags = pl.DataFrame({"response_id": ["1", "1"], "theme": ["price", "slow"], "source": ["nps", "exit_surveys"]})
    lines = table([LEFT], SUBSCRIPTION)
    moved = account_movements(lines, since=MARCH, until=TODAY, as_of=TODAY)
    left = leavers(moved, lines, said, tags, since=MARCH, until=TODAY, reason_themes=CODES)
    assert one(left)["themes"] == ["slow"]


def test_disagreement_is_unknown_where_code_or_words_name_nothing() -> None:
    assert stating(reason="too_expensive")["disagrees"] is None
    assert stating([tag("r", "unclear")], reason="too_expensive", comment="hm")["disagrees"] is None
    assert stating([tag("r", "price")], reason="other", comment="Too dear")["disagrees"] is None


def test_praise_is_no_reason() -> None:
    found = stating([tag("r", "slow_support", "praise"), tag("r", "price")], comment="Support is great, but too dear")
    assert found["themes"] == ["price"]
    assert stating([tag("r", "slow_support", "praise")], comment="Support is great")["themes"] == ["unclear"]


@pytest.mark.parametrize("tags", [[tag("r", "unclear")], []], ids=["unclear", "not tagged yet"])
def test_words_without_a_theme_are_unclear(tags: list[Row]) -> None:
    found = stating(tags, comment="It is what it is")
    assert (found["status"], found["themes"]) == ("answered", ["unclear"])


@pytest.mark.parametrize("comment", [None, "", " \n ", "n/a"])
def test_an_answer_without_code_or_words_is_no_answer(comment: str | None) -> None:
    found = stating([tag("r", "no answer")], comment=comment, ease=4)
    assert (found["status"], found["themes"], found["ease"]) == ("no answer", ["no answer"], 4)


def test_a_code_with_no_theme_is_an_answer_that_is_unclear() -> None:
    found = stating(reason="other")
    assert (found["status"], found["reason"], found["reason_theme"], found["themes"]) == (
        "answered",
        "other",
        None,
        ["unclear"],
    )


def test_a_failed_payment_is_a_reason_only_where_nobody_said_or_asked_anything() -> None:
    failed = LEFT | {"end_kind": "payment_failed"}
    assert one(gone([failed]))["themes"] == ["payment failed"]
    said = [answer("r", "a", date(2026, 3, 18), reason="lacks")]
    assert one(gone([failed], said))["themes"] == ["missing_feature"]
    assert one(gone([failed | {"cancel_requested_at": datetime(2026, 3, 1)}]))["status"] == "not asked"


def test_an_answer_may_still_come_until_60_days_after_the_end() -> None:
    assert one(gone([LEFT], as_of=date(2026, 5, 19)))["answer_open"] is True
    assert one(gone([LEFT], as_of=date(2026, 5, 20)))["answer_open"] is False
    assert one(gone([LEFT]))["answer_open"] is None


OURS, THEIRS = ["price", "slow_support"], ["company_closed", "payment failed"]


@pytest.mark.parametrize(
    ("themes", "flag", "verdict"),
    [
        (["price"], None, "yes"),
        (["company_closed"], None, "no"),
        (["company_closed", "price"], None, "yes"),
        (["values"], None, "unknown"),
        (["unclear"], None, "unknown"),
        (["price"], False, "no"),
        (["company_closed"], True, "yes"),
        (["unclear"], False, "no"),
    ],
)
def test_regrettable_is_the_managers_flag_else_the_rule_of_any_theme(
    themes: list[str], flag: bool | None, verdict: str
) -> None:
    said = [answer("r", "a", date(2026, 3, 18), comment="…", regrettable=flag)]
    left = gone([LEFT], said, [tag("r", theme) for theme in themes], regrettable=OURS, natural=THEIRS)
    assert one(left)["regrettable"] == verdict


def marks(*rows: tuple[str, date | None, bool | None]) -> pl.DataFrame:
    return pl.DataFrame(rows, {"account_id": pl.String, "month": pl.Date, "regrettable": pl.Boolean}, orient="row")


def verdicts(left: pl.DataFrame) -> list[tuple[str, str]]:
    return left.select("regrettable", "judged_by").rows()


def test_a_persons_mark_beats_the_managers_flag_and_the_flag_the_rule() -> None:
    said = [answer("r", "a", date(2026, 3, 18), comment="…", regrettable=False)]
    tags, rule = [tag("r", "price")], {"regrettable": OURS, "natural": THEIRS}
    assert verdicts(gone([LEFT], said, tags, marks=marks(("a", MARCH, True)), **rule)) == [("yes", "person")]
    assert verdicts(gone([LEFT], said, tags, marks=marks(("b", MARCH, True)), **rule)) == [("no", "survey")]
    silent = [said[0] | {"regrettable": None}]
    assert verdicts(gone([LEFT], silent, tags, **rule)) == [("yes", "rule")]
    assert verdicts(gone([LEFT], silent, [], **rule)) == [("unknown", "unknown")]


def test_a_mark_is_about_one_months_churn_where_it_names_a_month_and_about_all_where_not() -> None:
    twice = [LEFT | {"end_kind": "requested"}, served("a", date(2026, 6, 1), date(2026, 9, 10))]
    assert verdicts(gone(twice, marks=marks(("a", MARCH, False)))) == [("no", "person"), ("unknown", "unknown")]
    assert verdicts(gone(twice, marks=marks(("a", None, True)))) == [("yes", "person")] * 2
    both = marks(("a", date(2026, 9, 10), False), ("a", None, True))
    assert verdicts(gone(twice, marks=both)) == [("yes", "person"), ("no", "person")]


def test_the_last_mark_counts_and_an_empty_one_takes_it_away() -> None:
    assert verdicts(gone([LEFT], marks=marks(("a", MARCH, False), ("a", MARCH, True)))) == [("yes", "person")]
    assert verdicts(gone([LEFT], marks=marks(("a", MARCH, False), ("a", MARCH, None)))) == [("unknown", "unknown")]


def test_churn_without_an_answer_can_have_a_rule_too() -> None:
    failed = [LEFT | {"end_kind": "payment_failed"}]
    assert one(gone(failed, natural=THEIRS))["regrettable"] == "no"
    assert one(gone([LEFT], natural=THEIRS))["regrettable"] == "unknown"


# --- tables --------------------------------------------------------------------------------------------------------

MARCH, MAY = date(2026, 3, 1), date(2026, 5, 1)


def leaver(account: str, lost: int, themes: list[str], **more: Any) -> Row:
    row = {"account_id": account, "month": MARCH, "lost_mrr": lost, "left_after_pause": 0, "themes": themes}
    status = "answered" if themes[0] not in ("not asked", "no answer", "payment failed") else themes[0]
    return row | {"status": status, "response_id": account, "regrettable": "unknown", "state": "final"} | more


def five() -> pl.DataFrame:
    rows = [
        leaver("a", 10_001, ["price", "slow", "values"], reason="too_expensive", regrettable="yes", plan="Team"),
        leaver("b", 500, ["price"], reason="too_expensive", plan="Team", month=MAY, ease=2, would_return=9),
        leaver("c", 70_000, ["not asked"], response_id=None, plan="Solo", month=MAY),
        leaver("d", 300, ["unclear"], plan=None, ease=5, ended_on=date(2026, 3, 20), requested_on=date(2026, 3, 10)),
        leaver("e", 0, ["slow"], left_after_pause=900, regrettable="no", plan="Solo", reason="lag"),
    ]
    return pl.DataFrame(rows, schema_overrides={"lost_mrr": pl.Int64}, infer_schema_length=None)


def test_money_is_split_to_the_cent_and_the_whole_stands_beside_it() -> None:
    columns = ("theme", "responses", "accounts", "lost_mrr", "regrettable_mrr", "full_mrr", "left_after_pause")
    assert reasons(five().lazy()).select(columns).rows() == [
        ("price", 2, 2, 3334 + 500, 3334, 10_501, 0),
        ("slow", 2, 2, 3334, 3334, 10_001, 900),
        ("values", 1, 1, 3333, 3333, 10_001, 0),
        ("unclear", 1, 1, 300, 0, 300, 0),
        ("not asked", 0, 1, 70_000, 0, 70_000, 0),
    ]


def test_by_reason_words_without_a_code_have_a_row_of_their_own() -> None:
    assert reasons(five(), by="reason").select("reason", "accounts", "lost_mrr", "full_mrr").rows() == [
        ("too_expensive", 2, 10_501, 10_501),
        ("lag", 1, 0, 0),
        ("text only", 1, 300, 300),
        ("not asked", 1, 70_000, 70_000),
    ]


def test_a_share_is_of_all_leavers_with_wilsons_interval() -> None:
    share = reasons(five()).row(0, named=True)
    assert [round(share[name], 4) for name in ("share", "low", "high")] == [0.4, 0.1176, 0.7693]


def test_segments_have_shares_and_money_of_their_own_and_none_is_dropped() -> None:
    found = reasons(five(), segment="plan").select("plan", "theme", "lost_mrr", "share").rows()
    assert found == [
        ("Solo", "slow", 0, 0.5),
        ("Solo", "not asked", 70_000, 0.5),
        ("Team", "price", 3834, 1.0),
        ("Team", "slow", 3334, 0.5),
        ("Team", "values", 3333, 0.5),
        (None, "unclear", 300, 1.0),
    ]


def test_bands_of_tenure_stand_in_their_order() -> None:
    bands = ["over two years", "under 90 days", None, "one to two years", "90 days to a year"]
    found = reasons(five().with_columns(tenure=pl.Series(bands)), segment="tenure")
    assert found["tenure"].unique(maintain_order=True).to_list() == [
        "under 90 days", "90 days to a year", "one to two years", "over two years", None,
    ]  # fmt: skip


def test_the_country_and_segment_of_today_stand_beside_a_leaver() -> None:
    known = pl.DataFrame({"account_id": ["a"], "segment": ["small"], "country": ["DE"]})
    lines = table([LEFT], SUBSCRIPTION)
    moved = account_movements(lines, since=MARCH, until=TODAY, as_of=TODAY)
    period = {"since": MARCH, "until": TODAY}
    left = leavers(moved, lines, table([], ANSWER), table([], TAG), known, reason_themes=CODES, **period)
    assert left.select("segment", "country").row(0) == ("small", "DE")
    assert reasons(left, segment="country").select("country", "theme", "accounts").row(0) == ("DE", "not asked", 1)


def test_the_totals_are_what_the_table_adds_up_to() -> None:
    left = five().with_columns(
        account_id=pl.Series(["a", "a", "c", "d", "e"]), disagrees=pl.Series([True, False] + [None] * 3)
    )
    assert totals(left).row(0, named=True) == {
        "leavers": 5, "accounts": 4, "lost_mrr": 80_801, "left_after_pause": 900, "answered": 4, "no_answer": 0,
        "payment_failed": 0, "not_asked": 1, "explained": 3, "explained_mrr": 10_501, "compared": 2, "disagreeing": 1,
    }  # fmt: skip
    assert totals(gone([])).row(0) == (0,) * 12


def test_the_trend_has_every_theme_in_every_month_with_0_where_nobody_named_it() -> None:
    found = reason_trend(five())
    assert found["month"].unique(maintain_order=True).to_list() == [MARCH, date(2026, 4, 1), MAY]
    assert found.filter(theme="price").select("month", "accounts", "lost_mrr").rows() == [
        (MARCH, 1, 3334),
        (date(2026, 4, 1), 0, 0),
        (MAY, 1, 500),
    ]


def test_a_month_whose_answers_may_still_come_is_provisional() -> None:
    waiting = five().with_columns(answer_open=pl.col("account_id") == "c")
    states = reason_trend(waiting).group_by("month", maintain_order=True).agg(pl.col("state").unique())
    assert states["state"].to_list() == [["final"], ["final"], ["provisional"]]


def test_how_the_ending_felt_counts_who_answered() -> None:
    assert ending(five()).row(0) == (5, 2, 3.5, 1, 9.0, 1, 10.0)


def test_nobody_left_gives_empty_tables_and_no_means() -> None:
    nobody = gone([])
    for by in ("theme", "reason"):
        assert reasons(nobody, by=by).is_empty()
        assert reason_trend(nobody, by=by).is_empty()
        assert reasons(nobody, by=by).columns[:3] == [by, "responses", "accounts"]
    assert ending(nobody).row(0) == (0, 0, None, 0, None, 0, None)


def test_a_wrong_grain_is_named() -> None:
    with pytest.raises(ValueError, match=r'by is "plan".\n\nHint: write "theme" or "reason"\.'):
        reasons(five(), by="plan")  # type: ignore[arg-type]


def test_the_judgement_is_what_retention_both_ways_takes() -> None:
    lines = table([LEFT, served("b", date(2025, 1, 1), None)], SUBSCRIPTION)
    moved = account_movements(lines, since=MARCH, until=date(2026, 3, 31), as_of=TODAY)
    said = [answer("r", "a", date(2026, 3, 18), comment="…", regrettable=False)]
    both = split_regrettable(moved, judged(gone([LEFT], said)))
    assert both.select("grr", "grr_regrettable").row(0) == (0.5, 1.0)


# --- what must hold for anything at all -----------------------------------------------------------------------------

FIRST = date(2025, 1, 1)
DAYS = st.integers(min_value=0, max_value=680).map(lambda day: FIRST + timedelta(days=day))
THEMES = ["price", "missing_feature", "slow", "competitor", "unclear", "no answer"]
SIDES, SCORES = ["complaint", "praise"], [0.2, 0.5, 0.9]
TAGS = st.lists(st.tuples(st.sampled_from(THEMES), st.sampled_from(SCORES), st.sampled_from(SIDES)), max_size=4)
KINDS = st.sampled_from(["paid", "paid", "paused", "free"])
PLOTS = st.lists(st.tuples(st.integers(0, 3), DAYS, st.integers(1, 200), KINDS, st.integers(0, 5000)), max_size=12)


@st.composite
def companies(draw: st.DrawFn) -> tuple[list[Row], list[Row], list[Row], list[Row]]:
    """Stretches, churns, answers (as the oracle reads them) and tags; every churn is asked for, so none is bridged."""
    stretches, churns, answers, tags = [], [], [], []
    for account in "abcd"[: draw(st.integers(1, 4))]:
        begins = FIRST
        for number in range(draw(st.integers(0, 3))):
            end = begins + timedelta(days=draw(st.integers(45, 150)))
            failed = draw(st.booleans())
            mrr = draw(st.integers(1, 999))
            asked = {} if failed else {"end_kind": "requested"}
            stretches.append(served(account, begins, end, mrr, end_kind="payment_failed") | asked)
            churns.append({"account": account, "end": end, "mrr": mrr, "failed": failed, "number": number})
            begins = end + timedelta(days=draw(st.integers(45, 90)))
    for number in range(draw(st.integers(0, 8))):
        said = {
            "id": f"r{number}",
            "account": draw(st.sampled_from("abcd")),
            "on": draw(DAYS),
            "outcome": draw(st.sampled_from(["left", "left", None, "stayed", "downgraded"])),
            "reason": draw(st.sampled_from(["too_expensive", "lacks", "other", None, ""])),
            "comment": draw(st.sampled_from(["words", None, ""])),
        }
        found = {theme: (theme, score, side) for theme, score, side in draw(TAGS)} if said["comment"] else {}
        said["tags"] = [] if all(theme == "no answer" for theme in found) else list(found.values())
        answers.append(said)
        tags.extend(tag(said["id"], theme, side, score) for theme, score, side in said["tags"])
    return stretches, churns, answers, tags


@pytest.mark.slow
@settings(max_examples=30, deadline=None)
@given(companies())
def test_attribution_and_split_agree_with_plain_loops_and_reconcile_to_the_cent(
    company: tuple[list[Row], list[Row], list[Row], list[Row]],
) -> None:
    stretches, churns, answers, tags = company
    lines = table(stretches, SUBSCRIPTION)
    moved = account_movements(lines, since=FIRST, until=date(2026, 12, 31), as_of=date(2027, 1, 1))
    said = [
        answer(a["id"], a["account"], a["on"], **{k: a[k] for k in ("outcome", "reason", "comment")}) for a in answers
    ]
    period = {"since": FIRST, "until": date(2026, 12, 31)}
    left = leavers(moved, lines, table(said, ANSWER), table(tags, TAG), reason_themes=CODES, **period)

    told = attributed(churns, answers, CODES)
    found = {
        (row["account_id"], row["ended_on"]): {k: row[k] for k in ("status", "themes", "response_id")}
        for row in left.rows(named=True)
    }
    assert found == told
    by_theme = reasons(left)
    assert dict(by_theme.select("theme", "lost_mrr").rows()) == money(churns, told)

    months = movements(moved)
    churned = dict(months.filter(pl.col("accounts_churned") > 0).select("month", "churned").rows()) if churns else {}
    for by in ("theme", "reason"):
        assert reasons(left, by=by)["lost_mrr"].sum() == sum(churned.values())
        trend = reason_trend(left, by=by).filter(pl.col("accounts") > 0)
        assert dict(trend.group_by("month").agg(pl.col("lost_mrr").sum()).rows()) == churned
    assert reasons(left, by="reason")["accounts"].sum() == left.height
    for segment in ("plan", "segment", "country", "tenure", "regrettable", "month"):
        parts = reasons(left, segment=segment)
        assert parts["lost_mrr"].sum() == sum(churned.values())
        per_theme = parts.group_by("theme").agg(pl.col("lost_mrr", "accounts", "full_mrr").sum()).sort("theme")
        assert per_theme.rows() == by_theme.select("theme", "lost_mrr", "accounts", "full_mrr").sort("theme").rows()
    whole = totals(left).row(0, named=True)
    assert (whole["leavers"], whole["lost_mrr"]) == (left.height, sum(churned.values()))
    assert whole["accounts"] == len({churn["account"] for churn in churns})


@pytest.mark.slow
@settings(max_examples=25, deadline=None)
@given(PLOTS)
def test_leavers_are_exactly_those_that_movements_counts(plots: list[tuple[int, date, int, str, int]]) -> None:
    stretches = [
        served("abcd"[who], start, start + timedelta(days=length), mrr, kind=kind, subscription_id=str(number))
        for number, (who, start, length, kind, mrr) in enumerate(plots)
    ]
    left = gone(stretches, since=FIRST)
    months = movements(
        account_movements(table(stretches, SUBSCRIPTION), since=date(2024, 12, 1), until=TODAY, as_of=TODAY)
    )
    counted = [months[name].sum() for name in ("accounts_churned", "churned", "left_after_pause") if months.height]
    assert [left.height, left["lost_mrr"].sum(), left["left_after_pause"].sum()] == (counted or [0, 0, 0])
    assert (left["ended_on"].dt.month_start() == left["month"]).sum() == left.height
