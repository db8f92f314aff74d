"""What a press of a button on the campaigns page does: once, in the viewer's name, with a calm answer.

All are callbacks: they run before the page, so that everything on it follows what they did.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

import streamlit as st
from sqlalchemy import Engine

import settings
from pages.shared import viewer, words, written
from pages.shared.reach import chosen
from records import answers, campaigns, outbox, sending

PART = "campaign"
BY_HAND = "Paused by hand"


def approve(campaign_id: UUID, fingerprint: str, count: int) -> None:
    """Queue the messages of a draft as they were previewed. A second press finds it approved, and queues nothing."""
    held = settings.get().outreach
    more: dict[str, Any] = {
        "fingerprint": fingerprint,
        "draft_hours": held.draft_hours,
        "window_hours": held.window_hours,
    }
    if viewer.may_approve():
        done = f"{words.plural(count, 'message')} queued"
        _act(campaigns.approve, done, campaign_id, who="approver", **more)


def discard(campaign_id: UUID) -> None:
    """Throw a draft away."""
    if viewer.may_draft() and _act(campaigns.discard, "Draft thrown away", campaign_id):
        chosen.close()


def pause(campaign_id: UUID, key: str) -> None:
    """No more messages of a campaign are begun; the reason stands in the field ``key``."""
    if viewer.may_send():
        _act(campaigns.pause, "Paused", campaign_id, reason=_typed(key) or BY_HAND)


def resume(campaign_id: UUID) -> None:
    """A campaign goes on."""
    if viewer.may_send():
        _act(campaigns.resume, "It goes on", campaign_id)


def cancel(campaign_id: UUID) -> None:
    """What has not been sent is not sent any more."""
    if viewer.may_send():
        _act(campaigns.cancel, "Cancelled; what was not sent stays unsent", campaign_id)


def settle(message_id: str, as_sent: bool) -> None:
    """Say of an uncertain message that it was sent, or that it is to be sent again."""
    held = settings.get().outreach
    more: dict[str, Any] = {"as_sent": as_sent, "lease": held.lease, "window_hours": held.window_hours}
    if viewer.may_send():
        _act(outbox.resolve, "Noted as sent" if as_sent else "Queued again", UUID(message_id), **more)


def pause_all(key: str) -> None:
    """Nothing at all is sent; the reason stands in the field ``key``."""
    if viewer.may_send():
        _act(sending.pause, "Sending is paused", reason=_typed(key) or BY_HAND)


def resume_all() -> None:
    """Sending goes on."""
    if viewer.may_send():
        _act(sending.resume, "Sending goes on")


def log_answer(message_id: str, question: str, score: int | None, key: str) -> None:
    """Keep what somebody answered by mail or on the phone; the words stand in the field ``key``."""
    said: dict[str, Any] = {"question": question, "score": score, "comment": _typed(key) or None, "source": "hand"}
    if viewer.may_send() and written.save(
        lambda here: answers.answer(here, UUID(message_id), now=datetime.now(UTC), **said),
        "Answer noted; it counts from the next refresh on",
        part=PART,
    ):
        st.session_state[key] = ""


def _typed(key: str) -> str:
    return str(st.session_state.get(key) or "").strip()


def _act(change: Callable[..., object], done: str, *what: object, who: str = "actor", **more: Any) -> bool:
    def write(here: Engine) -> int:
        change(here, *what, **{who: viewer.name()}, now=datetime.now(UTC), **more)
        return 0

    return written.save(write, done, part=PART)
