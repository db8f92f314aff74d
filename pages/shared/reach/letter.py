"""One message as its reader gets it, and what the tone check says of it."""

from __future__ import annotations

import streamlit as st

import settings
from pages.shared import words
from pages.shared.answers import campaigns as answers
from pages.shared.churn.editor import words_of
from pages.shared.data import View
from pages.shared.findings import outreach_words as called
from pages.shared.reach import masking


def show(view: View, message_id: str) -> None:
    """The message in full but for its links that act for its reader: it was not sent to whoever looks at it here.

    It is shown as text: what it holds comes from anywhere.
    """
    found = answers.message(view, message_id)
    if found is None or found.text is None:
        st.caption("Nothing was written for them." if found is not None else "That message is gone.")
        return
    held = settings.get().outreach
    with st.container(border=True, gap="xsmall", key="letter"):
        to = f"{found.name} <{found.address}>" if found.name and found.address else found.address or found.name or ""
        for label, said in (("From", f"{held.sender_name} <{held.sender_address}>"), ("To", to)):
            st.markdown(f":gray[{label}:] {words.inert(said)}")
        st.markdown(f"**{words.inert(masking.without_links(found.subject or ''))}**")
        words_of(masking.without_links(found.text))
    for flag in answers.flags(found):
        said = f"**{called.FLAGGED[flag.kind].capitalize()}: “{words.inert(flag.excerpt)}”** {words.inert(flag.why)}"
        st.warning(said, icon=":material/record_voice_over:")
