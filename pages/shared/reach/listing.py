"""The campaigns there are, and how one begins."""

from __future__ import annotations

import polars as pl
import streamlit as st

import settings
from pages.shared import panel, tables, viewer
from pages.shared.answers import campaigns as answers
from pages.shared.choices import choose
from pages.shared.data import View
from pages.shared.findings import campaigns as findings
from pages.shared.reach import chosen, standing

_SHOWN = {"All": (), "Drafts": ("draft",), "Under way": ("running", "paused"), "Over": ("done", "cancelled")}
_STARTS = (
    ("accounts.py", "Accounts", ":material/business:", "the book, those leaving, the top tenth"),
    ("churn_reasons.py", "Churn reasons", ":material/logout:", "those who left for a reason"),
    ("contacts.py", "Contacts", ":material/calendar_month:", "a week's renewals, the silent"),
    ("nps.py", "NPS", ":material/sentiment_satisfied:", "detractors nobody has answered"),
    ("onboarding.py", "Onboarding", ":material/rocket_launch:", "those stuck at a step"),
    ("overview.py", "Overview", ":material/monitoring:", "those who pay and get nothing"),
)


def show(view: View) -> None:
    """The page without a campaign."""
    zone = settings.get().organisation.time_zone
    rows = findings.listed(answers.listed(view), answers.titles(), zone)
    panel.head(*findings.headline(rows))
    standing.show(waiting=bool(rows["waiting"].sum()))
    if rows.height:
        with panel.section("Campaigns", detail="Pick a row to open it."):
            _table(view, rows)
    _begin()


def _table(view: View, rows: pl.DataFrame) -> None:
    states = choose("campaigns", "Show", _SHOWN)
    shown = rows.filter(pl.col("state").is_in(states)) if states else rows
    picked = tables.show(
        shown,
        findings.CAMPAIGNS,
        view=view,
        key="campaigns_table",
        select="single-row",
        alt="Campaigns",
        empty="None is like that.",
    )
    if picked:
        chosen.show(tables.chosen(shown, picked, "id")[0])
        st.rerun()


def _begin() -> None:
    with (
        panel.section(
            "Whom to write to", detail="Any table of accounts has “Reach out…” beside its downloads. Begin with:"
        ),
        st.grid(3, min_column_width=220, gap="small"),
    ):
        for page, label, icon, who in _STARTS:
            if not viewer.may_open(page):
                continue
            with st.container(gap="xxsmall"):
                st.page_link(page, label=label, icon=icon)
                st.caption(who)
