"""Reports as files to take away, made when somebody asks for them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Literal

import polars as pl
import streamlit as st

import settings
from metrics.overrides import with_overrides
from pages.shared import data, trail, viewer, words, written
from pages.shared.answers import account, accounts, comments
from pages.shared.data import View
from pages.shared.roles import Right
from reports import business_review as reviews
from reports import freshness, prep_sheet
from reports.board_pack import POWERPOINT, board_pack, file_name, numbers
from reports.champions import Typed
from reports.freshness import StaleSnapshot
from reports.language import SHIPPED, choose
from reports.quarters import Quarter
from reports.review_excel import review_excel
from reports.spreadsheets import EXCEL

_LONGEST_GOAL = 300
_LANGUAGES = {"en": "English", "de": "Deutsch"}


def board(view: View) -> None:
    """The board pack of everything the viewer may see, with what people corrected; the page's filters do not count."""
    st.download_button(
        "Board pack",
        data=trail.exporting(partial(_board, view), "report/board-pack", snapshot=view.snapshot_id),
        file_name=file_name(data.frames(view).as_of),
        mime=POWERPOINT,
        key="board_pack",
        type="tertiary",
        icon=":material/slideshow:",
        help="PowerPoint with charts you can edit, of all accounts whatever the filters; takes a few seconds",
        on_click="ignore",
    )


def _board(view: View) -> bytes:
    known = written.newest()
    tagged, marks = comments.tags_of(view, "exit_surveys", known.corrections), written.marked(view, known.marks)
    return board_pack(numbers(data.frames(view), settings.get(), tagged=tagged, marks=marks))


@dataclass(frozen=True)
class _Asked:
    """What somebody chose for a review."""

    view: View
    account_id: str
    quarter: Quarter
    language: str
    goal: str
    peers: bool
    unused: bool
    even_if_stale: bool

    def numbers(self) -> reviews.ReviewNumbers:
        """The review's numbers."""
        return reviews.numbers(
            data.frames(self.view),
            settings.get(),
            self.account_id,
            quarter=self.quarter,
            language=self.language,
            goal=self.goal,
            peers=self.peers,
            unused=self.unused,
            even_if_stale=self.even_if_stale,
        )


def review(
    view: View,
    account_id: str,
    *,
    goal: str | None = None,
    champion: Typed | None = None,
    overrides: pl.DataFrame | None = None,
) -> None:
    """A button that opens the choices of a business review: its quarter, its language, what it may say, its files.

    ``goal`` is what the customer set out to do, where it is known better than in the accounts source; ``champion`` who
    carries it there, where somebody typed that in, and ``overrides`` those of health: both are for the prep sheet.
    """
    if viewer.may(Right.PEOPLE) and st.button("Business review", icon=":material/slideshow:", key="business_review"):
        _review_dialog(view, account_id, goal, partial(_prep, champion=champion, overrides=overrides))


@st.dialog("Business review", icon=":material/slideshow:")
def _review_dialog(view: View, account_id: str, goal: str | None, prep: Callable[[_Asked], bytes]) -> None:
    """A dialog, because a popover has no room for the prep sheet beside its button."""
    asked = _choices(view, account_id, goal)
    if asked is not None:
        _files(asked, prep)


def _choices(view: View, account_id: str, goal: str | None) -> _Asked | None:
    """The choices; None while the numbers are old and nobody has said that they will do."""
    frames, held = data.frames(view), settings.get()
    about = account.about(view, account_id).row(0, named=True)
    even_if_stale = _old_will_do(view)
    if even_if_stale is None:
        return None
    ahead = reviews.quarters(frames, account_id)
    first, second = st.columns(2)
    quarter = first.selectbox("Quarter", ahead, format_func=str, key=f"review_quarter_{account_id}")
    usual = choose(about["language"], held.organisation.language)
    language = second.selectbox(
        "Language",
        SHIPPED,
        index=SHIPPED.index(usual),
        format_func=lambda code: _LANGUAGES[code],
        key=f"review_language_{account_id}",
    )
    told = st.text_area(
        "What they set out to do",
        value=(goal or about["goal"] or "")[:_LONGEST_GOAL],
        max_chars=_LONGEST_GOAL,
        height=80,
        key=f"review_goal_{account_id}",
        help="The customer reads this",
    )
    peers = st.checkbox("Beside similar customers, without names", key=f"review_peers_{account_id}")
    unused = st.checkbox("Features they pay for and do not use", key=f"review_unused_{account_id}")
    return _Asked(view, account_id, quarter, language, told, peers, unused, even_if_stale)


def _old_will_do(view: View) -> bool | None:
    """False while the numbers are new; True once somebody has said that old ones will do; None until then."""
    frames = data.frames(view)
    try:
        freshness.check(frames, settings.get())
    except StaleSnapshot as stale:
        said = f"review_stale_{view.snapshot_id}"
        st.warning(f"{words.inert(stale.message)} Refresh on the Data page first.", icon=":material/history:")
        if not st.session_state.get(said):
            st.button("Make it from the old numbers anyway", key=f"{said}_ask", on_click=_agree, args=(said,))
            return None
        return True
    return False


def _agree(said: str) -> None:
    st.session_state[said] = True


def _files(asked: _Asked, prep: Callable[[_Asked], bytes]) -> None:
    frames = data.frames(asked.view)
    name = account.about(asked.view, asked.account_id)["name"][0] or asked.account_id
    called = partial(reviews.file_name, account=name, quarter=asked.quarter, as_of=frames.as_of)
    st.caption("For the customer: never health, risk or notes.")
    _file("Slides", _review, asked, called("business-review", ending="pptx"), ":material/slideshow:", type="primary")
    _file("The same numbers, Excel", _excel, asked, called("business-review", ending="xlsx"), ":material/table_chart:")
    st.caption("For us only: health, what moved it, renewal, their words, talking points.")
    _file("Prep sheet, internal", prep, asked, called("internal-prep-sheet", ending="pptx"), ":material/lock:")


def _file(
    label: str,
    make: Callable[[_Asked], bytes],
    asked: _Asked,
    name: str,
    icon: str,
    *,
    type: Literal["primary", "secondary"] = "secondary",
) -> None:
    """A file, made when it is asked for."""
    about = {"file": label, "snapshot": asked.view.snapshot_id}
    st.download_button(
        label,
        data=trail.exporting(partial(make, asked), f"report/{asked.account_id}", Right.PEOPLE, **about),
        file_name=name,
        mime=EXCEL if name.endswith("xlsx") else POWERPOINT,
        key=f"file_{label}_{asked.account_id}",
        icon=icon,
        type=type,
        width="stretch",
        on_click="ignore",
    )


def _review(asked: _Asked) -> bytes:
    return reviews.business_review(asked.numbers())


def _excel(asked: _Asked) -> bytes:
    return review_excel(asked.numbers())


def _prep(asked: _Asked, *, champion: Typed | None = None, overrides: pl.DataFrame | None = None) -> bytes:
    frames, history = data.frames(asked.view), account.histories(asked.view)
    if overrides is not None:
        history = with_overrides(history, overrides, as_of=frames.as_of, bands=accounts.all_bands(), day="on")
    prep = prep_sheet.numbers(
        frames,
        settings.get(),
        asked.account_id,
        quarter=asked.quarter,
        goal=asked.goal,
        champion=champion,
        history=history,
        even_if_stale=asked.even_if_stale,
    )
    return prep_sheet.prep_sheet(prep)
