"""“How is this worked out?”: a metric's own docstring, shown as text beside its number."""

from __future__ import annotations

import inspect
import re
from collections.abc import Callable
from typing import Any

import streamlit as st

from pages.shared import words


def parts(function: Callable[..., Any]) -> list[tuple[str, str]]:
    """A docstring as paragraphs: ``("text", …)``, ``("list", …)`` and ``("code", …)`` for examples that run.

    >>> def share():
    ...     '''Share of things.
    ...
    ...     Null when there are none.
    ...     '''
    >>> parts(share)
    [('text', 'Share of things.'), ('text', 'Null when there are none.')]
    """
    blocks = re.split(r"\n\s*\n", inspect.getdoc(function) or "This has no description yet.")
    return [(_kind(block), block) for block in blocks if block.strip()]


def _kind(block: str) -> str:
    if block.lstrip().startswith(">>>"):
        return "code"
    return "list" if re.match(r"\s*[-*] ", block) else "text"


def how(*functions: Callable[..., Any], label: str = "How is this worked out?", key: str | None = None) -> None:
    """A small button that opens the descriptions of ``functions``: what each says first, then, in a fold, all of it."""
    told = [(function.__name__, parts(function)) for function in functions]
    with st.popover(label, type="tertiary", icon=":material/help_outline:", key=key):
        for _, (first, *_) in told:
            _show(*first)
        with st.expander("Rows, columns, units"):
            for name, (_, *rest) in told:
                st.markdown(f"**`{name}`**")
                for kind, block in rest:
                    _show(kind, block)


def _show(kind: str, block: str) -> None:
    if kind == "code":
        st.code(inspect.cleandoc(block), language="python")
    elif kind == "list":
        items = re.split(r"\n?\s*[-*] ", "\n" + block.strip())
        st.markdown("\n".join(f"- {words.marked(item)}" for item in items if item.strip()))
    else:
        st.markdown(words.marked(block))
