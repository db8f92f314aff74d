"""How sending stands: paused and why, whether a worker lives, and whether mail leaves this machine."""

from __future__ import annotations

from datetime import UTC, datetime

import streamlit as st

import settings
from pages.shared import viewer, words
from pages.shared.answers import campaigns as answers
from pages.shared.reach import acting
from pages.shared.roles import Right

_WHY = "tenure_pause_all"


def show(*, waiting: bool) -> None:
    """One quiet line when all is well; what is not stands above it. ``waiting``: messages wait to be sent."""
    now, found = datetime.now(UTC), answers.standing()
    if found.sending.paused:
        _paused(found)
    elif waiting and not found.working(now):
        _no_worker(found, now)
    elif found.leaves and found.mail_ok is False:
        st.warning("The mail server does not answer; messages wait and are tried again.", icon=":material/cloud_off:")
    with st.container(horizontal=True, vertical_alignment="center", gap="medium"):
        st.caption(_line(found, now), width="content")
        if viewer.may(Right.OPERATE) and not found.sending.paused:
            _pause()


def _paused(found: answers.Standing) -> None:
    since = found.sending.changed_at
    at = "" if since is None else f" since {words.moment(since.astimezone(settings.get().organisation.zone))}"
    with st.container(border=True):
        st.markdown(f":material/pause_circle: **Sending is paused{at}.** Nothing of any campaign begins to be sent.")
        st.text(found.sending.reason or "")
        if viewer.may(Right.OPERATE):
            st.button("Resume sending", type="primary", key="resume_all", on_click=acting.resume_all)
            st.caption(
                "After a database was restored, messages may stand as waiting that were sent before: look at the "
                "campaigns first, and cancel those that went out."
            )


def _no_worker(found: answers.Standing, now: datetime) -> None:
    seen = "has been seen yet" if found.seen_at is None else f"was seen since {words.age(now - found.seen_at)}"
    st.warning(
        f"Nothing is being sent: no worker {seen}. The server runs one; or run `python -m outreach.worker`.",
        icon=":material/hourglass_empty:",
    )


def _line(found: answers.Standing, now: datetime) -> str:
    way = (
        ":material/mail: Mail leaves through the mail server"
        if found.leaves
        else ":material/draft: No mail leaves: it is written to files in `.data/outbox` until `SMTP_URL` is set"
    )
    seen = "no worker yet" if found.seen_at is None else f"worker seen {words.age(now - found.seen_at)}"
    return f"{way} · {seen}"


def _pause() -> None:
    with st.popover("Pause all sending", type="tertiary", icon=":material/pause:", key="pause_all"):
        st.caption("No message of any campaign begins to be sent until somebody resumes.")
        st.text_input("Why", key=_WHY, max_chars=200, placeholder="So that others know")
        st.button("Pause", key="pause_all_now", on_click=acting.pause_all, args=(_WHY,))
