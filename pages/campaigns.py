"""Campaigns: whom to write to and what, everybody's message before it goes, and what became of it."""

import streamlit as st

from outreach.plays import PlayError
from pages.shared import data, notes, panel, words, written
from pages.shared.answers import campaigns as answers
from pages.shared.reach import acting, chosen, compose, listing, preview, under_way
from records.errors import RecordsError

view = data.view()
if not notes.need(view, "accounts", "people", to="write to people"):
    st.stop()


def draw() -> None:
    """The campaign that the address names, else the audience just chosen, else all campaigns."""
    may = written.can_save()
    written.not_saved(acting.PART)
    campaign_id = chosen.opened()
    if campaign_id is not None:
        st.button("All campaigns", type="tertiary", icon=":material/arrow_back:", key="back", on_click=chosen.close)
        found = answers.campaign(view, campaign_id)
        if found is None:
            panel.head("That campaign is not here", "It may be a draft that somebody threw away.")
        elif found.state == "draft":
            preview.show(view, found, may)
        else:
            under_way.show(view, found, may)
        return
    picked = chosen.now()
    if picked is not None:
        compose.show(view, picked, may)
    else:
        listing.show(view)


try:
    draw()
except RecordsError:
    panel.head("Campaigns", "What was sent is written down where nothing can be read right now.")
except PlayError as error:
    st.error(words.marked(str(error)), icon=":material/build:")
