"""Health as somebody sees it, beside the computed one: with a reason, until a day."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from typing import Any

import polars as pl
import streamlit as st

import settings
from metrics.health import health
from pages.shared import panel, tables, words, written
from pages.shared.data import View
from pages.shared.findings import room as findings
from pages.shared.room import saving
from records import overrides
from records.overrides import Override

_PART = "override"


def show(
    view: View, account_id: str, now: Mapping[str, Any] | None, history: pl.DataFrame, version: int, may: bool
) -> None:
    """The section; ``now`` is the account's row of health, ``history`` all its overrides."""
    with panel.section("Health, as you see it", health):
        if now is None:
            st.caption("Nothing is served to this account now, so it has no health.")
            return
        said = findings.override(now)
        left, right = st.columns(2)
        with left:
            st.caption("Computed")
            st.markdown(f"**{findings.computed(now)}**")
        with right:
            st.caption("By hand")
            st.markdown(f"**{said}**" if said else words.NOTHING)
        if said:
            st.text(now["override_reason"] or "")
            st.caption(findings.override_note(now))
        written.not_saved(_PART)
        if (may and version != written.UNREAD) or written.unsaved(_PART):
            with st.popover("Set by hand", icon=":material/edit:", key=f"override_popover_{account_id}"):
                _form(account_id, now, version, taken_back=said is not None)
        if history.height:
            _history(view, account_id, history)


def _form(account_id: str, now: Mapping[str, Any], version: int, *, taken_back: bool) -> None:
    seen = saving.seen(_PART, account_id, version)
    key = f"{_PART}_{account_id}_{seen}"
    held = next((word for word, band in findings.BANDS.items() if taken_back and band == now["shown_band"]), None)
    today = written.today()
    usual, (first, last) = today + timedelta(days=findings.USUAL_DAYS), findings.first_and_last(today)
    with st.form(f"form_{key}", border=False):
        st.segmented_control("Health", list(findings.BANDS), default=held, key=f"{key}_band")
        st.text_area(
            "Because",
            value=(now["override_reason"] or "") if taken_back else "",
            key=f"{key}_reason",
            max_chars=overrides.LONGEST_REASON,
            height=90,
            placeholder="What you know that the numbers do not",
        )
        st.date_input(
            "Ends on",
            value=min(max(now["override_until"] or usual, first), last) if taken_back else usual,
            min_value=first,
            max_value=last,
            key=f"{key}_until",
            help="From this day on the computed health counts again; a year ahead at most",
            format="DD.MM.YYYY",
        )
        with st.container(horizontal=True):
            st.form_submit_button(
                "Save", type="primary", key=f"save_{key}", on_click=_save, args=(account_id, key, seen)
            )
            if taken_back:
                hint = "The computed health counts again at once"
                st.form_submit_button(
                    "Take back", key=f"back_{key}", on_click=_keep, args=(account_id, None, seen), help=hint
                )


def _save(account_id: str, key: str, seen: int) -> None:
    band, reason, until = (st.session_state.get(f"{key}_{name}") for name in ("band", "reason", "until"))
    override = Override(findings.BANDS.get(str(band)), None, str(reason or ""), until)  # type: ignore[arg-type]
    _keep(account_id, override, seen)


def _keep(account_id: str, override: Override | None, seen: int) -> None:
    zone = settings.get().organisation.zone
    done = "Taken back" if override is None else "Saved; it stands beside the computed health"
    what = {"account_id": account_id, "override": override, "zone": zone}
    saving.save(_PART, overrides.set_override, done, seen=seen, **what)


def _history(view: View, account_id: str, history: pl.DataFrame) -> None:
    told = findings.overrides(history, settings.get().organisation.time_zone)
    tables.folded(
        "Who said what before",
        told,
        findings.OVERRIDES,
        key="overrides-of-account",
        view=view,
        alt="Overrides of this account's health",
        about=account_id,
        of=f"account/{account_id}",
    )
