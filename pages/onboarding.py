"""Onboarding: how far new accounts get, how soon they get value, and who is stuck on the way."""

from functools import partial

import streamlit as st

from metrics import onboarding as metric
from metrics.first_days import first_value_days
from pages.shared import behind, data, filters, notes, onboarding_drill, panel, words
from pages.shared.answers import onboarding
from pages.shared.choices import choose
from pages.shared.findings import onboarding as findings
from pages.shared.findings.contacts import sums
from pages.shared.reach.chosen import STUCK

view = data.view()
choice = filters.row("period", "segment", "plan", "csm")
if not notes.need(view, "accounts", "subscriptions", "events", to="see how new accounts get on"):
    st.stop()
within = choose("within", "In time is", findings.WITHIN, default=2)
asked = onboarding.Asked(choice.who, choice.since(data.frames(view).as_of), within)
value, steps = onboarding.to_value(view, asked, None), onboarding.funnel(view, asked, None)
stuck, currency, about = onboarding.stuck(view, asked), data.currency(view), choice.said()

if value.is_empty():
    panel.head(f"Nobody signed up in the last {choice.months} months")
    filters.nothing_matches(choice)
    st.stop()
panel.head(findings.headline(steps, value, stuck, within, currency), findings.detail(value, choice.months))

got = value.row(0, named=True)
with panel.numbers():
    with panel.number("Get value in time", words.percent(got["rate"]), note=findings.share_note(got)):
        rows = partial(onboarding.at_step, view, asked, None, None)
        behind.accounts("Who got value in time", rows, findings.REACHED, key="value", about=about)
    with panel.number("Half have value within", findings.days(got["median_days"]), note=f"n = {got['size']:,}"):
        rows = partial(onboarding.at_step, view, asked, None, None)
        behind.accounts("Days to value", rows, findings.REACHED, key="days", about=about)
    for row in steps.tail(1).iter_rows(named=True):
        label, rows = f"Reach “{words.inert(row['step'])}”", partial(onboarding.at_step, view, asked, row["step"], None)
        with panel.number(label, words.percent(row["rate"]), note=findings.share_note(row)):
            behind.accounts("Who reached the last step", rows, findings.REACHED, key="last_step", about=about)
        note = f"{sums(stuck, currency)} · longer at a step than nine in ten took"
        with panel.number("Stuck now", words.number(stuck.height), note=note):
            behind.accounts("Stuck accounts", stuck.clone, findings.STUCK, key="stuck_card", about=about, to=STUCK)

if steps.is_empty():
    st.info(
        "No onboarding step is known. Give `onboarding_step` in `config/sources/features.sql`, or add "
        "`config/sources/milestones.sql`, to see how far new accounts get.",
        icon=":material/add_circle:",
    )
left, right = st.columns(2)
if not steps.is_empty():
    with left, panel.section(findings.funnel_said(steps, within), metric.funnel, metric.account_steps):
        onboarding_drill.funnel(choice, asked, steps)
    with right, panel.section("By month of sign-up", metric.funnel, sources=("milestones",)):
        options = findings.step_options(steps)
        step = st.selectbox("Step", list(options), key="onboarding_step", width=280, bind="query-params")
        onboarding_drill.by_month(choice, asked, options.get(step))
said, detail = findings.time_said(got), "After how many days half of a month's sign-ups had value."
with panel.section(said, metric.time_to_value, first_value_days, detail=detail, sources=("events",)):
    onboarding_drill.days_to_value(choice, asked)
if not steps.is_empty():
    with panel.section("Stuck on the way", metric.stuck, detail="Largest MRR first. Pick a row to open the account."):
        empty = "Nobody has been at a step for longer than nine in ten of those who passed it."
        st.caption(empty if stuck.is_empty() else f"{findings.stuck_said(stuck, currency)}.")
        behind.listed("Stuck on the way", stuck, findings.STUCK, key="stuck", about=about, to=STUCK)
