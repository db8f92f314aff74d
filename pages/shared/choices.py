"""A choice between a few words, kept in the address like the filters."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TypeVar

import streamlit as st

_T = TypeVar("_T")


def choose(key: str, label: str, options: Mapping[str, _T], *, default: int = 0) -> _T:
    """Draw the choice; return what stands for the word chosen: the word at ``default``, also for one unknown."""
    names = list(options)
    chosen = st.segmented_control(
        label, names, default=names[default], key=key, required=True, bind="query-params", persist_state="session"
    )
    return options[chosen if chosen in options else names[default]]
