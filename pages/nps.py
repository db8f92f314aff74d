"""NPS: would they recommend us, who says so, and what they wrote."""

import streamlit as st

from metrics import nps as metric
from pages.shared import data, figures, filters, notes, panel, tables, words
from pages.shared.answers import nps
from pages.shared.choices import choose
from pages.shared.findings import nps as findings

view = data.view()
choice = filters.row("period", "segment", "plan", "csm")
if not notes.need(view, "nps", to="see would they recommend you"):
    st.stop()
as_of = data.frames(view).as_of
asked = (choice.who, choice.since(as_of))
middle, before = (filters.Filters(months, choice.who).since(as_of) for months in (3, 6))
now, change = nps.now(view, *asked), nps.change(view, choice.who, middle, before)

panel.head(*findings.headline(now, change, choice.months))
if not now["n"].sum():
    filters.nothing_matches(choice)
    st.stop()

score, moved, answered = (
    now.row(0, named=True),
    change.row(0, named=True),
    nps.response(view, *asked).row(0, named=True),
)
with panel.numbers():
    panel.number(
        "NPS",
        words.score(score["score"]),
        note=f"95% {words.between(score['low'], score['high'], words.score)} · n = {score['n']:,}",
    )
    panel.number(
        "Newest quarter",
        words.number(moved["change"], signed=True),
        verdict=moved["verdict"],
        against="the one before",
        note=f"95% {words.between(moved['low'], moved['high'], words.score)}",
    )
    panel.number("Detractors", words.number(score["detractors"]), note=findings.detractors(now))
    panel.number(
        "Response rate",
        words.percent(answered["rate"]),
        note=f"{answered['answered']:,} of {words.plural(answered['sent'], 'invitation')}",
    )

with panel.section(
    "Over time",
    metric.nps_trend,
    detail="Three months pooled, so that few answers do not look like news.",
    sources=("nps",),
):
    trend = nps.trend(view, *asked)
    panel.chart(figures.line(trend, x="period", y="score", unit=figures.SCORE, title="NPS over time"), key="nps_trend")

left, right = st.columns(2)
with left, panel.section("How the answers spread", metric.distribution):
    panel.chart(figures.nps_distribution(nps.spread(view, *asked), title="Answers by score"), key="nps_spread")
with right, panel.section("By group", metric.nps):
    segment = choose("nps_by", "Group by", {"Segment": "segment", "Plan": "plan", "Country": "country"})
    ranked = findings.segments(nps.by_segment(view, *asked, segment), segment)
    panel.chart(
        figures.ranked(ranked, label="label", value="score", unit=figures.SCORE, title=f"NPS by {segment}"),
        key="nps_groups",
    )

with panel.section("In their words", detail="Newest first, in the language they wrote."):
    low, high = choose("nps_group", "Show", findings.GROUPS)
    said = nps.comments(view, *asked)
    said = said.filter(said["score"].is_between(low, high))
    tables.show(said, findings.COMMENTS, view=view, key="nps-comments", alt="Comments", about=choice.said())
