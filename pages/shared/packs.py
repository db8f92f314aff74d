"""Reports as files to take away, made when somebody asks for them."""

from __future__ import annotations

from functools import partial

import streamlit as st

import settings
from pages.shared import data, written
from pages.shared.answers import comments
from pages.shared.data import View
from reports.board_pack import POWERPOINT, board_pack, file_name, numbers


def board(view: View) -> None:
    """The board pack of everything the viewer may see; the page's filters do not count."""
    st.download_button(
        "Board pack",
        data=partial(_board, view),
        file_name=file_name(data.frames(view).as_of),
        mime=POWERPOINT,
        key="board_pack",
        type="tertiary",
        icon=":material/slideshow:",
        help="PowerPoint with charts you can edit, of all accounts whatever the filters; takes a few seconds",
        on_click="ignore",
    )


def _board(view: View) -> bytes:
    newest = written.newest()
    tagged = comments.tags_of(view, "exit_surveys", newest.corrections)
    marks = written.marked(view, newest.marks)
    return board_pack(numbers(data.frames(view), settings.get(), tagged=tagged, marks=marks))
