"""Runs before every page: navigation, the as-of banner, and the net under whatever a page does."""

from pathlib import Path

import streamlit as st

from pages.shared import boundary, data, notes

HERE = Path(__file__).resolve().parent
MARK, WORDMARK = (str(HERE / "shared" / name) for name in ("logo.svg", "wordmark.svg"))

st.set_page_config(page_title="Tenure", page_icon=MARK, layout="wide")
st.logo(WORDMARK, icon_image=MARK, size="large")


def start() -> None:
    """The default page answers at ``/`` only, so it shows nothing itself."""
    st.switch_page("overview.py")


PAGES = {
    "": [st.Page(start, title="Tenure", default=True, visibility="hidden")],
    "Executives": [
        st.Page(
            "overview.py",
            title="Overview",
            icon=":material/monitoring:",
            help="Recurring revenue, retention and what moved them, with what is at risk.",
        ),
        st.Page(
            "cohorts.py",
            title="Cohorts",
            icon=":material/view_comfy:",
            help="How many of those who signed up together stay, month by month.",
        ),
    ],
    "Customer success": [
        st.Page(
            "accounts.py",
            title="Accounts",
            icon=":material/business:",
            help="The book: health and why it changed, renewals, silence, who is leaving.",
        ),
        st.Page(
            "account.py",
            title="Account",
            icon=":material/badge:",
            help="One account: its scorecard, people, history and next renewal.",
        ),
        st.Page(
            "contacts.py",
            title="Contacts",
            icon=":material/calendar_month:",
            help="Who has been silent for too long, what renews when, and the next contact.",
        ),
    ],
    "Product": [
        st.Page(
            "nps.py",
            title="NPS",
            icon=":material/sentiment_satisfied:",
            help="Would they recommend us: trend, groups, comments.",
        ),
        st.Page(
            "churn_reasons.py",
            title="Churn reasons",
            icon=":material/logout:",
            help="Why customers leave, the money behind each reason, and their words.",
        ),
        st.Page(
            "onboarding.py",
            title="Onboarding",
            icon=":material/rocket_launch:",
            help="How far new accounts get, how soon they get value, and who is stuck.",
        ),
    ],
    "Admin": [
        st.Page(
            "data.py",
            title="Data",
            icon=":material/database:",
            help="Each source: rows, newest row, what was rejected and why.",
        ),
    ],
}

page = st.navigation(PAGES)
with boundary.calm(page.title):
    notes.banner(page.title, data.begin())
    page.run()
