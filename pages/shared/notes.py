"""What a page says about its data: as of when, what failed, what is missing, what was left out."""

from __future__ import annotations

from datetime import UTC, datetime

import streamlit as st

import settings
from pages.shared import viewer, words
from pages.shared.data import View, frames, manifest
from queries.frames import NOT_TOLD, last_failure
from queries.store import Manifest

DATA_PAGE = "data.py"


def banner(page: str, view: View) -> None:
    """One quiet line: which page, as of when. A warning when the snapshot is old, or the last refresh failed."""
    found = manifest(view)
    held = settings.get()
    zone = held.organisation.zone
    old = found.age(datetime.now(UTC))
    failure = last_failure(held)
    if failure is not None:
        at = words.moment(failure.at.astimezone(zone))
        why = failure.message.strip().splitlines()[0] if frames(view).scope.everything else NOT_TOLD
        first = words.marked(why)
        _warn(f"The refresh of {at} failed; these are the numbers from before it. {first}")
    elif old > held.refresh.stale_after:
        _warn(f"These numbers are old: the product database was last read {words.age(old)}.")
    broken = [name for name, state in found.sources.items() if state.status in ("failed", "stale")]
    if broken:
        _warn(
            f"Could not be read this time: {', '.join(map(words.inert, broken))}. What needs it may be missing or old."
        )
    as_of = words.moment(found.as_of.astimezone(zone))
    line = f"**{words.inert(page)}** · as of {as_of} · read {words.age(old)}"
    told = f"Snapshot {found.id}, time zone {found.time_zone}"
    if not viewer.protected():
        line += " · :orange[:material/lock_open: no sign-in]"
        told += ". Nobody signs in here: whoever sits at this machine sees everything, and may do everything."
    st.caption(line, help=told)


def _warn(text: str) -> None:
    with st.container(border=True, horizontal=True, vertical_alignment="center"):
        st.markdown(f":material/warning: {text}")
        st.page_link(DATA_PAGE, label="See the sources", icon=":material/arrow_forward:")


def need(view: View, *sources: str, to: str = "see this") -> bool:
    """Whether every one of ``sources`` can be used; says which file to add, or which one failed, when not."""
    found = manifest(view)
    usable = True
    for name in sources:
        state = found.sources.get(name)
        if state is None or state.status == "missing":
            st.info(f"Add `config/sources/{name}.sql` to {words.inert(to)}.", icon=":material/add_circle:")
        elif state.status == "failed":
            reason = "\n\n".join(words.marked(part) for part in (state.error, state.hint) if part)
            st.warning(f"**{name} could not be read.**\n\n{reason}", icon=":material/build:")
        else:
            continue
        usable = False
    return usable


def themes(view: View) -> None:
    """Say why comments have no themes, or the newest none; nothing when all is well."""
    state = manifest(view).comments
    if state.error:
        reason = "\n\n".join(words.marked(part) for part in (state.error, state.hint) if part)
        st.warning(f"**Not every comment has its themes.**\n\n{reason}", icon=":material/build:")


def answers(view: View) -> None:
    """Say why answers to our own messages are old ones; nothing when all is well."""
    said = manifest(view).without_answers
    if said:
        st.warning(words.marked(said), icon=":material/build:")


def _left_out(found: Manifest, names: tuple[str, ...]) -> str | None:
    states = [found.sources[name] for name in names if name in found.sources]
    rejected = sum(state.rejected for state in states)
    if not rejected:
        return None
    lost = sum(state.rejected_mrr for state in states)
    money = f" and {words.money(lost, found.currency)} of MRR" if lost else ""
    return f"{words.plural(rejected, 'row')}{money} left out"


def left_out(view: View, *sources: str) -> None:
    """Say how many rows of ``sources`` were rejected, with a link to the page that lists them; nothing when none.

    Whose they were is not known, so those who see some accounts only are not told.
    """
    said = _left_out(manifest(view), sources)
    if said is not None and view.csm_email is None:
        st.page_link(DATA_PAGE, label=said, icon=":material/rule:", help="By reason, with samples, on the Data page")
