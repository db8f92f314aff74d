"""A choice between a few words, kept in the address like the filters."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TypeVar

import streamlit as st

_T = TypeVar("_T")


def choose(key: str, label: str, options: Mapping[str, _T], *, default: int = 0, bound: bool = True) -> _T:
    """Draw the choice; return what stands for the word chosen: the word at ``default``, also for one unknown.

    Not ``bound``, it stays out of the address, and goes with the thing it is about.
    """
    names = list(options)
    chosen = st.segmented_control(
        label,
        names,
        default=names[default],
        key=key,
        required=True,
        bind="query-params" if bound else None,
        persist_state="session" if bound else None,
    )
    return options[chosen if chosen in options else names[default]]
