"""A choice between a few words, kept in the address like the filters."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from typing import TypeVar

import streamlit as st

_T = TypeVar("_T")


def told_apart(names: Mapping[str, str | None]) -> dict[str, str]:
    """What to call each id in a choice: its name, with the id where several have the same one; the id without a name.

    A browser sends the name that was chosen, not the id: of two alike, another would be chosen than was shown.

    >>> told_apart({"a": "Acme", "b": "Globex", "c": "Acme", "d": None})
    {'a': 'Acme (a)', 'b': 'Globex', 'c': 'Acme (c)', 'd': 'd'}
    """
    known = {id: name or id for id, name in names.items()}
    often = Counter(known.values())
    return {id: name if often[name] == 1 else f"{name} ({id})" for id, name in known.items()}


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
