"""Merge fields: what a message may say of its recipient, written in the message's language. Facts only.

What is not known is left out, so that a text can ask for it; nothing is made up, rounded or praised.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import date
from typing import TYPE_CHECKING, Any

import polars as pl

from outreach.audience import Audience
from outreach.facts import Facts, facts
from outreach.merge_fields import FIELDS
from outreach.written import Written
from queries.frames import Frames
from settings import Settings

if TYPE_CHECKING:
    from outreach.plays import Play

Fields = dict[str, Any]
_OF_USE = {"features", "results", "people_active"}
_ALWAYS = frozenset({"account", "company"})
"""Used by the footer, whatever the play says."""
LANGUAGES = "languages"
"""In an audience's ``extra``: what differs by language, ``{"de": {"offer": "…"}}``."""
_TITLES = re.compile(
    r"(?:dr|prof|mr|mrs|ms|mx|miss|herr|frau|dipl|ing|mag|med|phil|rer|nat|sir|dna|dl)\.?(?=\s|$|-)", re.IGNORECASE
)
_INITIAL = re.compile(r"\w|(?:\w\.-?)+")
_WRITTEN_TOGETHER = re.compile(r"[\u3040-\u30ff\u3400-\u9fff\uac00-\ud7af]")


def of(
    frames: Frames,
    settings: Settings,
    recipients: pl.DataFrame,
    play: Play,
    audience: Audience,
    *,
    goals: Mapping[str, str] | None = None,
) -> dict[int, Fields]:
    """The merge fields of every recipient (rows of ``outreach.audience``), by their ``row``; only those ``play`` uses.

    ``goals`` are those that somebody typed in, by account; they count before the source's. What the page knows comes
    from ``audience.extra``: a value for everybody, one by account, or, under ``languages``, one by language, which
    counts first. The links of a message are not among them; they need its id.
    """
    wanted = (play.fields | _ALWAYS) & FIELDS.keys()
    known = facts(
        frames,
        recipients["account_id"].unique().to_list(),
        grace_days=settings.revenue.grace_days,
        use=bool(wanted & _OF_USE),
        unused="unused" in wanted,
    )
    about = _accounts(frames, recipients, goals or {})
    links = {f"{name}_link": link for name, link in settings.outreach.links.items()}
    found = {}
    for row in recipients.iter_rows(named=True):
        account = row["account_id"]
        told = {
            **links,
            **_said(audience, account, row["language"]),
            **_of_person(row["name"]),
            **_of_account(about.get(account, {}), known.get(account, Facts()), Written(row["language"])),
            "account": row["account"],
            "company": settings.organisation.name,
            "sender_name": settings.outreach.sender_name,
        }
        told["signer"] = play.signer or told.get("csm_name") or told["sender_name"]
        found[row["row"]] = {name: value for name, value in told.items() if name in wanted and value not in (None, [])}
    return found


def first_name(name: str | None) -> str | None:
    """What somebody is called by; None where a whole name does not tell.

    >>> [first_name(name) for name in ("Ana Weber", "Dr. med. Ana Weber", "Weber, Ana", "A. Weber", "王小明", " ")]
    ['Ana', 'Ana', 'Ana', None, '王小明', None]
    """
    whole = " ".join((name or "").split())
    if "," in whole:
        family, _, given = whole.partition(",")
        whole = f"{given.strip()} {family}".strip()
    parts = [part for part in whole.split() if not _TITLES.fullmatch(part)]
    if not parts:
        return None
    if _WRITTEN_TOGETHER.search(whole):
        return " ".join(parts)
    return None if _INITIAL.fullmatch(parts[0]) else parts[0]


def _of_person(name: str | None) -> Fields:
    return {"name": name, "first_name": first_name(name)}


def _accounts(frames: Frames, recipients: pl.DataFrame, goals: Mapping[str, str]) -> dict[str, Fields]:
    """``csm_name`` and ``goal`` of the accounts."""
    ids = recipients["account_id"].unique().implode()
    rows = frames.accounts.filter(pl.col("account_id").is_in(ids)).select("account_id", "csm_name", "goal").collect()
    return {account: {"csm_name": csm, "goal": goals.get(account) or goal} for account, csm, goal in rows.iter_rows()}


def _said(audience: Audience, account: str, language: str) -> Fields:
    """What the page knows, or whoever composes typed in; other fields than those are not taken from there."""
    names = [name for name, field in FIELDS.items() if field.origin == "campaign"]
    here = audience.extra.get(LANGUAGES) or {}
    own = here.get(language) or {}
    told = {name: own.get(name) or audience.told(name, account) for name in names}
    return {
        name: [value] if FIELDS[name].kind == "list" and isinstance(value, str) else value
        for name, value in told.items()
    }


def _of_account(about: Fields, known: Facts, write: Written) -> Fields:
    def day(value: date | None) -> str | None:
        return None if value is None else write.day(value)

    return {
        **about,
        "plan": known.plan,
        "since": day(known.since),
        "months_with_us": known.months,
        "ends_on": day(known.ends_on),
        "renews_on": day(known.renews_on),
        "notice_by": day(known.notice_by),
        "renewal_amount": None if known.renewal is None else write.amount(*known.renewal),
        "people_active": known.people_active,
        "features": [name for name, _ in known.used],
        "results": _results(known, write),
        "unused": list(known.unused),
    }


def _results(known: Facts, write: Written) -> list[str]:
    reached = None if known.reach is None else write.reached(*known.reach)
    span = known.span
    used = [
        write.used(name, uses, span.since, span.until, a_year=span.a_year, running=span.running)
        for name, uses in known.used
        if span is not None
    ]
    return [reached, *used] if reached else used
