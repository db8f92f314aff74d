"""Pages with whatever can be opened open, for tests that look for something anywhere on them, and in their files."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

import polars as pl
import pytest
import streamlit as st
from streamlit.testing.v1 import AppTest

import settings
from pages.shared import behind, definitions, links, panel, tables, trail
from tests.reports.company import everything

_LEADS_AWAY = ("campaigns_table", "results-by-campaign")
"""Tables of which a row that is picked opens another page, or the same anew."""


@dataclass
class Files:
    """What download buttons offered: what makes each file, by its name."""

    offered: dict[str, Callable[[], bytes]] = field(default_factory=dict)

    def all(self, *, excel: bool = True) -> dict[str, bytes]:
        """Every file that a viewer may have, unpacked, as one text; those of tables also as Excel files, if wanted."""
        wanted = {name: make for name, make in self.offered.items() if excel or not name.endswith("_xlsx")}
        return {name: unpacked(make()) for name, make in wanted.items()}


def unpacked(file: bytes) -> bytes:
    """What a file says: of one that is packed, every part."""
    return "\n".join(everything(file).values()).encode() if file[:2] == b"PK" else file


class _Open:
    """A popover that is open."""

    open = True

    def __init__(self, label: str, **_: Any) -> None:
        self._within = st.container()
        self._within.markdown(label)

    def __enter__(self) -> _Open:
        self._within.__enter__()
        return self

    def __exit__(self, *error: Any) -> None:
        self._within.__exit__(*error)


def wide(patched: pytest.MonkeyPatch, files: Files) -> None:
    """From here on nothing waits to be opened, picked or clicked; ``files`` keeps what could be taken away."""
    show, expander, download = tables.show, st.expander, st.download_button

    def picked(frame: pl.DataFrame, columns: Any, *, select: Any = None, **how: Any) -> list[int]:
        show(frame, columns, select=select, **how)
        return [0] if select and frame.height and how["key"] not in _LEADS_AWAY else []

    def behind_it(title: str, rows: Any, columns: Any, *, key: str, **how: Any) -> None:
        st.markdown(f"**{title}**")
        behind.listed(title, rows(), columns, key=f"behind-{key}", **how)

    def clicked(figure: Any, *, key: str) -> list[Any] | None:
        panel.chart(figure, key=key)
        points = [point for trace in figure.data if trace.customdata is not None for point in trace.customdata]
        return list(points[0]) if points else None

    def unfolded(label: str, frame: pl.DataFrame, columns: Any, **how: Any) -> None:
        picked(frame, columns, **how)

    def offered(label: str, data: Any, **how: Any) -> bool:
        files.offered[f"{links.here()}: {how['key']}"] = data
        return bool(download(label, data="", **how))

    patched.setattr(tables, "show", picked)
    patched.setattr(tables, "folded", unfolded)
    patched.setattr(behind, "accounts", behind_it)
    patched.setattr(panel, "clickable", clicked)
    patched.setattr(links, "open_account", lambda ids: None)
    patched.setattr(definitions, "how", lambda *functions, **more: None)  # our own words
    patched.setattr(st, "expander", lambda label, **how: expander(label, expanded=True, **how))
    patched.setattr(st, "popover", _Open)
    patched.setattr(st, "download_button", offered)


def unaudited(patched: pytest.MonkeyPatch, kept: list[trail.Entry] | None = None) -> None:
    """Looks and files are not written down from here on, so that nothing writes beside the test."""

    def add(actor: str, action: str, what: str, about: dict[str, Any]) -> None:
        if kept is not None:
            kept.append(trail.Entry(actor, action, what, datetime.now(UTC), about))

    patched.setattr(trail, "_add", add)


def begun() -> AppTest:
    """The app as a browser opens it. Call it while nobody is signed in, and it draws no page yet."""
    return AppTest.from_file(str(settings.ROOT / "pages" / "frame.py"), default_timeout=60).run()


def at(seen: AppTest, page: str, /, **query: str) -> AppTest:
    """Another page of the same session."""
    seen.query_params.clear()
    for name, value in query.items():
        seen.query_params[name] = value
    return seen.switch_page(f"{page}.py").run()


def told(seen: AppTest) -> bytes:
    """Everything that the browser is sent of a page: words, tables, figures, choices, help."""
    parts: list[Any] = [getattr(node, "proto", None) for node in seen._tree]
    return b"\n".join(part.SerializeToString() for part in parts if part is not None)
