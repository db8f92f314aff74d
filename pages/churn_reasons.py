"""Churn reasons: why customers leave, the money behind each reason, their words, and what may bring them back."""

import streamlit as st

from metrics import churn_reasons as metric
from pages.shared import data, filters, notes, panel, trail, written
from pages.shared.answers import churn_reasons
from pages.shared.churn import top
from pages.shared.churn.asking import Part
from pages.shared.findings import churn_reasons as findings

view = data.view()
choice = filters.row("period", "segment", "plan", "csm")
if not notes.need(view, "accounts", "subscriptions", to="see who left"):
    st.stop()
asked = churn_reasons.Asked(choice.who, choice.since(data.frames(view).as_of), written.newest())
leavers = churn_reasons.leavers(view, asked)
totals = metric.totals(leavers).row(0, named=True)
reasons = findings.labelled(metric.reasons(leavers), churn_reasons.names())

trail.viewed("page/churn_reasons")
if leavers.is_empty() and not filters.fit(data.frames(view), choice.who):
    panel.head(filters.nobody(choice))
    filters.nothing_matches(choice)
    st.stop()
panel.head(*findings.headline(reasons, totals, data.currency(view), asked.since, chosen=any(choice.who)))
notes.need(view, "exit_surveys", to="see why they left")
part = Part(view, choice, asked, leavers)
if not leavers.is_empty():
    top.numbers(part, totals)
top.tabs(part)
