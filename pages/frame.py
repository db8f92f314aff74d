"""Runs before every page: navigation, the as-of banner, and the net under whatever a page does."""

from pathlib import Path

import streamlit as st

from pages.shared import boundary, data, links, notes

HERE = Path(__file__).resolve().parent
MARK, WORDMARK = (str(HERE / "shared" / name) for name in ("logo.svg", "wordmark.svg"))

st.set_page_config(page_title="Tenure", page_icon=MARK, layout="wide")
st.logo(WORDMARK, icon_image=MARK, size="large")


def start() -> None:
    """The default page answers at ``/`` only, so it shows nothing itself."""
    st.switch_page("overview.py")


def entry(file: str, title: str, icon: str, help: str) -> st.Page:
    """A page in the navigation."""
    return st.Page(file, title=title, icon=f":material/{icon}:", help=help)


PAGES = {
    "": [st.Page(start, title="Tenure", default=True, visibility="hidden")],
    "Executives": [
        entry(
            "overview.py",
            "Overview",
            "monitoring",
            "Recurring revenue, retention and what moved them, with what is at risk.",
        ),
        entry("cohorts.py", "Cohorts", "view_comfy", "How many of those who signed up together stay, month by month."),
    ],
    "Customer success": [
        entry(
            "accounts.py",
            "Accounts",
            "business",
            "The book: health and why it changed, renewals, silence, who is leaving.",
        ),
        entry("account.py", "Account", "badge", "One account: its scorecard, people, history and next renewal."),
        entry(
            "contacts.py",
            "Contacts",
            "calendar_month",
            "Who has been silent for too long, what renews when, and the next contact.",
        ),
    ],
    "Product": [
        entry("nps.py", "NPS", "sentiment_satisfied", "Would they recommend us: trend, groups, comments."),
        entry(
            "churn_reasons.py",
            "Churn reasons",
            "logout",
            "Why customers leave, the money behind each reason, and their words.",
        ),
        entry(
            "onboarding.py",
            "Onboarding",
            "rocket_launch",
            "How far new accounts get, how soon they get value, and who is stuck.",
        ),
    ],
    "Outreach": [
        entry(
            "campaigns.py",
            "Campaigns",
            "outgoing_mail",
            "Who was written to and why; what waits, what was sent, and what nobody is sure of.",
        ),
        entry(
            "results.py",
            "Results",
            "query_stats",
            "What came of it: delivered, answered, and who stayed, against accounts held out.",
        ),
    ],
    "Admin": [
        entry("data.py", "Data", "database", "Each source: rows, newest row, what was rejected and why."),
    ],
}

page = st.navigation(PAGES)
with boundary.calm(page.title):
    links.at(page.title)
    notes.banner(page.title, data.begin())
    page.run()
