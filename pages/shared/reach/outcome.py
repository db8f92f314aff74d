"""What came of outreach: the effect against the holdout, counts by play and campaign, and the answers."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import streamlit as st

import settings
from metrics.outreach_effect import outreach_effect
from outreach.holdout import held_out
from outreach.results import Results
from pages.shared import figures, links, panel, tables, viewer, words
from pages.shared.choices import choose
from pages.shared.churn.editor import words_of
from pages.shared.data import View
from pages.shared.findings import results as findings
from pages.shared.reach import chosen


def effect(view: View, found: Results, titles: Mapping[str, str]) -> None:
    """Whether plays keep customers, by intent to treat, all campaigns of a play together."""
    rows = findings.effect(found, titles)
    with st.container(horizontal=True):
        outcome = choose("effect_outcome", "Outcome", findings.OUTCOMES)
        days = choose("effect_days", "After", findings.DAYS)
    detail = "Accounts written to against accounts held out by chance; the line is the 95% interval."
    with panel.section(findings.effect_said(rows, outcome, days), outreach_effect, held_out, detail=detail):
        for said in findings.each_said(rows, outcome, days):
            st.markdown(said)
        drawn = findings.compared(rows, outcome, days)
        if drawn["enough"].any():
            shown = figures.compared(
                drawn,
                label="title",
                value="difference",
                unit=figures.POINTS,
                title="Difference against the holdout",
                reference=(0.0, "no difference"),
            )
            panel.chart(shown, key=f"effect_{outcome}_{days}")
        alt = "Effect against the holdout"
        tables.folded("Every outcome as a table", rows, findings.EFFECT, key="effect", view=view, alt=alt)


def counts(view: View, found: Results, titles: Mapping[str, str], opted_out: Mapping[str, int]) -> None:
    """Counts by play and by campaign."""
    with panel.section("By play"):
        rows = findings.plays(found, titles, opted_out)
        tables.show(rows, findings.PLAYS, view=view, key="results-by-play", alt="What came of each play")
    opens = viewer.may_open(chosen.PAGE)
    with panel.section("By campaign", detail="Pick a row to open the campaign." if opens else None):
        rows = findings.campaigns(found, settings.get().organisation.time_zone)
        alt = "What came of each campaign"
        select = "single-row" if opens else None
        picked = tables.show(rows, findings.CAMPAIGNS, view=view, key="results-by-campaign", alt=alt, select=select)
        if picked:
            st.switch_page(chosen.PAGE, query_params={chosen.CAMPAIGN: rows["campaign_id"][picked[0]]})


def answers(view: View, found: Results, titles: Mapping[str, str]) -> None:
    """What people answered, as they wrote it."""
    rows = findings.answered(found, titles, settings.get().organisation.time_zone)
    detail = "The newest first. From the next refresh on they count as answers of exit surveys and NPS."
    with panel.section(findings.answers_said(rows), detail=detail):
        picked = tables.show(
            rows, findings.ANSWERS, view=view, key="outreach-answers", alt="Answers", select="single-row",
            empty="Nobody has answered yet.",
        )  # fmt: skip
        if picked:
            _answer(rows.row(picked[0], named=True))


def _answer(row: Mapping[str, Any]) -> None:
    with st.container(border=True, key="answer_open"):
        score = "" if row["score"] is None else f" · {row['score']} of 10"
        st.markdown(f"**{words.inert(row['account'])}**{score}")
        words_of(row["comment"])
        query = {links.ACCOUNT: row["account_id"]}
        st.page_link("account.py", label="Open the account", icon=":material/badge:", query_params=query)
