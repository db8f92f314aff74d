import json
import tomllib
from datetime import date
from itertools import combinations, pairwise
from pathlib import Path

import numpy as np
import polars as pl
import pytest

from pages.shared import figures, template

ROOT = Path(__file__).resolve().parents[2]
THEME = tomllib.loads((ROOT / ".streamlit" / "config.toml").read_text(encoding="utf-8"))["theme"]
MONTHS = [date(2026, month, 1) for month in range(7, 12)]
RATES = pl.DataFrame(
    {
        "month": MONTHS,
        "value": [0.90, 0.92, None, 0.95, 0.97],
        "low": [0.85, 0.88, None, 0.90, 0.91],
        "high": [0.94, 0.95, None, 0.98, 0.99],
        "n": [40, 41, 0, 43, 44],
        "state": ["final", "final", "final", "final", "provisional"],
    }
)
MOVEMENTS = pl.DataFrame(
    {
        "month": [date(2026, 10, 1)], "opening": [100_000], "new": [20_000], "expansion": [0], "reactivation": [0],
        "resumed": [0], "contraction": [5_000], "paused": [0], "churned": [10_000], "fx": [-1_000],
        "closing": [104_000],
    }
)  # fmt: skip


def cell(cohort, index, size, retained, state):
    rate = None if retained is None or size == 0 else retained / size
    return {
        "cohort": cohort, "index": index, "size": size, "retained": retained, "rate": rate, "low": rate, "high": rate,
        "state": state,
    }  # fmt: skip


TRIANGLE = pl.DataFrame(
    [
        cell(MONTHS[0], 0, 10, 10, "final"),
        cell(MONTHS[0], 1, 10, 8, "final"),
        cell(MONTHS[0], 2, 10, 7, "provisional"),
        cell(MONTHS[1], 0, 4, 4, "final"),
        cell(MONTHS[1], 1, 4, 1, "provisional"),
        cell(MONTHS[1], 2, 4, None, "not_yet"),
        cell(MONTHS[2], 0, 0, 0, "provisional"),
        cell(MONTHS[2], 1, 0, None, "not_yet"),
        cell(MONTHS[2], 2, 0, None, "not_yet"),
    ]
)


def line(frame=RATES, **how):
    return figures.line(frame, x="month", y="value", unit=figures.PERCENT, title="Retention", **how)


def traces(figure, **wanted):
    return [trace for trace in figure.data if all(getattr(trace, name) == value for name, value in wanted.items())]


def test_a_line_is_solid_while_final_and_hollow_where_its_month_still_runs():
    shown = line()
    solid = traces(shown, mode="lines+markers")[0]
    assert list(solid.y) == [90.0, 92.0, None, 95.0]
    assert solid.connectgaps is False
    hollow = traces(shown, mode="markers")[0]
    assert list(hollow.y) == [97.0]
    assert hollow.marker.color == template.PAPER
    dotted = traces(shown, mode="lines", fill=None)[0]
    assert (list(dotted.y), dotted.line.dash) == ([95.0, 97.0], "dot")
    assert "still running" in hollow.hovertext[0]


def test_a_band_spans_low_to_high_and_is_parted_where_nothing_is_known():
    band = traces(line(), fill="toself")[0]
    assert list(band.y) == [94.0, 95.0, 88.0, 85.0, None, 98.0, 99.0, 91.0, 90.0]
    assert list(band.x)[4] is None


def test_the_hover_says_value_interval_and_count():
    said = traces(line(), mode="lines+markers")[0].hovertext[0]
    assert said == "<b>90.0%</b><br>Jul 2026<br>95% interval 85.0% to 94.0%<br>n = 40"


def test_periods_that_have_not_come_are_not_drawn():
    future = RATES.with_columns(state=pl.when(pl.col("month") == MONTHS[-1]).then(pl.lit("not_yet")).otherwise("state"))
    assert traces(line(future), mode="markers") == []


def test_lines_differ_by_dash_and_label_not_by_colour_alone():
    frame = pl.concat([RATES.with_columns(segment=pl.lit(name)) for name in ("Large", "Small")])
    shown = line(frame, by="segment")
    assert [trace.line.dash for trace in traces(shown, mode="lines+markers")] == ["solid", "dash"]
    assert [note.text for note in shown.layout.annotations] == ["<b>97.0%</b><br>Large", "<b>97.0%</b><br>Small"]


def test_groups_keep_the_order_they_came_in():
    frame = pl.concat([RATES.with_columns(segment=pl.lit(name)) for name in ("Zebra", "Ant")])
    assert [note.text.split("<br>")[1] for note in line(frame, by="segment").layout.annotations] == ["Zebra", "Ant"]


def test_the_alt_text_says_where_a_line_went():
    alt = figures.alt_of(line())
    assert alt == "Retention. From 90.0% in Jul 2026 to 97.0% in Nov 2026 (still running)."


def test_a_waterfall_steps_from_opening_to_closing():
    shown = figures.waterfall(MOVEMENTS, currency="EUR", title="October")
    bars = traces(shown, type="bar")[0]
    steps = list(zip(bars.y, bars.base, bars.x, strict=True))
    assert steps == [(1, 1000.0, 200.0), (2, 1150.0, 50.0), (3, 1050.0, 100.0), (4, 1040.0, 10.0)]
    assert list(shown.layout.yaxis.ticktext) == ["Opening", "New", "Contraction", "Churned", "Currency", "Closing"]
    assert figures.alt_of(shown) == (
        "October. Opening €1,000; New +€200, Contraction −€50, Churned −€100, Currency −€10; closing €1,040."
    )


def test_gains_and_losses_differ_by_sign_as_well_as_colour():
    shown = figures.waterfall(MOVEMENTS, currency="EUR", title="October")
    said = [note.text for note in shown.layout.annotations]
    assert said[:4] == ["<b>+€200</b>", "<b>−€50</b>", "<b>−€100</b>", "<b>−€10</b>"]
    assert list(traces(shown, type="bar")[0].marker.color) == [
        template.KEPT,
        template.LOST,
        template.LOST,
        template.QUIET,
    ]


def test_the_longest_bar_comes_first_and_what_is_no_answer_last():
    frame = pl.DataFrame(
        {
            "theme": ["Not asked", "Slow", "Price"],
            "lost": [900, 100, 500],
            "low": [None, 50, 400],
            "high": [None, 200, 650],
        }
    )
    shown = figures.ranked(frame, label="theme", value="lost", unit=figures.COUNT, title="Reasons", quiet=["Not asked"])
    bars = shown.data[0]
    assert list(bars.x) == [500, 100, 900]
    assert list(bars.marker.color) == [template.KEPT, template.KEPT, template.QUIET]
    assert (list(bars.error_x.array), list(bars.error_x.arrayminus)) == ([150, 100, 0], [100, 50, 0])


def test_the_distribution_counts_each_score_and_each_group():
    shown = figures.nps_distribution(pl.DataFrame({"score": [10, 8, 3], "answers": [6, 3, 1]}), title="Answers")
    assert [list(bar.x) for bar in shown.data] == [list(range(7)), [7, 8], [9, 10]]
    assert [list(bar.y) for bar in shown.data] == [[0, 0, 0, 1, 0, 0, 0], [0, 3], [0, 6]]
    assert figures.alt_of(shown) == "Answers. Of 10 answers: detractors 1 (10%), passives 3 (30%), promoters 6 (60%)."


def test_a_heat_map_leaves_blank_what_has_not_come_and_what_nobody_started():
    grid = figures.retention_heat_map(TRIANGLE, title="Cohorts").data[0].z
    assert [list(row) for row in grid] == [[100.0, 80.0, 70.0], [100.0, 25.0, None], [None, None, None]]


def test_every_cell_carries_a_square_that_knows_its_cohort():
    squares = traces(figures.retention_heat_map(TRIANGLE, title="Cohorts"), name="cells")[0]
    assert [list(data) for data in squares.customdata] == [
        ["2026-07-01", 0], ["2026-07-01", 1], ["2026-07-01", 2], ["2026-08-01", 0], ["2026-08-01", 1],
    ]  # fmt: skip
    assert squares.marker.color == template.CLEAR
    assert squares.marker.symbol == "square"


def test_cells_that_can_still_change_carry_a_dot():
    dots = traces(figures.retention_heat_map(TRIANGLE, title="Cohorts"), name="running")[0]
    assert [round(x) for x in dots.x] == [2, 1]
    every = TRIANGLE.with_columns(state=pl.when(pl.col("index") > 0).then(pl.lit("provisional")).otherwise("state"))
    assert traces(figures.retention_heat_map(every, title="Cohorts"), name="running") == []


def written(figure, name):
    return [text.strip("\u200a") for trace in traces(figure, name=name) for row in trace.text for text in row if text]


def test_by_share_the_scale_runs_from_nothing_to_everything_and_nothing_is_bold():
    shown = figures.retention_heat_map(TRIANGLE, title="Cohorts")
    assert (shown.data[0].zmin, shown.data[0].zmax) == (0, 100)
    assert sorted(written(shown, "plain")) == ["100", "100", "25", "70", "80"]
    assert written(shown, "bold") == []


def test_against_all_cohorts_a_cell_is_coloured_by_its_distance_from_the_columns_rate():
    shown = figures.retention_heat_map(TRIANGLE, title="Cohorts", against={0: 1.0, 1: 0.75})
    grid = [[value if value is None else round(value, 6) for value in row] for row in shown.data[0].z]
    assert grid[:2] == [[0, 5, 0], [0, -50, None]]
    assert (shown.data[0].zmin, shown.data[0].zmax) == (-50, 50)
    assert [colour for _, colour in shown.data[0].colorscale] == [colour for _, colour in template.DIVERGING]


def test_the_relative_scale_ends_no_nearer_than_ten_points_so_that_noise_stays_pale():
    shown = figures.retention_heat_map(TRIANGLE.head(2), title="Cohorts", against={0: 1.0, 1: 0.79})
    assert (shown.data[0].zmin, shown.data[0].zmax) == (-10, 10)


def test_a_number_is_bold_where_its_interval_leaves_the_columns_rate_out():
    wide = TRIANGLE.with_columns(low=pl.col("rate") - 0.1, high=pl.col("rate") + 0.1)
    shown = figures.retention_heat_map(wide, title="Cohorts", against={0: 1.0, 1: 0.75})
    assert written(shown, "bold") == ["25"]


def test_the_hover_of_a_relative_cell_says_how_far_it_is_from_all_cohorts():
    squares = traces(figures.retention_heat_map(TRIANGLE, title="Cohorts", against={0: 1.0, 1: 0.75}), name="cells")[0]
    assert squares.hovertext[1] == (
        "<b>80.0%</b> stayed<br>8 of 10 accounts, month 1<br>cohort of Jul 2026<br>95% interval 80.0% to 80.0%<br>"
        "+5.0 pts from the 75.0% of all cohorts"
    )
    assert "nothing to compare with yet" in squares.hovertext[2]


def test_a_cell_of_revenue_says_money_and_whose_it_is():
    paid = TRIANGLE.with_columns(accounts=pl.lit(3), size=pl.col("size") * 100_00, retained=pl.col("retained") * 100_00)
    shown = figures.retention_heat_map(paid, title="Cohorts", currency="EUR")
    assert (
        traces(shown, name="cells")[0]
        .hovertext[1]
        .startswith("<b>80.0%</b> of MRR kept<br>€800 of €1,000 from 3 accounts, month 1")
    )
    assert shown.layout.yaxis.ticktext[0] == "Jul 2026  <b>3</b>"


def test_revenue_that_grew_stretches_the_scale():
    grown = TRIANGLE.with_columns(rate=pl.col("rate") * 1.2)
    assert figures.retention_heat_map(grown, title="Cohorts").data[0].zmax == 120


def test_cohorts_before_anybody_started_have_no_row():
    none = TRIANGLE.head(3).with_columns(cohort=date(2026, 6, 1), size=0, retained=0, rate=pl.lit(None, pl.Float64))
    shown = figures.retention_heat_map(pl.concat([none.cast(TRIANGLE.schema), TRIANGLE]), title="Cohorts")
    assert shown.layout.yaxis.ticktext[0] == "Jul 2026  <b>10</b>"


def test_labels_of_lines_that_end_together_are_moved_apart_and_keep_their_order():
    close = [RATES.with_columns(segment=pl.lit(f"S{k}"), value=pl.col("value") - k / 500) for k in range(3)]
    notes = line(pl.concat(close), by="segment").layout.annotations
    at = [note.y for note in notes]
    assert at == sorted(at, reverse=True)
    assert [note.showarrow for note in notes] == [True, True, True]
    assert [b.ay > a.ay for a, b in pairwise(notes)] == [True, True]


def test_the_band_of_a_stepped_line_has_steps_too():
    band = traces(line(stepped=True), fill="toself")[0]
    assert list(band.y)[:9] == [94.0, 94.0, 95.0, 95.0, 88.0, 88.0, 85.0, 85.0, None]
    assert list(band.x)[:4] == [MONTHS[0], MONTHS[1], MONTHS[1], MONTHS[2]]


def test_the_heat_map_stops_where_it_is_told_to():
    assert len(figures.retention_heat_map(TRIANGLE, title="Cohorts", upto=1).data[0].z[0]) == 2


def spread(rows):
    answers = pl.DataFrame(rows, schema={"answer": pl.Int64, "n": pl.Int64}, orient="row")
    return figures.spread(answers, answer="answer", count="n", noun="leaver", title="Ease", ends=("hard", "easy"))


def test_a_spread_leads_from_a_column_to_its_answer_and_says_its_counts():
    shown = spread([(1, 0), (2, 3), (3, 1)])
    assert [list(place) for place in shown.data[0].customdata] == [[1], [2], [3]]
    assert figures.alt_of(shown) == "Ease. 4 leavers by answer, hard to easy: 1: 0, 2: 3, 3: 1."


EMPTY = {
    "line": lambda: line(RATES.clear()),
    "line of nulls": lambda: line(RATES.with_columns(value=pl.lit(None, dtype=pl.Float64))),
    "waterfall": lambda: figures.waterfall(MOVEMENTS.clear(), currency="EUR", title="x"),
    "ranked": lambda: figures.ranked(RATES.clear(), label="state", value="value", unit=figures.PERCENT, title="x"),
    "distribution": lambda: figures.nps_distribution(pl.DataFrame({"score": [], "answers": []}), title="x"),
    "heat map": lambda: figures.retention_heat_map(TRIANGLE.clear(), title="x"),
    "history": lambda: figures.history(RATES.clear(), x="month", y="value", title="x"),
    "spread": lambda: spread([]),
    "spread of noughts": lambda: spread([(1, 0), (2, 0)]),
}


@pytest.mark.parametrize("draw", EMPTY.values(), ids=EMPTY.keys())
def test_an_empty_figure_says_so_in_words(draw):
    shown = draw()
    assert len(shown.layout.annotations) == 1
    assert len(figures.alt_of(shown)) > 10


ONE = {
    "line": lambda: line(RATES.head(1)),
    "provisional only": lambda: line(RATES.tail(1)),
    "ranked": lambda: figures.ranked(RATES.head(1), label="state", value="value", unit=figures.PERCENT, title="x"),
    "heat map": lambda: figures.retention_heat_map(TRIANGLE.head(1), title="x"),
    "history": lambda: figures.history(RATES.head(1), x="month", y="value", title="x"),
    "nothing moved": lambda: figures.waterfall(
        MOVEMENTS.with_columns(pl.lit(0).alias(c) for c in MOVEMENTS.columns[1:]), currency="EUR", title="x"
    ),
}


@pytest.mark.parametrize("draw", ONE.values(), ids=ONE.keys())
def test_one_row_is_enough_for_a_figure(draw):
    spec = json.loads(draw().to_json())
    assert spec["data"] or spec["layout"]["annotations"]


def test_names_from_outside_cannot_format_a_figure():
    frame = pl.DataFrame({"theme": ["<a href='javascript:x'>y</a>"], "lost": [1]})
    spec = figures.ranked(frame, label="theme", value="lost", unit=figures.COUNT, title="x").layout.annotations
    assert any("&lt;a href" in note.text for note in spec)
    assert not any("<a " in note.text for note in spec)


def test_colours_come_from_the_theme_of_the_viewer():
    """Every colour is a placeholder that the browser fills in, or see-through: none is right on white only."""
    drawn = [
        line(),
        figures.waterfall(MOVEMENTS, currency="EUR", title="x"),
        figures.retention_heat_map(TRIANGLE, title="x"),
    ]
    for figure in drawn:
        spec = json.loads(figure.to_json())
        spec["layout"].pop("template", None)
        found = {word for word in json.dumps(spec).replace('"', " ").split() if word.startswith("#")}
        assert all(colour.startswith("#0000") for colour in found), found


# Machado, Oliveira and Fernandes (2009), severity 1.0: what the three kinds of colour blindness see.
_SEEN = {
    "protanopia": [[0.152286, 1.052583, -0.204868], [0.114503, 0.786281, 0.099216], [-0.003882, -0.048116, 1.051998]],
    "deuteranopia": [[0.367322, 0.860646, -0.227968], [0.280085, 0.672501, 0.047413], [-0.011820, 0.042940, 0.968881]],
    "tritanopia": [[1.255528, -0.076749, -0.178779], [-0.078411, 0.930809, 0.147602], [0.004733, 0.691367, 0.303900]],
}


def linear(colour):
    channels = np.array([int(colour[place : place + 2], 16) for place in (1, 3, 5)]) / 255
    return np.where(channels <= 0.04045, channels / 12.92, ((channels + 0.055) / 1.055) ** 2.4)


def lab(rgb):
    xyz = np.array([[0.4124, 0.3576, 0.1805], [0.2126, 0.7152, 0.0722], [0.0193, 0.1192, 0.9505]]) @ np.clip(rgb, 0, 1)
    f = np.cbrt(np.maximum(xyz / np.array([0.9505, 1.0, 1.089]), 1e-6))
    return np.array([116 * f[1] - 16, 500 * (f[0] - f[1]), 200 * (f[1] - f[2])])


def contrast(one, other):
    lighter, darker = sorted(
        (float(np.array([0.2126, 0.7152, 0.0722]) @ linear(c)) for c in (one, other)), reverse=True
    )
    return (lighter + 0.05) / (darker + 0.05)


@pytest.mark.parametrize("mode", ["light", "dark"])
@pytest.mark.parametrize("eyes", _SEEN)
def test_kept_lost_and_quiet_are_told_apart_by_every_kind_of_eyes(mode, eyes):
    palette = THEME[mode]["chartCategoricalColors"]
    main = [lab(np.array(_SEEN[eyes]) @ linear(palette[place])) for place in (0, 1, 5)]
    assert min(float(np.linalg.norm(a - b)) for a, b in combinations(main, 2)) > 18


@pytest.mark.parametrize("mode", ["light", "dark"])
def test_colours_stand_out_from_the_paper_and_text_can_be_read(mode):
    theme = THEME[mode]
    assert all(contrast(colour, theme["backgroundColor"]) >= 3 for colour in theme["chartCategoricalColors"][:6])
    assert contrast(theme["textColor"], theme["backgroundColor"]) >= 7
    assert contrast(theme["grayColor"], theme["backgroundColor"]) >= 4.5
    assert contrast("#FFFFFF", theme["primaryColor"]) >= 4.5
    assert contrast(theme["linkColor"], theme["backgroundColor"]) >= 4.5


@pytest.mark.parametrize("mode", ["light", "dark"])
def test_the_scale_moves_steadily_away_from_the_paper(mode):
    distances = [contrast(colour, THEME[mode]["backgroundColor"]) for colour in THEME[mode]["chartSequentialColors"]]
    assert distances == sorted(distances)


def test_a_stack_keeps_the_order_of_its_parts_and_greys_the_quiet_one():
    rows = [(date(2026, month, 1), part, 100 * month) for part in ("Price", "All else") for month in (1, 2)]
    frame = pl.DataFrame(rows, schema=["month", "part", "lost"], orient="row")
    shown = figures.stacked(
        frame, x="month", y="lost", by="part", unit=figures.money("EUR"), title="Churn", quiet="All else"
    )
    assert [bar.name for bar in shown.data] == ["Price", "All else"]
    assert [list(bar.y) for bar in shown.data] == [[1, 2], [1, 2]]
    assert shown.data[0].marker.color != shown.data[1].marker.color
    assert figures.alt_of(shown) == "Churn. Price €3, All else €3."
