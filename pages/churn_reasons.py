"""Churn reasons: why customers leave, the money behind each reason, their words, and how the ending felt."""

import streamlit as st

from metrics import churn_reasons as metric
from metrics.themes import tag_themes
from pages.shared import data, figures, filters, links, notes, panel, tables
from pages.shared.answers import churn_reasons
from pages.shared.choices import choose
from pages.shared.findings import churn_reasons as findings

view = data.view()
choice = filters.row("period", "segment", "plan", "csm")
if not notes.need(view, "accounts", "subscriptions", to="see who left"):
    st.stop()
as_of, currency, names = data.frames(view).as_of, data.currency(view), churn_reasons.names()
leavers = findings.told(churn_reasons.leavers(view, choice.who, choice.since(as_of)), names)
reasons = findings.labelled(metric.reasons(leavers), names)

panel.head(*findings.headline(reasons, leavers, currency, choice.months))
notes.need(view, "exit_surveys", to="see why they left")
if leavers.is_empty():
    st.stop()

ending = metric.ending(leavers).row(0, named=True)
with panel.numbers():
    for label, value, note in findings.cards(leavers, ending, currency):
        panel.number(label, value, note=note)

with panel.section(
    "What it cost, by reason",
    metric.reasons,
    metric.leavers,
    tag_themes,
    detail="Adds up to all churned MRR of the period; rows in grey name no reason.",
    sources=("exit_surveys", "subscriptions"),
):
    by = choose("reasons_by", "Rank by", {"MRR lost": "lost_mrr", "Accounts": "share"})
    unit = figures.money(currency) if by == "lost_mrr" else figures.PERCENT
    shown = reasons if by == "share" else reasons.drop("low", "high")
    figure = figures.ranked(
        shown, label="label", value=by, unit=unit, title="Churn by reason", quiet=findings.silent(), lost=True
    )
    panel.chart(figure, key="churn_by_reason")
    about = {"view": view, "key": "churn-reasons", "alt": "Churn by reason", "about": choice.said()}
    tables.folded("As a table", reasons, findings.REASONS, **about)

with panel.section("Who left, in their words", detail="The dearest first; pick a row to open the account."):
    options = {"All reasons": None, **dict(zip(reasons["label"], reasons["theme"], strict=True))}
    chosen = st.selectbox("Reason", list(options), key="theme", width=280, bind="query-params")
    rows = findings.of_theme(leavers, options.get(chosen))
    picked = tables.show(
        rows,
        findings.LEAVERS,
        view=view,
        key="leavers",
        alt="Who left and why",
        select="single-row",
        about=choice.said(),
    )
    links.open_account(tables.chosen(rows, picked))

with panel.section("Over time", metric.reason_trend, detail="MRR lost by month; together it is all that churned."):
    trend = findings.dearest(metric.reason_trend(leavers), reasons, names)
    columns = figures.stacked(
        trend,
        x="month",
        y="lost_mrr",
        by="label",
        unit=figures.money(currency),
        title="Churned MRR by reason",
        quiet=findings.OTHERS,
    )
    panel.chart(columns, key="reasons_over_time")
