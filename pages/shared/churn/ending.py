"""The ending: how easy it was to leave, who would return, and how long it took from asking to the end."""

from __future__ import annotations

from functools import partial

import streamlit as st

from metrics import churn_reasons as metric
from metrics.leaver_groups import felt, felt_spread
from pages.shared import behind, figures, notes, panel, words
from pages.shared.churn.asking import Part
from pages.shared.findings import churn_endings as findings

_ENDS = {"ease": ("1 hard", "5 easy"), "would_return": ("0 never", "10 surely")}
_TITLES = {"ease": "How easy it was to leave", "would_return": "Whether they would return"}


def show(part: Part) -> None:
    """The tab."""
    notes.need(part.view, "exit_surveys", to="see how the ending felt")
    if part.leavers.is_empty():
        st.caption("Nobody left in this period, so nothing has ended.")
        return
    rows = findings.endings(part.leavers, part.names)
    ease, would = (felt(part.leavers, question).row(0, named=True) for question in ("ease", "would_return"))
    with panel.section(findings.ending_said(rows, would), metric.ending, felt, sources=("exit_surveys",)):
        with panel.numbers(3):
            for key, label, row in (
                ("ease", "Ease of leaving, 1 to 5", ease),
                ("would_return", "Would return, 0 to 10", would),
            ):
                with panel.number(label, words.number(row["mean"], digits=1), note=findings.mean_note(row)):
                    mine = partial(findings.with_answer, rows, key)
                    behind.accounts(label, mine, findings.ENDINGS, key=f"ending_{key}", about=part.about)
            days = metric.ending(part.leavers)["days_to_end"].item()
            with panel.number("Days from request to end", words.number(days), note=findings.days_note(rows)):
                mine = partial(findings.with_answer, rows, "days")
                behind.accounts("Who asked to leave", mine, findings.ENDINGS, key="ending_days", about=part.about)
        left, right = st.columns(2)
        with left:
            _spread(part, "ease")
        with right:
            _spread(part, "would_return")
    with panel.section("Account by account", detail="Who would return first. Pick a row to open the account."):
        behind.listed("How it ended", rows, findings.ENDINGS, key="endings", about=part.about)


def _spread(part: Part, question: str) -> None:
    st.markdown(f"**{_TITLES[question]}**")
    figure = figures.spread(
        felt_spread(part.leavers, question),
        answer="answer",
        count="leavers",
        noun="leaver",
        title=_TITLES[question],
        ends=_ENDS[question],
    )
    clicked = panel.clickable(figure, key=f"ending_{question}")
    if clicked:
        rows = findings.with_answer(findings.endings(part.leavers, part.names), question, int(clicked[0]))
        title = f"{_TITLES[question]}: {words.plural(rows.height, 'account')} gave {int(clicked[0])}"
        behind.below(title, rows, findings.ENDINGS, key=f"ended-{question}", about=part.about)
