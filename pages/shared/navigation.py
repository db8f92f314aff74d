"""The pages by section, and which of them a viewer finds in the navigation."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import streamlit as st

from pages.shared.viewer import Viewer


class Entry(NamedTuple):
    """A page in the navigation, by its file's name without the ending."""

    name: str
    title: str
    icon: str
    help: str

    def page(self, who: Viewer | None) -> st.Page:
        """The page as a viewer finds it. One that is not theirs keeps its address, so that it can say whose it is."""
        listed = who is not None and who.may_open(self.name)
        return st.Page(
            f"{self.name}.py",
            title=self.title,
            icon=f":material/{self.icon}:",
            help=self.help,
            visibility="visible" if listed else "hidden",
        )


PAGES = {
    "Executives": [
        Entry(
            "overview",
            "Overview",
            "monitoring",
            "Recurring revenue, retention and what moved them, with what is at risk.",
        ),
        Entry("cohorts", "Cohorts", "view_comfy", "How many of those who signed up together stay, month by month."),
    ],
    "Customer success": [
        Entry(
            "accounts",
            "Accounts",
            "business",
            "The book: health and why it changed, renewals, silence, who is leaving.",
        ),
        Entry("account", "Account", "badge", "One account: its scorecard, people, history and next renewal."),
        Entry(
            "contacts",
            "Contacts",
            "calendar_month",
            "Who has been silent for too long, what renews when, and the next contact.",
        ),
    ],
    "Product": [
        Entry("nps", "NPS", "sentiment_satisfied", "Would they recommend us: trend, groups, comments."),
        Entry(
            "churn_reasons",
            "Churn reasons",
            "logout",
            "Why customers leave, the money behind each reason, and their words.",
        ),
        Entry(
            "onboarding",
            "Onboarding",
            "rocket_launch",
            "How far new accounts get, how soon they get value, and who is stuck.",
        ),
    ],
    "Outreach": [
        Entry(
            "campaigns",
            "Campaigns",
            "outgoing_mail",
            "Who was written to and why; what waits, what was sent, and what nobody is sure of.",
        ),
        Entry(
            "results",
            "Results",
            "query_stats",
            "What came of it: delivered, answered, and who stayed, against accounts held out.",
        ),
    ],
    "Admin": [
        Entry("data", "Data", "database", "Each source: rows, newest row, what was rejected and why."),
    ],
}


def chosen(who: Viewer | None, start: Callable[[], None]) -> st.Page:
    """The page that was asked for, with the viewer's own beside it; with none while there is nothing to see.

    ``start`` is what answers at ``/``.
    """
    pages = {"": [st.Page(start, title="Tenure", default=True, visibility="hidden")]}
    pages |= {section: [each.page(who) for each in entries] for section, entries in PAGES.items()}
    return st.navigation(pages, position="hidden" if who is None or who.role is None else "sidebar")
