"""Results: what was delivered and answered, and whether those written to stay more than those held out."""

import streamlit as st

from outreach.plays import PlayError
from pages.shared import data, notes, panel, trail, viewer, words, written
from pages.shared.answers import campaigns as asked_of
from pages.shared.answers import results as asking
from pages.shared.findings import results as findings
from pages.shared.reach import acting, by_hand, outcome
from records.errors import RecordsError

view = data.view()
if not notes.need(view, "accounts", "subscriptions", to="see what outreach changed"):
    st.stop()


def draw() -> None:
    """The page."""
    found, titles, opted_out = asking.found(view), asked_of.titles(), asking.opted_out(view)
    panel.head(*findings.headline(found, titles))
    written.not_saved(acting.PART)
    if found.plays.is_empty():
        if viewer.may_open("campaigns.py"):
            st.page_link("campaigns.py", label="Campaigns", icon=":material/outgoing_mail:")
        return
    with panel.numbers():
        for label, value, note in findings.cards(found, opted_out):
            panel.number(label, value, note=note)
    outcome.effect(view, found, titles)
    outcome.counts(view, found, titles, opted_out)
    trail.viewed("page/results")
    outcome.answers(view, found, titles)
    by_hand.show(view, found.campaigns)


try:
    draw()
except RecordsError as error:
    panel.head("Results", "What was sent is written down where nothing can be read right now.")
    st.info(words.marked(str(error)), icon=":material/cloud_off:")
except PlayError as error:
    st.error(words.marked(str(error)), icon=":material/build:")
