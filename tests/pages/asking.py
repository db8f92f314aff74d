"""Asking for everything by hand: every question that pages ask, about everybody's accounts, comments and campaigns."""

from __future__ import annotations

import importlib
import inspect
import pkgutil
from collections.abc import Callable
from datetime import timedelta
from itertools import product
from typing import Any

import polars as pl

import settings
from metrics.month_ends import months_later
from pages.shared import answers as package
from pages.shared import data, filters, written
from pages.shared.answers import campaigns, churn_reasons, cohorts, nps, onboarding
from pages.shared.data import View
from pages.shared.filters import Who
from pages.shared.viewer import NotAllowed, Viewer
from records import campaigns as kept
from records.database import engine
from tests.pages.canaries import OWNERS, answer_id, word
from tests.pages.canary_company import Company

ACCOUNTS = tuple(word(owner, "account", place) for owner in OWNERS for place in range(2))


def everything(company: Company, who: Viewer) -> dict[str, bytes]:
    """What every question answers that pages can ask, whoever's accounts, comments and campaigns it is asked about."""
    view = data.begin()
    whose = [Who(), Who(csm="Bo@Us.Example")] if who.role == "csm" else [Who()]
    given, frames = arguments(company, whose), data.frames(view)
    told = {f"frame {name}": text_of(frame.collect()) for name, frame in frames.mapping().items()}
    told["daily activity"] = text_of(
        frames.activity(account_id=ACCOUNTS, since=company.today - timedelta(days=400)).collect()
    )
    told["rejected"] = text_of(frames.rejected("people"))
    for name, function in questions().items():
        if name.startswith("campaigns.") and not who.may_open("campaigns"):
            continue
        for number, values in enumerate(product(*(given[name, each] for each in names_of(function)))):
            told[f"{name}, {number}"] = _answer(function, view, values)
    return told


def _answer(function: Callable[..., Any], view: View, values: tuple[Any, ...]) -> bytes:
    try:
        return text_of(function(view, *values))
    except NotAllowed as error:
        return str(error).encode()


def questions() -> dict[str, Callable[..., Any]]:
    """Every question that pages ask of a view, by name."""
    modules = [
        importlib.import_module(f"{package.__name__}.{each.name}") for each in pkgutil.iter_modules(package.__path__)
    ]
    found = {}
    for module in (*modules, filters, written):
        for name, function in inspect.getmembers(module, inspect.isfunction):
            first = next(iter(inspect.signature(inspect.unwrap(function)).parameters.values()), None)
            if function.__module__ == module.__name__ and first is not None and first.annotation in ("View", "Frames"):
                cached = f"{module.__name__}.{name}" in data._functions
                if cached or first.annotation == "View":
                    found[f"{module.__name__.rpartition('.')[2]}.{name}"] = function
    return found


def names_of(function: Callable[..., Any]) -> list[str]:
    return list(inspect.signature(inspect.unwrap(function)).parameters)[1:]


class Given(dict[tuple[str, str], list[Any]]):
    """What to ask with, by question and parameter, or by module and parameter, or by parameter alone."""

    def __missing__(self, key: tuple[str, str]) -> list[Any]:
        question, parameter = key
        for wider in ((question.partition(".")[0], parameter), ("", parameter)):
            if wider in self:
                return self[wider]
        raise AssertionError(f"Say what {question} is to be asked with as its {parameter}, so that it is looked at too")


def arguments(company: Company, whose: list[Who]) -> Given:
    """Everybody's accounts, comments and campaigns, whosever view it is."""
    today = company.today
    since, month, version, room = today - timedelta(days=700), today.replace(day=1), written.newest(), written.room()
    gone = months_later(month, -1)
    here = engine(settings.get())
    drafts = {kind: kept.campaign(here, company.campaigns[f"{kind} draft"]) for kind in ("ada", "bo")}
    ids = [str(id) for id in company.campaigns.values()]
    people = tuple(word(owner, "person", place) for owner in OWNERS for place in range(8))
    asked = {
        "churn_reasons": [churn_reasons.Asked(who, since, version) for who in whose],
        "cohorts": [cohorts.Asked(Who(), since, unit) for unit in ("account_id", "user_id", "mrr")],
        "nps": [nps.Asked(who, since) for who in whose],
        "onboarding": [onboarding.Asked(who, since, 90) for who in whose],
    }
    one: dict[str, list[Any]] = {
        "who": whose, "since": [since], "month": [month, gone], "first": [gone], "last": [month], "months": [2],
        "account_id": list(ACCOUNTS), "said": [written.overridden()], "band": ["red"], "outcome": ["open"],
        "group": ["segment"], "index": [1], "names": [("small", "large")], "cohort": [since.replace(day=1)],
        "number": [1, 2], "source": ["exit_surveys", "people"], "kind": [None], "weight": ["answers"], "window": [3],
        "segment": ["segment", "plan"], "reached": ["account", "person"], "within_days": [90],
        "step": [None, "Connects"], "by": [None, "month"], "span": [1], "version": [version.corrections],
        "response_id": [answer_id(owner, 8) for owner in OWNERS],
    }  # fmt: skip
    given = Given({("", name): values for name, values in one.items()})
    given |= {(module, "asked"): values for module, values in asked.items()}
    given |= {("campaigns", "campaign_id"): list(company.campaigns.values()), ("results", "campaign_id"): ids}
    for draft in ("drafted", "tone"):
        given[f"campaigns.{draft}", "campaign_id"] = [str(found.id) for found in drafts.values() if found]
        given[f"campaigns.{draft}", "fingerprint"] = [found.fingerprint for found in drafts.values() if found]
    given["campaigns", "message_id"] = [str(id) for id in company.messages.values()]
    given["campaigns.languages", "play"] = ["thank_you"]
    given["campaigns.languages", "version"] = [campaigns.plays()["thank_you"].version]
    given["campaigns.languages", "account_ids"] = [ACCOUNTS]
    given["campaigns.languages", "user_ids"] = [None, people]
    given["written.goal_of", "version"] = [room.goals]
    given["written.notes_of", "version"] = [room.notes]
    given["written.overrides_history", "version"] = [room.overrides]
    given["written.marked", "version"] = [version.marks]
    given["written.themes_history", "source"] = ["exit_surveys"]
    return given


def text_of(answer: Any) -> bytes:
    if isinstance(answer, pl.DataFrame):
        return str(answer.rows()).encode()
    if hasattr(answer, "__dataclass_fields__"):
        return b"\n".join(text_of(getattr(answer, name)) for name in answer.__dataclass_fields__)
    return repr(answer).encode()
