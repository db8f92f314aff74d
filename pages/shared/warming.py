"""Answers worked out before anybody asks: what pages open with, right after a new snapshot is published."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Iterator
from contextlib import suppress
from datetime import date
from functools import partial
from typing import Any

import polars as pl
from streamlit import runtime

import settings
from pages.shared import data, forgetting, scopes, written
from pages.shared.answers import (
    account,
    accounts,
    behind,
    churn_reasons,
    comments,
    contacts,
    loyalty,
    nps,
    onboarding,
    overview,
)
from pages.shared.filters import Filters, Who
from queries.errors import NoSnapshot
from queries.frames import current_id
from reports.sentences import full_month

EVERY_SECONDS = 5.0
_log = logging.getLogger("tenure.warming")


def opening_questions(view: data.View) -> Iterator[Callable[[], Any]]:
    """What the pages open with, those opened first on top; filters as nobody has chosen any."""
    since = Filters(12, Who()).since(data.frames(view).as_of)
    yield from _overview(view, since)
    yield from _rooms(view)
    yield from _onboarding(view, since)
    yield from _nps(view, since)


def _overview(view: data.View, since: date) -> Iterator[Callable[[], Any]]:
    """The overview, the book and the churn reasons, dearest first."""
    frames, everybody = data.frames(view), Who()
    yield partial(accounts.book, view, written.overridden())
    yield partial(accounts.book, view)
    for span in (1, 12):
        yield partial(overview.retention, view, everybody, span)
        yield partial(overview.changes, view, everybody, span)
    for ask in (overview.monthly, overview.run_rate, overview.renewing, overview.at_risk, behind.going, behind.silent):
        yield partial(ask, view, everybody)
    yield partial(nps.now, view, everybody, since)
    yield partial(overview.movers, view, everybody, full_month(frames.as_of))
    asked = churn_reasons.Asked(everybody, since, written.newest())
    yield partial(churn_reasons.leavers, view, asked)
    yield partial(comments.groups, view, asked.since, asked.version.corrections)


def _rooms(view: data.View) -> Iterator[Callable[[], Any]]:
    """What every account's page looks up, and what stands beside the book and the contacts."""
    yield partial(account.histories_shown, view, written.overridden())
    yield partial(account.scorecards, view)
    yield partial(loyalty.stayed, view, Who())
    yield partial(contacts.book, view, Who())
    yield partial(contacts.renewing, view, Who())


def _onboarding(view: data.View, since: date) -> Iterator[Callable[[], Any]]:
    asked = onboarding.Asked(Who(), since, 90)
    yield partial(onboarding.to_value, view, asked, None)
    yield partial(onboarding.funnel, view, asked, None)
    yield partial(onboarding.stuck, view, asked)


def _nps(view: data.View, since: date) -> Iterator[Callable[[], Any]]:
    asked, window = nps.Asked(Who(), since), 3
    yield partial(nps.change, view, asked, window)
    yield partial(nps.trend, view, asked, window)
    yield partial(nps.response, view, asked)
    yield partial(nps.themes, view, asked)
    yield partial(nps.waiting, view, asked, "account")


def warm(view: data.View) -> int:
    """Ask them all; how many were answered. One that fails is left to the page, which says what is wrong."""
    answered = 0
    for ask in opening_questions(view):
        try:
            ask()
            answered += 1
        except (Exception, pl.exceptions.PanicException):
            _log.debug("not warmed", exc_info=True)
    return answered


async def keep_warm() -> None:
    """Warm every new snapshot of this process's pages, until cancelled; after an erasure, forget first."""
    warmed, erasures = "", None
    while not runtime.exists():
        await asyncio.sleep(0.1)
    while True:
        with suppress(NoSnapshot, OSError):
            newest = await asyncio.to_thread(current_id, settings.get())
            if newest != warmed:
                before, erasures = erasures, await asyncio.to_thread(forgetting.keep_up, newest, erasures)
                if before not in (None, erasures):  # what was being worked out meanwhile is forgotten, too
                    await asyncio.sleep(EVERY_SECONDS)
                    await asyncio.to_thread(forgetting.forget)
                warmed = newest
                for scope in scopes.lately():
                    await asyncio.to_thread(warm, data.View(newest, scope.csm_email, scope.people, scope.comments))
        await asyncio.sleep(EVERY_SECONDS)
