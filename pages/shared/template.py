"""The one Plotly template: colours, type and axes of every figure.

Colours are Streamlit's placeholders. The browser replaces them with the colours of ``.streamlit/config.toml``
for the theme the viewer chose, light or dark; the server never has to guess which one that is.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import plotly.graph_objects as go
from streamlit.elements.lib import streamlit_plotly_theme as placeholders

KEPT = placeholders.CATEGORY_0  # blue: kept, gained, good
LOST = placeholders.CATEGORY_1  # orange: lost, at risk
SERIES = (
    placeholders.CATEGORY_0,
    placeholders.CATEGORY_1,
    placeholders.CATEGORY_2,
    placeholders.CATEGORY_3,
    placeholders.CATEGORY_4,
)
DASHES = ("solid", "dash", "dot", "dashdot", "longdash")
QUIET = placeholders.CATEGORY_5  # grey: neither
INK = placeholders.GRAY_90
FADED = placeholders.CATEGORY_5  # grey, in both themes quieter than text
PAPER = placeholders.BG_COLOR
RULE = placeholders.FADED_TEXT_05
BAND = placeholders.SEQUENTIAL_1
CLEAR = "rgba(0,0,0,0)"
SCALE = [
    [step / 9, getattr(placeholders, f"SEQUENTIAL_{step}")] for step in range(10)
]  # light to dark on white, dark to light on black: more is always further from the paper

DIVERGING = [
    [step / 9, getattr(placeholders, f"DIVERGING_{step}")] for step in range(10)
]  # orange below, blue above; both ends are far from the paper, the middle is near it

_AXIS = {
    "showline": False,
    "ticks": "",
    "zeroline": False,
    "gridcolor": RULE,
    "tickfont": {"color": FADED, "size": 12},
    "fixedrange": True,
    "title": {"text": "", "standoff": 0},
}


def figure(*, height: int, alt: str, **layout: Any) -> go.Figure:
    """An empty figure in the house style; ``alt`` is what a screen reader says of it.

    ``layout`` goes on top of the style, key by key. Plotly gets all of it at once: each later ``update_layout`` of
    this much takes it twenty milliseconds, the constructor three.
    """
    house: dict[str, Any] = {
        "height": height,
        "margin": {"l": 8, "r": 8, "t": 12, "b": 0, "pad": 6},
        "showlegend": False,
        "hovermode": "closest",
        "dragmode": False,
        "bargap": 0.35,
        "font": {"size": 13},  # no colour: the theme's own follows at once when the viewer changes it
        "paper_bgcolor": CLEAR,
        "plot_bgcolor": CLEAR,
        "hoverlabel": {"font": {"size": 13}, "align": "left"},
        "xaxis": {**_AXIS, "showgrid": False, "automargin": True},
        "yaxis": {**_AXIS, "showgrid": True, "automargin": True},
        "meta": {"alt": alt},
    }
    for name, value in layout.items():
        held = house.get(name)
        house[name] = {**held, **value} if isinstance(held, dict) and isinstance(value, dict) else value
    return go.Figure(layout=house)


def alt_of(shown: go.Figure) -> str:
    """The text that stands for a figure where it cannot be seen."""
    return str((shown.layout.meta or {}).get("alt", "Figure"))


def note(x: Any, y: Any, text: str, **how: Any) -> dict[str, Any]:
    """Text beside a point of a figure, in place of a legend; put there by ``annotate``."""
    style = {"showarrow": False, "xanchor": "left", "xshift": 8, "font": {"size": 13}}
    return {"x": x, "y": y, "text": text, **style, **how}


def rule(x0: float, x1: float, y0: float, y1: float, **line: Any) -> dict[str, Any]:
    """A straight line on a figure; put there by ``annotate``."""
    return {"type": "line", "x0": x0, "x1": x1, "y0": y0, "y1": y1, "line": line, "layer": "below"}


def annotate(shown: go.Figure, notes: Sequence[dict[str, Any]], rules: Sequence[dict[str, Any]] = ()) -> None:
    """Put notes and rules on a figure, all at once: Plotly takes milliseconds for each call, not for each of them."""
    shown.layout.annotations, shown.layout.shapes = tuple(notes), tuple(rules)


def nothing(message: str) -> go.Figure:
    """A figure that says in words why there is nothing to draw."""
    shown = figure(height=160, alt=message, xaxis={"visible": False}, yaxis={"visible": False})
    centred = {
        "xref": "paper",
        "yref": "paper",
        "xanchor": "center",
        "xshift": 0,
        "font": {"color": FADED, "size": 14},
    }
    annotate(shown, [note(0.5, 0.5, message, **centred)])
    return shown
