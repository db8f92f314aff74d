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
from pages.shared import scopes, viewer
from queries.errors import NoSnapshot
from queries.frames import Frames, current_id, open_snapshot
from queries.scope import Scope
from queries.store import Manifest, Store, manifest_name

_Arguments = ParamSpec("_Arguments")
_SNAPSHOT = "tenure_snapshot"
_SCALARS = (str, int, float, bool, date, type(None))
_functions: dict[str, Callable[..., pl.DataFrame]] = {}


class View(NamedTuple):
    """Which snapshot is looked at, and what of it: the fields of ``queries.scope.Scope``. Part of every cache key."""

    snapshot_id: str
    csm_email: str | None = None
    people: bool = True
    comments: bool = True


def _seen(snapshot_id: str, scope: Scope) -> View:
    return View(snapshot_id, scope.csm_email, scope.people, scope.comments)


def begin() -> View:
    """The newest snapshot for whoever is looking; the frame calls it before every page, so that a page has one."""
    snapshot_id = current_id(settings.get())
    st.session_state[_SNAPSHOT] = snapshot_id
    scopes.opened(seen := viewer.scope())
    return _seen(snapshot_id, seen)


def view() -> View:
    """The snapshot this page looks at, as the frame chose it; a fragment that runs again keeps it while it is there.

    What of it may be seen is asked anew every time: nothing a session remembers opens more than its viewer may see.
    """
    snapshot_id = st.session_state.get(_SNAPSHOT)
    return _seen(snapshot_id, viewer.scope()) if snapshot_id and _there(snapshot_id) else begin()


def _there(snapshot_id: str) -> bool:
    """Whether a snapshot is still kept: it is old, or somebody was taken out of it."""
    return Store(settings.get().snapshot_dir).existed_lately(manifest_name(snapshot_id))


def book(looked_at: View) -> View:
    """The same snapshot, of the accounts whose people the viewer may write to, whole: drafts are made from it."""
    return _seen(looked_at.snapshot_id, viewer.book())


def view_of(opened: Frames) -> View:
    """The view that ``opened`` is of, so that one cached question may ask another."""
    return _seen(opened.manifest.id, opened.scope)


def frames(looked_at: View) -> Frames:
    """The frames of a view, of what its viewer may see."""
    return open_snapshot(looked_at.snapshot_id, Scope(*looked_at[1:]), settings.get())


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
def _remembered(name: str, looked_at: View, arguments: tuple[tuple[str, Any], ...]) -> pl.DataFrame:
    found = _functions[name](frames(looked_at), **dict(arguments))
    if not _there(looked_at.snapshot_id):  # somebody was erased while this was worked out: it is not remembered
        raise NoSnapshot(f"The snapshot {looked_at.snapshot_id} is gone.", "reload the page; it opens the newest")
    return found


def forget() -> None:
    """Every result is worked out anew, whichever snapshot it is of."""
    st.cache_data.clear()


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
        return _remembered(name, looked_at, arguments)

    return cast(Callable[Concatenate[View, _Arguments], pl.DataFrame], ask)


def bands() -> dict[str, float]:
    """The health bands and the least score of each, from the settings."""
    return {str(name): least for name, least in settings.get().health.bands.items() if least > 0}
