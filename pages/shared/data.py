"""What pages know: one snapshot per look, and results remembered by scalars. The only ``st.cache_data``.

A result is remembered under the name of its function, the snapshot, the viewer's scope and its arguments, all of
them scalars. Frames are never part of a key: they are hashed from a sample, so changed rows would give stale hits.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import date
from functools import wraps
from inspect import signature
from typing import Any, Concatenate, NamedTuple, ParamSpec, cast

import polars as pl
import streamlit as st

import settings
from queries.frames import Frames, Scope, current_id, open_snapshot
from queries.store import Manifest

_Arguments = ParamSpec("_Arguments")
_VIEW = "tenure_view"
_SCALARS = (str, int, float, bool, date, type(None))
_functions: dict[str, Callable[..., pl.DataFrame]] = {}


class View(NamedTuple):
    """Which snapshot is looked at, and whose accounts (None: everybody's). Part of every cache key."""

    snapshot_id: str
    csm_email: str | None = None


def begin() -> View:
    """The newest snapshot for whoever is looking; the frame calls it before every page, so that a page has one."""
    view = View(current_id(settings.get()))
    st.session_state[_VIEW] = view
    return view


def view() -> View:
    """The snapshot this page looks at, as the frame chose it; a fragment that runs again keeps it."""
    return st.session_state.get(_VIEW) or begin()


def view_of(opened: Frames) -> View:
    """The view that ``opened`` is of, so that one cached question may ask another."""
    return View(opened.manifest.id, opened.scope.csm_email)


def frames(looked_at: View) -> Frames:
    """The frames of a view, of the accounts its viewer may see."""
    return open_snapshot(looked_at.snapshot_id, Scope(csm_email=looked_at.csm_email), settings.get())


def manifest(looked_at: View) -> Manifest:
    """When the view's snapshot is as of, and what each source gave."""
    return frames(looked_at).manifest


def currency(looked_at: View) -> str:
    """The reporting currency of the view's amounts."""
    return manifest(looked_at).currency


def _check(arguments: tuple[Any, ...]) -> None:
    for argument in arguments:
        if isinstance(argument, tuple):
            _check(tuple(argument))
        elif not isinstance(argument, _SCALARS):
            raise TypeError(f"A cached function takes scalars, not {type(argument).__name__}: it is part of the key")


@st.cache_data(show_spinner=False, max_size="256MB", ttl="2h")
def _remembered(
    name: str,
    snapshot_id: str,
    csm_email: str | None,
    arguments: tuple[tuple[str, Any], ...],
) -> pl.DataFrame:
    return _functions[name](frames(View(snapshot_id, csm_email)), **dict(arguments))


def cached(
    function: Callable[Concatenate[Frames, _Arguments], pl.DataFrame],
) -> Callable[Concatenate[View, _Arguments], pl.DataFrame]:
    """Turn ``function(frames, …scalars)`` into ``function(view, …scalars)``, worked out once per snapshot and scope.

    Every caller gets a frame of its own. Decorate functions of a module in ``pages/shared``, never of a page: a
    page's functions all live in ``__main__``, where two could share a name and so a result.
    """
    name = f"{function.__module__}.{function.__qualname__}"
    if function.__module__ == "__main__" or "<locals>" in name:
        raise TypeError(f"{name} cannot be cached: move it to a module in pages/shared")
    _functions[name] = function
    shape = signature(function)

    @wraps(function)
    def ask(looked_at: View, *positional: _Arguments.args, **named: _Arguments.kwargs) -> pl.DataFrame:
        given = shape.bind(None, *positional, **named)
        given.apply_defaults()  # however the same is asked, it is remembered once
        arguments = tuple(given.arguments.items())[1:]
        _check(tuple(value for _, value in arguments))
        return _remembered(name, looked_at.snapshot_id, looked_at.csm_email, arguments)

    return cast(Callable[Concatenate[View, _Arguments], pl.DataFrame], ask)


def bands() -> dict[str, float]:
    """The health bands and the least score of each, from the settings."""
    return {str(name): least for name, least in settings.get().health.bands.items() if least > 0}
