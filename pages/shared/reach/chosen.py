"""Whom somebody chose to write to, kept in the session: thousands of ids have no room in an address."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID, uuid4

import polars as pl
import streamlit as st

from outreach.audience import Audience
from pages.shared import links, words

CAMPAIGN = "campaign"
"""The query parameter that says which campaign the campaigns page shows, so that a colleague can open it."""
PAGE = "campaigns.py"
_CHOSEN = "tenure_chosen"
_LONGEST_LABEL = 150


@dataclass(frozen=True)
class To:
    """Why the rows of a table are written to.

    ``plays`` suit them, the best first; where ``people``, the rows name people (``user_id``) and exactly these are
    meant; ``known`` is what a message may say of everybody, ``columns`` which column says it account by account, both
    by merge field.
    """

    plays: tuple[str, ...] = ()
    people: bool = False
    known: Mapping[str, Any] = field(default_factory=dict)
    columns: Mapping[str, str] = field(default_factory=dict)


ANYBODY = To()
LEAVERS = To(("one_question", "alternatives", "goodbye", "what_you_would_leave"))
GONE = To(("one_question", "you_asked_we_shipped", "offer"))
SILENT_USE = To(("already_pay_for_it", "alternatives", "what_you_would_leave"))
DETRACTORS = To(("sorry", "already_pay_for_it", "you_asked_we_shipped"), people=True)
DETRACTED = To(DETRACTORS.plays)
RENEWING = To(("renewal_coming", "offer", "what_you_would_leave"))
QUIET = To(("help_us_shape_it", "nps", "already_pay_for_it"))
LOYAL = To(("thank_you", "help_us_shape_it", "nps"))
STUCK = To(("stuck_at_step",), columns={"step": "step"})
ASKED = To(("you_asked_we_shipped",), columns={"shipped": "title"})


@dataclass(frozen=True)
class Chosen:
    """An audience that is about to be written to; ``campaign_id`` is that of the draft it becomes, however often it is
    previewed; ``play`` and ``title`` where it was a draft already."""

    audience: Audience
    plays: tuple[str, ...] = ()
    campaign_id: UUID = field(default_factory=uuid4)
    play: str | None = None
    title: str = ""


def audience(rows: pl.DataFrame, label: str, to: To = ANYBODY) -> Audience:
    """The audience that the rows of a table are: their people, or their accounts, each once."""
    known: dict[str, Any] = dict(to.known)
    for name, column in to.columns.items():
        told = rows.select("account_id", column).drop_nulls().unique("account_id", keep="first", maintain_order=True)
        known[name] = dict(told.iter_rows())
    return Audience(
        label=cut(words.plain(label)),
        source_page=links.here(),
        account_ids=_each(rows, "account_id"),
        user_ids=_each(rows, "user_id") if to.people else None,
        extra=known,
    )


def cut(label: str) -> str:
    """A label that fits."""
    return label if len(label) <= _LONGEST_LABEL else f"{label[: _LONGEST_LABEL - 1].rstrip()}…"


def _each(rows: pl.DataFrame, column: str) -> tuple[str, ...]:
    return tuple(rows[column].drop_nulls().unique(maintain_order=True).to_list())


def now() -> Chosen | None:
    """What was chosen last and not yet previewed or dropped."""
    found = st.session_state.get(_CHOSEN)
    return found if isinstance(found, Chosen) else None


def choose(chosen: Chosen) -> None:
    """Keep a choice; the campaigns page starts with it."""
    st.session_state[_CHOSEN] = chosen
    st.query_params.pop(CAMPAIGN, None)


def drop() -> None:
    """Nobody is chosen any more."""
    st.session_state.pop(_CHOSEN, None)


def opened() -> UUID | None:
    """The campaign that the address names; None when it names none."""
    try:
        return UUID(st.query_params.get(CAMPAIGN, ""))
    except ValueError:
        return None


def show(campaign_id: UUID | str) -> None:
    """The address names this campaign."""
    st.query_params[CAMPAIGN] = str(campaign_id)


def close() -> None:
    """The address names no campaign."""
    st.query_params.pop(CAMPAIGN, None)
