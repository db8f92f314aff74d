"""How long each page's questions take on a large company."""

from __future__ import annotations

import importlib
import inspect
import logging
import os
import pkgutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import timedelta
from typing import Any
from unittest import mock

import polars as pl
import streamlit as st
from streamlit.logger import get_logger

import settings
from bench.clock import race
from bench.place import Place, say
from metrics.month_ends import months_later
from pages.shared import answers
from pages.shared.filters import Who
from pages.shared.written import UNREAD
from queries.frames import Frames
from queries.store import Store

Answer = Callable[..., pl.DataFrame]
OF_A_DRAFT = {"campaigns.drafted", "campaigns.tone", "campaigns.languages"}
"""Questions about a draft of outreach, of which a company made for the purpose has none."""


def measure(place: Place, *, own: bool = True) -> dict[str, Any]:
    """Seconds of every page's cached questions, slowest first.

    ``cold`` remembers nothing; ``own`` remembers what other questions found, as a page does. ``daily_files`` is how
    many files of daily activity were opened.
    """
    frames, before, rows = place.frames(), os.getloadavg()[0], []
    with _settings_of(place):
        for name, ask in questions().items():
            arguments = arguments_of(ask, frames)
            if arguments is not None:
                say(f"Asking {name}")
                rows.append({"question": name, **_asked(ask, arguments, frames, own=own)})
    return {
        "accounts": frames.accounts.select(pl.len()).collect().item(),
        "monthly_rows": frames.activity_monthly.select(pl.len()).collect().item(),
        "load_average": [round(before, 2), round(os.getloadavg()[0], 2)],
        "questions": sorted(rows, key=lambda row: -row["cold"]),
    }


def questions() -> dict[str, Answer]:
    """Every cached question of ``pages/shared/answers`` by module and name, as the plain function that answers it.

    Left out: :data:`OF_A_DRAFT`.
    """
    found = {}
    for info in pkgutil.iter_modules(answers.__path__, answers.__name__ + "."):
        module, page = importlib.import_module(info.name), info.name.rpartition(".")[2]
        for name, function in vars(module).items():
            if getattr(function, "__module__", "") == info.name and _takes_frames(function):
                found[f"{page}.{name}"] = inspect.unwrap(function)
    return {name: ask for name, ask in found.items() if name not in OF_A_DRAFT}


def _takes_frames(function: Any) -> bool:
    """Whether it is a cached question: its wrapped function starts with the frames."""
    if not hasattr(function, "__wrapped__"):
        return False
    return next(iter(inspect.signature(inspect.unwrap(function)).parameters), "") == "frames"


def arguments_of(ask: Answer, frames: Frames) -> dict[str, Any] | None:
    """What a page opens with, by the names of the parameters; None when one of them is not among ours."""
    known = _opening(ask, frames)
    wanted = [
        parameter
        for parameter in list(inspect.signature(ask).parameters.values())[1:]
        if parameter.default is parameter.empty
    ]
    if any(parameter.name not in known for parameter in wanted):
        say(f"Nothing to ask {ask.__module__}.{ask.__name__} with")
        return None
    return {parameter.name: known[parameter.name] for parameter in wanted}


def _opening(ask: Answer, frames: Frames) -> dict[str, Any]:
    month, ids = frames.as_of.replace(day=1), frames.accounts.select("account_id").sort("account_id").collect()
    since = months_later(month, -24)
    known: dict[str, Any] = {
        "who": Who(),
        "account_id": ids.item(ids.height // 2, 0),
        "since": since,
        "middle": months_later(month, -12),
        "cohort": months_later(month, -12),
        "month": months_later(month, -1),
        "first": months_later(month, -1),
        "last": month - timedelta(days=1),
        "months": 12,
        "index": 1,
        "segment": "segment",
        "group": "segment",
        "names": ("small", "mid"),
        "source": "events",
        "within_days": 90,
        "window": 3,
        "reached": "account",
        "version": UNREAD,
        "number": 0,
        "band": "green",
        "outcome": "renewed",
        "by": "month",
        "step": None,
    }
    asked = getattr(inspect.getmodule(ask), "Asked", None)
    if asked is None:
        return known
    required = [name for name in asked._fields if name not in asked._field_defaults]
    return known | {"asked": asked(**{name: known[name] for name in required})}


def _asked(ask: Answer, arguments: dict[str, Any], frames: Frames, *, own: bool) -> dict[str, Any]:
    def anew() -> None:
        st.cache_data.clear()
        ask(frames, **arguments)

    with daily_files() as opened:
        cold = race({"": anew}, rounds=1 if own else 3, budget=3.0)[""]
    rows = ask(frames, **arguments).height
    found = {"cold": cold.seconds, "rows": rows, "daily_files": len(opened)}
    if own:
        found["own"] = race({"": lambda: ask(frames, **arguments)}, rounds=3, budget=2.0)[""].seconds
    return found


@contextmanager
def daily_files() -> Iterator[set[str]]:
    """The names of the files of daily activity that are opened meanwhile."""
    opened: set[str] = set()
    scan = Store.scan

    def listened(store: Store, *names: str) -> pl.LazyFrame:
        opened.update(name for name in names if name.startswith("activity/"))
        return scan(store, *names)

    with mock.patch.object(Store, "scan", listened):
        yield opened


@contextmanager
def _settings_of(place: Place) -> Iterator[None]:
    """Pages ask for the settings, and get those of this place; nothing is remembered afterwards."""
    get_logger("streamlit.runtime.caching.cache_data_api").setLevel(logging.ERROR)  # it misses a browser
    with mock.patch.object(settings, "get", return_value=place.settings):
        yield
    st.cache_data.clear()
