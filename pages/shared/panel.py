"""The pieces a page is made of: its title, a finding with its figure, a number with what it is worth."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any, Literal

import plotly.graph_objects as go
import streamlit as st
from streamlit.delta_generator import DeltaGenerator

from pages.shared import boundary, data, definitions, notes, template, words

_QUIET = {"displayModeBar": False, "scrollZoom": False, "doubleClick": False, "showTips": False}
Good = Literal["up", "down", "neither"]
_COLOURS = {"up": "normal", "down": "inverse", "neither": "off"}


def head(finding: str, detail: str | None = None) -> None:
    """A page's top: what it found, large; a sentence more if there is one. The frame has said what page it is.

    ``finding`` and ``detail`` are our own words: pass other people's through ``words.inert``.
    """
    st.title(finding, anchor=False)
    if detail:
        st.markdown(f":gray[{detail}]")


@contextmanager
def section(
    headline: str, *how: Callable[..., Any], detail: str | None = None, sources: Sequence[str] = ()
) -> Iterator[None]:
    """A bordered block under a headline that says the finding; a failure inside stays inside.

    ``how`` are the metrics whose descriptions open behind “How is this worked out?” at the block's end; ``sources``
    those whose rejected rows are counted beside it.
    """
    with st.container(border=True, gap="small", height="stretch"):
        st.subheader(headline, anchor=False)
        if detail:
            st.caption(detail)
        with boundary.calm(headline):
            yield
        if how or sources:
            with st.container(horizontal=True, gap="medium", vertical_alignment="center"):
                if how:
                    definitions.how(*how)
                notes.left_out(data.view(), *sources)


def chart(figure: go.Figure, *, key: str) -> None:
    """Draw a figure, with its alt text."""
    st.plotly_chart(_for_theme(figure), key=key, config=_QUIET, alt=template.alt_of(figure))


def clickable(figure: go.Figure, *, key: str) -> list[Any] | None:
    """Draw a figure whose points can be clicked; return the ``customdata`` of the one chosen, None when none is."""
    event = st.plotly_chart(
        _for_theme(figure),
        key=key,
        config=_QUIET,
        alt=template.alt_of(figure),
        on_select="rerun",
        selection_mode="points",
    )
    chosen = [point["customdata"] for point in event.selection.points if point.get("customdata") is not None]
    return list(chosen[0]) if chosen else None


def _for_theme(figure: go.Figure) -> go.Figure:
    """The figure marked with the viewer's theme: the browser colours a figure once, another theme needs a new one."""
    figure.layout.meta = {**(figure.layout.meta or {}), "theme": st.context.theme.type}
    return figure


def numbers(most: int = 4) -> Any:
    """Rows of at most ``most`` number cards, fewer as the window narrows; use it in a ``with``."""
    return st.grid(most, min_column_width=160, gap="small")


def number(
    label: str,
    value: str,
    *,
    change: str | None = None,
    verdict: str | None = None,
    against: str = "",
    note: str = "",
    good: Good = "up",
    trend: Sequence[float | None] | None = None,
    help: str | None = None,
) -> DeltaGenerator:
    """A card: a value, what it changed by and whether that is real, and beneath it its interval and count.

    Returns the card, so that more may be put in it.

    A change that is noise or rests on too few is grey and has no arrow. ``good`` is the direction that is welcome.
    """
    real = verdict in ("up", "down")
    card = st.container(border=True, gap="xxsmall", height="stretch")
    with card:
        st.metric(
            label,
            value,
            delta=None if change is None else change.replace(words.MINUS, "-"),  # its colour follows an ASCII minus
            delta_color=_COLOURS[good] if real else "off",  # type: ignore[arg-type]
            delta_arrow=verdict if real else "off",  # type: ignore[arg-type]
            delta_description=None if verdict is None else words.verdict(verdict),
            chart_data=None if trend is None else [point for point in trend if point is not None],
            help=help,
        )
        beneath = " · ".join(part for part in (f"against {against}" if against else "", note) if part)
        if beneath:
            st.caption(beneath)
    return card
