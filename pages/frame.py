"""Runs before every page: who is looking, navigation, the as-of banner, and the net under whatever a page does."""

from pathlib import Path

import streamlit as st

from pages.shared import boundary, data, links, navigation, notes, sign_in, taken_over, viewer
from records import patience

HERE = Path(__file__).resolve().parent
MARK, WORDMARK = (str(HERE / "shared" / name) for name in ("logo.svg", "wordmark.svg"))

st.set_page_config(page_title="Tenure", page_icon=MARK, layout="wide")
st.logo(WORDMARK, icon_image=MARK, size="large")


def start() -> None:
    """The default page answers at ``/`` only, so it shows nothing itself."""
    st.switch_page("overview.py")


who = viewer.now()
page = navigation.chosen(who, start)
with boundary.calm(page.title), patience.at_most(patience.OF_A_PAGE):
    if who is None or who.role is None:
        sign_in.draw(who)
        st.stop()
    sign_in.corner(who)
    if page.url_path and not who.may_open(page.url_path):
        sign_in.not_theirs(page.title, who)
        st.stop()
    links.at(page.title)
    notes.banner(page.title, data.begin())
    taken_over.tell()
    page.run()
