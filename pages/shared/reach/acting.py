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
from pages.shared import data, words, written
from pages.shared.answers import campaigns as answers_of
from pages.shared.reach import chosen
from pages.shared.roles import Right
from queries.frames import current_id
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
        "secret_key": settings.get().secret_key,
    }
    done = f"{words.plural(count, 'message')} queued"
    _act(campaigns.approve, done, campaign_id, who="approver", **more)


def discard(campaign_id: UUID) -> None:
    """Throw a draft away."""
    if _act(campaigns.discard, "Draft thrown away", campaign_id, right=Right.DRAFT):
        chosen.close()


def pause(campaign_id: UUID, key: str) -> None:
    """No more messages of a campaign are begun; the reason stands in the field ``key``."""
    _act(campaigns.pause, "Paused", campaign_id, reason=_typed(key) or BY_HAND)


def resume(campaign_id: UUID) -> None:
    """A campaign goes on."""
    _act(campaigns.resume, "It goes on", campaign_id)


def cancel(campaign_id: UUID) -> None:
    """What has not been sent is not sent any more."""
    _act(campaigns.cancel, "Cancelled; what was not sent stays unsent", campaign_id)


def settle(message_id: str, as_sent: bool) -> None:
    """Say of an uncertain message that it was sent, or that it is to be sent again."""
    held = settings.get().outreach
    hours: dict[str, Any] = {"draft_hours": held.draft_hours, "window_hours": held.window_hours}
    more = {"as_sent": as_sent, "lease": held.lease, **hours}
    done = "Noted as sent" if as_sent else "Queued again"
    _act(outbox.resolve, done, UUID(message_id), of=lambda here: _campaign_of(here, message_id), **more)


def pause_all(key: str) -> None:
    """Nothing at all is sent; the reason stands in the field ``key``."""
    _operate(sending.pause, "Sending is paused", reason=_typed(key) or BY_HAND)


def resume_all() -> None:
    """Sending goes on."""
    _operate(sending.resume, "Sending goes on")


def log_answer(message_id: str, question: str, score: int | None, key: str) -> None:
    """Keep what somebody answered by mail or on the phone; the words stand in the field ``key``."""
    said: dict[str, Any] = {"question": question, "score": score, "comment": _typed(key) or None, "source": "hand"}

    def keep(here: Engine, author: str) -> None:
        _refuse_others(_campaign_of(here, message_id))
        answers.answer(here, UUID(message_id), now=datetime.now(UTC), actor=author, **said)

    typed = _typed(key)
    saved = written.save(Right.APPROVE, keep, "Answer noted; it counts from the next refresh on", part=PART)
    st.session_state[key] = "" if saved else typed  # kept even where the page cannot show its field for a while


def _typed(key: str) -> str:
    return str(st.session_state.get(key) or "").strip()


def _act(
    change: Callable[..., object],
    done: str,
    id: UUID,
    *,
    who: str = "actor",
    right: Right = Right.APPROVE,
    of: Callable[[Engine], UUID | None] | None = None,
    **more: Any,
) -> bool:
    """Change a campaign whose accounts the viewer may write to; or, where ``of`` says of which, one message of it."""

    def write(here: Engine, name: str) -> None:
        _refuse_others(of(here) if of else id)
        change(here, id, **{who: name}, now=datetime.now(UTC), **more)

    return written.save(right, write, done, part=PART)


def _refuse_others(campaign_id: UUID | None) -> None:
    """Whose accounts they are, the newest snapshot tells; the page may look at an older one still."""
    if campaign_id is not None:
        newest = data.view()._replace(snapshot_id=current_id(settings.get()))
        answers_of.refuse_others(data.book(newest), campaign_id)


def _campaign_of(here: Engine, message_id: str) -> UUID | None:
    found = campaigns.message(here, UUID(message_id))
    return None if found is None else found.campaign_id


def _operate(change: Callable[..., object], done: str, **more: Any) -> None:
    written.save(
        Right.OPERATE, lambda here, name: change(here, actor=name, now=datetime.now(UTC), **more), done, part=PART
    )
