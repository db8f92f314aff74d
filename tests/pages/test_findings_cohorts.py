"""The sentences of the cohorts page, word for word."""

from datetime import date

import polars as pl
import pytest

from pages.shared.answers.cohorts import Asked
from pages.shared.filters import Who
from pages.shared.findings import cohorts as findings
from pages.shared.findings import survival

ASKED = Asked(Who(), date(2026, 1, 1))
PEOPLE = ASKED._replace(unit="user_id")
MONEY = ASKED._replace(unit="mrr")


def curve(*rows, **more):
    columns = {"index": pl.Int64, "size": pl.Int64, "retained": pl.Int64}
    frame = pl.DataFrame(list(rows), schema=columns, orient="row")
    rate = pl.col("retained") / pl.col("size")
    return frame.with_columns(rate=rate, low=rate - 0.1, high=rate + 0.1).with_columns(**more)


CURVE = curve((0, 80, 80), (1, 80, 60), (6, 40, 20), (12, 20, 8))


def test_the_headline_names_three_periods_and_what_stands_behind_the_last():
    assert findings.headline(CURVE, ASKED, "EUR") == (
        "Still using it: 75% in month 1, 50% in month 6, 40% in month 12",
        "Of 20 accounts observed that long, 8 used it in month 12 (95% interval 30.0% to 50.0%).",
    )


def test_people_are_people():
    assert findings.headline(CURVE.head(2), PEOPLE, "EUR")[1] == (
        "Of 80 people observed that long, 60 used it in month 1 (95% interval 65.0% to 85.0%)."
    )


def test_recurring_cohorts_say_that_there_is_no_interval():
    none = CURVE.with_columns(low=pl.lit(None, pl.Float64), high=pl.lit(None, pl.Float64))
    assert findings.headline(none, ASKED, "EUR")[1].endswith("8 used it in month 12 (no interval).")
    later = findings.headline(CURVE, ASKED._replace(returns="on_or_after"), "EUR")
    assert later[0].endswith("40% in month 12 or later")


def test_revenue_says_money_and_whose_it_is():
    paid = curve((0, 100_000_00, 100_000_00), (1, 90_000_00, 99_000_00), accounts=pl.lit(40))
    assert findings.headline(paid, MONEY, "EUR") == (
        "MRR kept: 110% after 1 month",
        "Of €90,000 a month first paid by 40 accounts, €99,000 is paid in month 1 (95% interval 100.0% to 120.0%).",
    )


def test_before_any_period_is_over_the_headline_says_so():
    assert findings.headline(CURVE.head(1), ASKED, "EUR") == ("No cohort has a finished period yet", None)


def half(older, newer, verdict, low=-0.05, high=0.2):
    row = {"older": older, "newer": newer, "since": date(2026, 4, 1), "low": low, "high": high, "verdict": verdict}
    return pl.DataFrame([row])


CELLS = pl.DataFrame({"cohort": [date(2026, 1, 1)], "index": [0], "size": [9], "state": ["final"], "rate": [1.0]})


@pytest.mark.parametrize(
    ("halves", "said"),
    [
        (half(0.5, 0.7, "up"), "Cohorts from Apr 2026 on still use it more often: 70% in month 6, 50% before"),
        (
            half(0.7, 0.5, "down"),
            "Cohorts from Apr 2026 on still use it less often: 50% in month 6, 70% before",
        ),
        (half(0.5, 0.6, "within noise"), "Newer and older cohorts cannot be told apart after 6 months: 60% and 50%"),
        (half(0.5, 0.6, "too few"), "Each row started in one month; each column is months later"),
        (pl.DataFrame(), "Each row started in one month; each column is months later"),
    ],
)
def test_the_triangle_says_whether_newer_cohorts_stay_longer(halves, said):
    assert findings.triangle(CELLS, halves, ASKED, 6)[0] == said


def test_the_difference_stands_beside_its_interval():
    assert findings.triangle(CELLS, half(0.5, 0.7, "up", 0.05, 0.35), ASKED, 6)[1] == (
        "Difference +5.0 pts to +35.0 pts, 95%. A dot marks the running month: such a cell can still change. "
        "Click a cell to see who is behind it."
    )


def test_what_the_viewer_changed_about_returns_is_said():
    asked = ASKED._replace(returns="on_or_after", uses=5, cohorts="recurring", period="week")
    assert findings.triangle(CELLS, half(0.5, 0.7, "up"), asked, 4) == (
        "Each row started in one week; each column is weeks later",
        "A return in a later week can still raise any cell; all of them are provisional. A return needs 5 uses. "
        "Whoever uses the product stands in the cohort of every such week. Click a cell to see who is behind it.",
    )


def test_of_revenue_the_triangle_counts_the_cohorts_that_pay_as_much_as_at_first():
    rows = [(month, 6, "final", rate) for month, rate in ((1, 1.1), (2, 1.0), (3, 0.95))]
    cells = pl.DataFrame(rows, schema=["cohort", "index", "state", "rate"], orient="row")
    net, gross = (
        findings.triangle(cells, pl.DataFrame(), MONEY._replace(kept=kept), 6)[0] for kept in ("net", "gross")
    )
    assert net == "After 6 months, 2 of 3 cohorts pay at least what they first paid"
    assert gross == "After 6 months, 3 of 3 cohorts keep at least 90%"


def test_halves_are_compared_where_enough_were_observed():
    assert findings.told_at(curve((1, 200, 100), (6, 60, 30), (12, 59, 10)), ASKED) == 6
    assert findings.told_at(curve((1, 200, 100), (6, 59, 30)), ASKED) == 1


def test_the_steepest_loss_is_named():
    found = pl.DataFrame({"index": [2], "before": [0.98], "after": [0.87]})
    assert findings.steepest(found, ASKED) == "The most is lost in month 2: from 98% to 87%"
    assert findings.steepest(found.clear(), ASKED) == "All cohorts together"


def test_the_relative_colours_are_explained():
    assert findings.colours(False, "month") is None
    assert findings.colours(True, "week") == (
        "Blue is above what all cohorts together keep in that week, orange below. "
        "The 95% interval of a bold number leaves that rate out, which one in twenty does by chance."
    )


def grouped(**sizes):
    rows = [
        (name, index, size if index == 0 else size // 2)
        for name, size in sizes.items()
        for index in range(3 if size > 20 else 1)
    ]
    return pl.DataFrame(rows, schema=["group", "index", "size"], orient="row")


def test_small_groups_are_named_in_words_instead_of_drawn():
    kept, said = findings.drawn(grouped(DE=90, FR=40, AT=12, CH=3))
    assert kept["group"].unique(maintain_order=True).to_list() == ["DE", "FR"]
    assert said == "Under 30, not drawn: AT (12), CH (3)."


def test_at_most_five_groups_are_drawn_and_the_rest_is_named():
    kept, said = findings.drawn(grouped(A=90, B=80, C=70, D=60, E=50, F=40))
    assert kept["group"].unique(maintain_order=True).to_list() == ["A", "B", "C", "D", "E"]
    assert said == "Smaller than these 5: F."


def test_a_curve_ends_where_fewer_than_ten_are_left():
    frame = pl.DataFrame([("A", 0, 40), ("A", 1, 10), ("A", 2, 9)], schema=["group", "index", "size"], orient="row")
    assert findings.drawn(frame)[0]["index"].to_list() == [0, 1]


def test_curves_are_drawn_as_far_as_all_can_be_compared():
    rows = [("A", 0.0, 1.0), ("A", 2.0, 0.9), ("A", 9.0, 0.5), ("B", 0.0, 1.0), ("B", 3.0, 0.8)]
    frame = pl.DataFrame(rows, schema=["group", "months", "survival"], orient="row")
    last = findings.together(frame, "months").group_by("group", maintain_order=True).last()
    assert last.rows() == [("A", 3.0, 0.9), ("B", 3.0, 0.8)]


def apart(verdict):
    row = {"best": "DE", "best_rate": 0.8, "worst": "A*T", "worst_rate": 0.6, "verdict": verdict}
    return pl.DataFrame([row], schema_overrides={"verdict": pl.String})


@pytest.mark.parametrize(
    ("found", "asked", "said"),
    [
        (apart("up"), ASKED, r"By country, DE 80% and A\*T 60% after 6 months: a real difference"),
        (
            apart("within noise"),
            ASKED,
            r"No difference by country that is more than noise after 6 months: DE 80%, A\*T 60%",
        ),
        (apart(None), ASKED, r"By country, DE 80% and A\*T 60% after 6 months; too few for a verdict"),
        (
            apart(None),
            ASKED._replace(cohorts="recurring"),
            r"By country, DE 80% and A\*T 60% after 6 months; cohorts overlap, so no verdict",
        ),
        (pl.DataFrame(), ASKED, "Too few to compare by country yet"),
    ],
)
def test_groups_are_compared_with_a_verdict(found, asked, said):
    assert findings.compared(found, asked, "country", 6) == said


def test_groups_are_compared_where_two_have_enough():
    frame = pl.DataFrame(
        [("A", 1, 50), ("B", 1, 40), ("A", 6, 45), ("B", 6, 29)], schema=["group", "index", "size"], orient="row"
    )
    assert findings.comparable(frame, ASKED) == (1, ("A", "B"))
    assert findings.comparable(frame.filter(pl.col("group") == "A"), ASKED) == (1, ())


def stays(*rows, median=None, group="A"):
    frame = pl.DataFrame(list(rows), schema=["day", "at_risk", "survival"], orient="row")
    rate = pl.col("survival")
    return frame.with_columns(low=rate - 0.05, high=rate + 0.05, median=pl.lit(median, pl.Int64), group=pl.lit(group))


def test_the_survival_curve_says_its_median_and_the_first_year():
    found = survival.months(stays((0, 100, 1.0), (300, 80, 0.8), (700, 20, 0.5), (900, 5, 0.1), median=700))
    assert survival.survived(found) == (
        "Half of all customers stay 22 months or longer",
        "80.0% stay their first year (95% interval 75.0% to 85.0%). "
        "Everybody who ever paid, whatever the period above.",
    )


def test_a_median_that_fewer_than_ten_reached_is_not_told():
    found = survival.months(stays((0, 100, 1.0), (300, 80, 0.8), (900, 5, 0.4), median=900))
    assert survival.survived(found)[0] == "80% of customers are still here 9 months after they first paid"
    assert survival.survived(found)[1].endswith("Fewer than half have left so far, so there is no median yet.")


def test_nobody_who_paid_gives_no_curve_but_words():
    assert survival.survived(stays().cast({"day": pl.Int64}))[0] == (
        "Too few customers have paid to say how long they stay"
    )


def test_groups_say_their_first_year_best_first_and_their_medians():
    frame = pl.concat(
        [
            stays((0, 60, 1.0), (400, 30, 0.7), (600, 20, 0.5), median=600, group="Team"),
            stays((0, 60, 1.0), (200, 50, 0.9), (500, 30, 0.85), group="Large"),
        ]
    )
    assert survival.survived_by(survival.months(frame), "plan", "Under 30, not drawn: Tiny (4).") == (
        "They stay their first year: Team 100%, Large 90%",
        "Half stay at least: Team 19 months. More than half still here: Large. The plan is the first they paid for. "
        "Under 30, not drawn: Tiny (4).",
    )


def test_a_cell_that_the_triangle_no_longer_has_counts_as_not_clicked():
    cells = pl.DataFrame({"cohort": [date(2026, 1, 1)] * 2, "index": [0, 1], "rate": [1.0, None]})
    assert findings.cell(["2026-01-01", 0], cells) == (date(2026, 1, 1), 0)
    assert findings.cell(["2026-01-01", 1], cells) is None
    assert findings.cell(["2026-02-01", 0], cells) is None


def test_the_cell_clicked_is_counted_in_words():
    units = pl.DataFrame({"retained": [True, False, None], "paid": [100_00, 200_00, 0], "pays": [50_00, 0, 0]})
    at = (date(2026, 1, 1), 3)
    assert findings.members(units, at, PEOPLE, "EUR") == "3 people started in Jan 2026; 1 came back in month 3"
    assert (
        findings.members(units, at, MONEY, "EUR") == "3 accounts first paid in Jan 2026: €300 a month, €50 in month 3"
    )
    weekly = ASKED._replace(period="week", cohorts="recurring")
    assert findings.members(units, at, weekly, "EUR") == (
        "3 accounts used it in the week of 1 Jan 2026; 1 came back in week 3"
    )
