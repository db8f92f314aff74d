"""Takes erased people out of a snapshot: its files are read, written again without them, and named in its place.

What stands per person goes as rows do; what is counted per month is counted again. The database is not asked.
"""

from __future__ import annotations

from collections import Counter
from typing import Any

import polars as pl

from queries import checks
from queries.contract import SOURCES
from queries.counted import Counted, Who
from queries.forgotten import without_comments
from queries.left_out import KIND, MANAGER, LeftOut
from queries.readings import UNKNOWN_ACCOUNT
from queries.roll_up import counted_again
from queries.store import Manifest, Month, SourceState, Store
from settings import Settings

_ABOUT = {"user_id", "email", MANAGER[0]}
_FIRST = ("people", "rejected/people")
"""Whose ids stand behind an address is told by these, so they are read before all others."""
_PARTS = ("daily", "monthly", "weekly", "usage")
Rows = Counter[str]
"""How many rows went, by kind of file; of accounts, how many lost their manager's name."""


def purged(store: Store, manifest: Manifest, left_out: LeftOut, settings: Settings) -> tuple[Manifest, Rows]:
    """``manifest`` with files that hold nobody who is left out, and what was taken out; its id stays the same.

    The last days of value are worked out anew by the next refresh: they are an account's, and what one person did may
    have made them.
    """
    work = _Work(store, left_out)
    names = sorted(manifest.files, key=lambda name: (name not in _FIRST, name))
    files = {name: work.file(manifest.files[name]) for name in names if name != KIND}
    months = work.months(manifest, files)
    comments, themes = without_comments(store, manifest, files, settings)
    files |= themes | {KIND: store.put_frame(KIND, left_out.frame())}
    sources = {name: _state(store, name, state, manifest, files) for name, state in manifest.sources.items()}
    changed: dict[str, Any] = {"files": files, "months": months, "comments": comments, "sources": sources}
    if months != manifest.months:
        sources["events"] = _of_events(manifest, months)
        changed["value_key"] = ""
    return manifest.model_copy(update=changed), work.rows


class _Work:
    """Files written again, each once, however often it is named."""

    def __init__(self, store: Store, left_out: LeftOut) -> None:
        self.store, self.left_out = store, left_out
        self.rows: Rows = Counter()
        self._done: dict[str, str] = {}

    def file(self, name: str) -> str:
        """The name of the file that holds the same without whoever is left out; its own where nobody is in it."""
        if name and name not in self._done:
            self._done[name] = self._written(name)
        return self._done[name] if name else ""

    def _written(self, name: str) -> str:
        rows = self.store.scan(name)
        about = sorted(_ABOUT.intersection(rows.collect_schema().names()))
        if not about:
            return name
        values = rows.select(about).unique().collect()
        kept_values = self.left_out.without(values)
        if kept_values.equals(values):
            return name
        before = rows.collect()
        after = self.left_out.without(before)
        kind = name.rpartition("/")[0]
        named = [each.get_column(MANAGER[0]).null_count() for each in (after, before)] if kind == "accounts" else (0, 0)
        self.rows[kind] += before.height - after.height + named[0] - named[1]
        return self.store.put_frame(kind, after)

    def months(self, manifest: Manifest, files: dict[str, str]) -> tuple[Month, ...]:
        """The months, of which those that somebody was in are counted again."""
        named = [(month, {part: self.file(getattr(month, part)) for part in _PARTS}) for month in manifest.months]
        if all(getattr(month, part) == name for month, parts in named for part, name in parts.items()):
            return manifest.months
        counted = Counted(self.store, _who(self.store, manifest, files))
        return tuple(self._month(month, parts, counted) for month, parts in named)

    def _month(self, month: Month, parts: dict[str, str], counted: Counted) -> Month:
        found = month.model_copy(update=parts)
        if found.daily == month.daily:
            return found
        uses = int(self.store.scan(found.daily).select(pl.col("uses").sum()).collect().item())
        left = found.model_copy(update={"uses": uses, "erased": month.erased + month.uses - uses})
        return counted_again(counted, left)


def _who(store: Store, manifest: Manifest, files: dict[str, str]) -> Who:
    accounts, subscriptions = (
        store.scan(files[name]).collect() if name in files else checks.empty(SOURCES[name])
        for name in ("accounts", "subscriptions")
    )
    staff = store.scan(files["staff"]).collect() if "staff" in files else pl.DataFrame(schema={"user_id": pl.String})
    known = accounts.get_column("account_id")
    ids = checks.Accounts(known=known, left_out=known.clear())
    return Who.of(accounts, ids, subscriptions, staff.get_column("user_id"), manifest.time_zone)


def _state(store: Store, name: str, state: SourceState, manifest: Manifest, files: dict[str, str]) -> SourceState:
    """What the manifest says of a source whose rows were taken out: they count as left out from now on."""
    gone, reasons = _fewer(store, name, manifest, files), Counter(state.rejected_by_reason)
    rejected = f"rejected/{name}"
    if name != "events" and _changed(rejected, manifest, files):  # of events there are samples only
        counts = store.scan(files[rejected]).group_by(checks.REASON).len().collect()
        reasons = Counter(dict(counts.iter_rows()))
    lost = Counter(state.rejected_by_reason).total() - reasons.total()
    return state.model_copy(
        update={
            "rows": state.rows - gone,
            "left_out": state.left_out + gone + lost,
            "rejected": state.rejected - lost,
            "rejected_by_reason": dict(sorted(reasons.items(), key=lambda item: (-item[1], item[0]))),
        }
    )


def _fewer(store: Store, name: str, manifest: Manifest, files: dict[str, str]) -> int:
    if not _changed(name, manifest, files):
        return 0
    heights = (store.scan(held[name]).select(pl.len()).collect().item() for held in (manifest.files, files))
    return int(next(heights)) - int(next(heights))


def _changed(name: str, manifest: Manifest, files: dict[str, str]) -> bool:
    return name in files and files[name] != manifest.files.get(name)


def _of_events(manifest: Manifest, months: tuple[Month, ...]) -> SourceState:
    """What the manifest says of events; all of them together stay as many as the database holds."""
    state = manifest.sources["events"]
    rows = sum(month.uses - month.by_staff - sum(month.uncounted.values()) for month in months)
    strangers = sum(sum(m.uncounted.values()) for m in manifest.months) - sum(sum(m.uncounted.values()) for m in months)
    reasons = dict(state.rejected_by_reason)
    unknown = min(strangers, reasons.get(UNKNOWN_ACCOUNT, 0))
    if unknown:
        reasons[UNKNOWN_ACCOUNT] -= unknown
    kept = {why: count for why, count in reasons.items() if count}
    rejected = state.rejected - unknown
    left_out = state.rows + state.rejected + state.left_out - rows - rejected
    counts = {"rows": rows, "rejected": rejected, "rejected_by_reason": kept, "left_out": left_out}
    return state.model_copy(update=counts)
