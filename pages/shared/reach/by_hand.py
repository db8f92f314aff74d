"""An answer that came by mail or on the phone, logged as what it is: the answer to a question we had sent."""

from __future__ import annotations

import polars as pl
import streamlit as st

import settings
from pages.shared import panel, viewer, written
from pages.shared.answers import campaigns as asked_of
from pages.shared.answers import results as asking
from pages.shared.choices import told_apart
from pages.shared.data import View
from pages.shared.reach import acting
from pages.shared.roles import Right
from records import answers
from records.answers import LONGEST
from records.database import engine

_DETAIL = "Somebody replied to the mail instead of following its link: log it, and it counts like any other answer."


def show(view: View, sent: pl.DataFrame) -> None:
    """The section; ``sent`` are the campaigns with counts. Nothing where no question was sent."""
    questions = _questions(sent)
    mine = sent.filter(pl.col("campaign_id").is_in(list(questions)), pl.col("delivered") + pl.col("uncertain") > 0)
    if mine.is_empty() or not viewer.may(Right.APPROVE):
        return
    with panel.section("Log a reply", detail=_DETAIL):
        if not written.can_save():
            return
        titles = told_apart(dict(mine.select("campaign_id", pl.coalesce("title", "play")).iter_rows()))
        left, right = st.columns(2)
        with left:
            campaign = st.selectbox("Campaign", list(titles), format_func=lambda id: titles[id], key="reply_campaign")
        people = told_apart(dict(asking.asked(view, campaign).iter_rows()))
        with right:
            message = st.selectbox(
                "Who replied", list(people), format_func=lambda id: people[id], key=f"reply_to_{campaign}", index=None,
                placeholder="Choose who replied",
            )  # fmt: skip
        if message is not None:
            _form(message, questions[campaign])


def _questions(sent: pl.DataFrame) -> dict[str, str]:
    """What each campaign asks, where it asks anything: as it was drafted, else as its play asks today."""
    drafted = answers.questions(engine(settings.get()))
    plays = asked_of.plays()
    today = {id: plays[play].question for id, play in sent.select("campaign_id", "play").iter_rows() if play in plays}
    return {id: asks for id, asks in (today | drafted).items() if asks}


def _form(message: str, question: str) -> None:
    key = f"reply_{message}"
    score = None
    if question == "nps":
        score = st.segmented_control("Their score, 0 to 10", list(range(11)), key=f"{key}_score")
    st.text_area("In their words", key=key, max_chars=LONGEST, height=120,
                 placeholder="As they wrote it" + (", if they gave a reason" if question == "nps" else ""))  # fmt: skip
    args = (message, question, score, key)
    st.button("Log the reply", type="primary", key=f"{key}_save", on_click=acting.log_answer, args=args)
    st.caption("An earlier answer to the same message is replaced.")
