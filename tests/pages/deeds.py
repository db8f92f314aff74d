"""Everything that pages can do for somebody, as the callbacks behind their buttons, each about a thing of its own."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from itertools import count
from typing import Any
from uuid import UUID, uuid4

import streamlit as st
from streamlit.testing.v1 import AppTest

from outreach.audience import Audience
from pages.shared import data, digest, refreshing, viewer, written
from pages.shared.answers import campaigns as plays_of
from pages.shared.churn import editor, mark
from pages.shared.findings.churn_words import MARKS
from pages.shared.findings.room import BANDS
from pages.shared.reach import acting, compose
from pages.shared.reach.chosen import Chosen
from pages.shared.room import goal, notes, override
from queries import refresh
from records import outbox, sending
from records.outbox import Begun, Rules
from tests.pages.canaries import answer_id, word
from tests.pages.canary_company import Company
from tests.records import outreach

_numbers = count(1)
_waits: list[Callable[[], object]] = []


@dataclass(frozen=True)
class Deed:
    """What is done (by which functions of pages), given the company and whose account or campaign it is about."""

    by: str
    made: Callable[[Company, str], Callable[[], object]]


def session() -> AppTest:
    """A script that does what waits; one serves many deeds, as one session may have several viewers."""
    return AppTest.from_string("from tests.pages import deeds\ndeeds.waiting()\n", default_timeout=60)


def press(session: AppTest, deed: Callable[[], object]) -> AppTest:
    """Does it once, in a script as pages are; what a viewer may not do is refused there."""
    _waits[:] = [deed]
    return session.run()


def waiting() -> None:
    """What the script calls; a rerun finds nothing more to do."""
    while _waits:
        with suppress(viewer.NotAllowed):
            _waits.pop()()


def _typed(**fields: Any) -> None:
    for name, value in fields.items():
        st.session_state[name] = value


# --- campaigns ------------------------------------------------------------------------------------------------------


def _draft(company: Company, owner: str) -> tuple[UUID, str]:
    row = outreach.row(account_id=word(owner, "account"))
    return outreach.draft(company.records, [row], play="nps", now=datetime.now(UTC), rules={"question": "nps"})


def _running(company: Company, owner: str, state: str = "queued") -> tuple[UUID, str]:
    """A campaign under way, and its message, which stands in ``state``."""
    at, row = datetime.now(UTC) - timedelta(minutes=10), outreach.row(account_id=word(owner, "account"))
    sending.resume(company.records.engine, actor="abe", now=at)
    made = outreach.running(company.records, [row], now=at, play="nps", rules={"question": "nps"})
    if state != "queued":
        taken = next(each for each in outreach.claim(company.records, now=at, limit=1_000) if each.id == row.id)
        begun = outbox.begin_sending(company.records.engine, taken, now=at, rules=Rules(100, 0, 0))
        assert isinstance(begun, Begun)
        ended = {"sent": outbox.sent, "uncertain": outbox.uncertain}[state]
        ended(company.records.engine, begun.claimed, now=at)
    return made, str(row.id)


def _approve(company: Company, owner: str) -> Callable[[], object]:
    id, fingerprint = _draft(company, owner)
    return lambda: acting.approve(id, fingerprint, 1)


def _discard(company: Company, owner: str) -> Callable[[], object]:
    id, _ = _draft(company, owner)
    return lambda: acting.discard(id)


def _pause(company: Company, owner: str) -> Callable[[], object]:
    id, _ = _running(company, owner)
    return lambda: acting.pause(id, "why")


def _resume(company: Company, owner: str) -> Callable[[], object]:
    id, _ = _running(company, owner)
    acting.campaigns.pause(company.records.engine, id, reason="so", actor="abe", now=datetime.now(UTC))
    return lambda: acting.resume(id)


def _cancel(company: Company, owner: str) -> Callable[[], object]:
    id, _ = _running(company, owner)
    return lambda: acting.cancel(id)


def _settle(company: Company, owner: str) -> Callable[[], object]:
    _, message = _running(company, owner, "uncertain")
    return lambda: acting.settle(message, True)


def _log_answer(company: Company, owner: str) -> Callable[[], object]:
    _, message = _running(company, owner, "sent")
    return lambda: (_typed(reply="They like it"), acting.log_answer(message, "nps", 9, "reply"))


def _pause_all(company: Company, owner: str) -> Callable[[], object]:
    sending.resume(company.records.engine, actor="abe", now=datetime.now(UTC))
    return lambda: acting.pause_all("why")


def _resume_all(company: Company, owner: str) -> Callable[[], object]:
    sending.pause(company.records.engine, actor="abe", reason="so", now=datetime.now(UTC))
    return acting.resume_all


def _compose(company: Company, owner: str) -> Callable[[], object]:
    picked = Chosen(Audience("Them", "Accounts", (word(owner, "account"),)), ("thank_you",), title="Them")
    return lambda: compose.draft(data.begin(), picked, plays_of.plays()["thank_you"])


# --- what is written down -------------------------------------------------------------------------------------------


def _goal(company: Company, owner: str) -> Callable[[], object]:
    said = {"g_text": f"Goal {next(_numbers)}", "g_person": "", "g_name": ""}
    return lambda: (_typed(**said), goal._save(word(owner, "account"), "g", written.room().goals))


def _note(company: Company, owner: str) -> Callable[[], object]:
    about = (word(owner, "account"), str(uuid4()), "n")
    return lambda: (_typed(n="They called"), notes._save(*about, written.room().notes))


def _override(company: Company, owner: str) -> Callable[[], object]:
    until = company.today + timedelta(days=9)
    said = {"o_band": next(iter(BANDS)), "o_reason": f"Because {next(_numbers)}", "o_until": until}
    return lambda: (_typed(**said), override._save(word(owner, "account"), "o", written.room().overrides))


def _themes(company: Company, owner: str) -> Callable[[], object]:
    theme = ("price", "slow_support")[next(_numbers) % 2]
    about = ("exit_surveys", answer_id(owner, 8), "t", ("price",))
    return lambda: (_typed(t=[theme]), editor._save(*about, written.newest().corrections))


def _mark(company: Company, owner: str) -> Callable[[], object]:
    said = list(MARKS)[next(_numbers) % 2]
    month = company.today.replace(day=1)
    about = (word(owner, "account", 2), month, "m")
    return lambda: (_typed(m=said), mark._save(*about, written.newest().marks, None))


# --- the digest, and refreshing ---------------------------------------------------------------------------------------


def _join(company: Company, owner: str) -> Callable[[], object]:
    return lambda: digest._set(getattr(viewer.now(), "address", None) or "max@us.example", True)


def _subscribe(company: Company, owner: str) -> Callable[[], object]:
    return lambda: digest._set(f"new{next(_numbers)}@us.example", True)


def _refresh(company: Company, owner: str) -> Callable[[], object]:
    """As if the button had been drawn for everybody, and pressed; a refresh leaves a note here."""

    def ran(*_: Any, **__: Any) -> None:
        sending.pause(company.records.engine, actor="abe", reason="refreshed", now=datetime.now(UTC))

    def pressed() -> None:
        real = refreshing.viewer.may, refreshing.st.button, refresh.run
        refreshing.viewer.may, refreshing.st.button, refresh.run = (lambda *_, **__: True), (lambda *_, **__: True), ran
        try:
            refreshing.button()
        finally:
            refreshing.viewer.may, refreshing.st.button, refresh.run = real

    return pressed


DEEDS = {
    "approve": Deed("reach.acting.approve", _approve),
    "discard": Deed("reach.acting.discard", _discard),
    "pause": Deed("reach.acting.pause", _pause),
    "resume": Deed("reach.acting.resume", _resume),
    "cancel": Deed("reach.acting.cancel", _cancel),
    "settle": Deed("reach.acting.settle", _settle),
    "log an answer": Deed("reach.acting.log_answer", _log_answer),
    "pause all": Deed("reach.acting.pause_all", _pause_all),
    "resume all": Deed("reach.acting.resume_all", _resume_all),
    "draft": Deed("reach.compose.draft", _compose),
    "goal": Deed("room.goal._keep", _goal),
    "note": Deed("room.notes._save", _note),
    "override": Deed("room.override._keep", _override),
    "themes": Deed("churn.editor._save", _themes),
    "mark": Deed("churn.mark._save", _mark),
    "join the digest": Deed("digest._set", _join),
    "subscribe another": Deed("digest._set", _subscribe),
    "refresh": Deed("refreshing.button", _refresh),
}
