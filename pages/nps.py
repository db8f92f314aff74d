"""NPS: would they recommend us, who says so, what they wrote, and who waits for an answer."""

from datetime import date
from functools import partial

import streamlit as st

from metrics import nps as metric
from metrics.nps_groups import changed_by, last_answers, nps_groups
from metrics.nps_people import by_theme, unanswered
from pages.shared import behind, data, filters, notes, nps_drill, panel, tables, trail, viewer, words
from pages.shared.answers import churn_reasons, nps
from pages.shared.choices import choose
from pages.shared.findings import nps as findings
from pages.shared.reach.chosen import DETRACTED, DETRACTORS
from pages.shared.roles import Right

view = data.view()
choice = filters.row("period", "segment", "plan", "csm")
if not notes.need(view, "nps", to="see whether they would recommend you"):
    st.stop()
with st.container(horizontal=True, vertical_alignment="bottom"):
    kind = choose("nps_kind", "Surveys", findings.KINDS) if nps.kinds(view).height > 1 else None
    weight = choose("nps_weight", "One vote per", findings.WEIGHTS)
    window = choose("nps_window", "Window", findings.WINDOWS, default=1)
asked = nps.Asked(choice.who, choice.since(data.frames(view).as_of), kind, weight)
now, change = nps.now(view, *asked), nps.change(view, asked, window)

if not now["n"].sum():
    newest = nps.answers(view, filters.Who(), date.min)["day"].max()
    panel.head(*findings.no_answers(newest, choice.months, any(choice.who) or kind is not None))
    st.stop()
panel.head(*findings.headline(now, change, choice.months, window))

about, currency = choice.said(), data.currency(view)
score, moved, answered = (rows.row(0, named=True) for rows in (now, change, nps.response(view, asked)))
with panel.numbers():
    note = f"95% {words.between(score['low'], score['high'], words.score)} · n = {score['n']:,}"
    with panel.number("NPS", words.score(score["score"]), note=note):
        rows = partial(nps.by_account, view, asked)
        behind.accounts("Who answered", rows, findings.ACCOUNTS, key="nps", about=about)
    note = f"95% {words.between(moved['low'], moved['high'], words.score)} · {findings.against_before(window)}"
    value = words.number(moved["change"], signed=True)
    with panel.number("Change", value, verdict=moved["verdict"], note=note):
        rows = partial(nps.changed, view, asked, window)
        behind.accounts("What the change comes from", rows, findings.CHANGED, key="nps_change", about=about)
    with panel.number("Response rate", words.percent(answered["rate"]), note=findings.response_note(answered)):
        rows = partial(nps.response_by_account, view, asked)
        behind.accounts("Who was asked", rows, findings.RESPONSE, key="nps_response", about=about)
    share = words.percent(score["detractors"] / score["n"])
    with panel.number("Detractors", words.number(score["detractors"]), note=f"{share} of answers"):
        rows = partial(nps.unhappy, view, asked)
        title, reach = "Accounts with detractors", {"about": about, "to": DETRACTED}
        behind.accounts(title, rows, findings.ACCOUNTS, key="nps_detractors", **reach)

trend = nps.trend(view, asked, window)
how = (metric.nps_trend, metric.nps_change, last_answers, changed_by)
with panel.section(findings.over_time(trend), *how, detail=findings.pooled(window, weight), sources=("nps",)):
    nps_drill.over_time(choice, asked, trend, window)

left, right = st.columns(2)
with left, panel.section(findings.spread_said(now), metric.distribution, metric.response_rate):
    nps_drill.spread(choice, asked)
with right, panel.section("Who would recommend us", nps_groups):
    segment = choose("nps_by", "Compare", findings.SEGMENTS)
    groups = nps.by_group(view, asked, segment)
    st.caption(findings.groups_said(groups, segment))
    nps_drill.groups(choice, asked, groups, segment, score["score"])

names = churn_reasons.names()
themes = findings.labelled(nps.themes(view, asked), names)
for group, column in zip(("detractors", "promoters"), st.columns(2), strict=True):
    side = findings.side(themes, group)
    with column, panel.section(findings.side_said(side, group), by_theme, detail=findings.side_detail(themes, group)):
        nps_drill.themes(choice, asked, side, group)

trail.viewed("page/nps")
if notes.need(view, "touches", to="see which detractors nobody has answered yet"):
    with panel.section("Detractors nobody has answered yet", unanswered, sources=("touches",)):
        reached = choose("nps_reached", "Answered is who heard from us since", findings.REACHED)
        waiting = findings.marked(nps.waiting(view, asked, reached))
        st.caption(findings.waiting_said(waiting, currency))
        reach = {"about": about, "to": DETRACTORS}
        behind.listed("Detractors not answered", waiting, findings.WAITING, key="nps-waiting", **reach)

if viewer.may(Right.COMMENTS):
    detail = "Newest first, in the language they wrote. Pick a row to open the account."
    with panel.section("In their words", detail=detail):
        with st.container(horizontal=True, vertical_alignment="bottom"):
            group = choose("nps_group", "From", findings.SAID_BY)
            options = findings.theme_options(themes, group)
            theme = st.selectbox("About", list(options), key="nps_theme", width=280, bind="query-params")
        said = findings.of_theme(findings.of_group(nps.comments(view, asked), group), options.get(theme))
        behind.listed("Comments", findings.told(said, names), findings.COMMENTS, key="nps-comments", about=about)
label, table = "Every theme of every group, as a table", {"alt": "Themes by group", "about": about}
tables.folded(label, themes, findings.THEMES, view=view, key="nps-themes", **table)
