"""A company of two CSMs, and of accounts that nobody looks after, in which every text is a canary; as a snapshot."""

from __future__ import annotations

import uuid
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import polars as pl

import settings
from metrics import theme_vectors
from metrics.themes import comment_sentences
from metrics.value import last_value_day
from queries import checks, comments, readings, rollups, store, vector_files
from queries.contract import SOURCES
from queries.months import FIRST_DAYS
from tests.pages import hostile, reaching, snapshot
from tests.pages.canaries import OWNERS, answer_id, csm, found, word
from tests.pages.canary_records import everything_in, written
from tests.records.conftest import Records
from tests.reports.company import USE

WROTE = "our invoices vanish from the archive every friday evening"
"""What many comments say, so that they are a group of unclear ones."""
Rows = list[dict[str, object]]


@dataclass(frozen=True)
class Company:
    """The company: its settings, its records, and what was planted."""

    held: settings.Settings
    records: Records
    today: date
    campaigns: Mapping[str, uuid.UUID]
    messages: Mapping[str, uuid.UUID]
    planted: frozenset[str]

    @property
    def own(self) -> settings.Settings:
        """The settings with which a CSM sees their own accounts only."""
        return self.held.model_copy(update={"access": self.held.access.model_copy(update={"csm_scope": "own"})})


def company(folder: Path, records: Records) -> Company:
    """Published and written down."""
    zone, now = ZoneInfo("Europe/Berlin"), datetime.now(UTC)
    today = now.astimezone(zone).date()
    sources = _sources(today)
    _publish(folder, sources, now, today)
    held = reaching.awake(snapshot.settings_for(folder), records.writer)
    campaigns, messages = written(records, now, zone)
    told = f"{sources} {[word('bo', 'row', place) for place in range(3)]} {everything_in(records)}"
    return Company(held, records, today, campaigns, messages, frozenset(found(told.encode())))


def _at(day: date, hour: int = 9) -> datetime:
    return datetime.combine(day, time(hour), UTC)


def _sources(today: date) -> dict[str, list[dict[str, object]]]:
    both = [_of(owner, today) for owner in OWNERS]
    sources = {name: [row for each in both for row in each[name]] for name in both[0]}
    features = ("inbox", "Inbox", "Answers a customer"), ("call", "Calls", None)
    sources["features"] = [
        {"feature": id, "name": name, "is_key": True, "is_value": True, "min_28_days": 2.0, "onboarding_step": step}
        for id, name, step in features
    ]
    sources["entitlements"] = [{"plan": plan, "feature": id} for plan in ("Team", "Pro") for id, _, _ in features]
    shipped = {"item_id": "r1", "title": "Cheaper plans", "theme": "price", "shipped_on": today - timedelta(days=9)}
    sources["roadmap"] = [shipped]
    sources["reviews"].append(
        {"review_id": "public", "site": "G2", "rating": 4.0, "text": "Good.", "posted_at": _at(today)}
    )
    return sources


def _of(owner: str, today: date) -> dict[str, list[dict[str, object]]]:
    """One account that stays, one that leaves, one that left and a new one, with whatever is known of them."""
    stays, leaves, left, new = (word(owner, "account", place) for place in range(4))
    month, old = today.replace(day=1), today - timedelta(days=800)
    gone = month - timedelta(days=12)
    mine: dict[str, object] = {"csm_email": csm(owner).title(), "csm_name": f"{word(owner, 'csm').title()} Own"}
    if owner == "nobody":
        mine = {"csm_email": " ", "csm_name": None}  # blank, as some databases write it
    accounts: list[dict[str, object]] = [
        {"account_id": id, "name": f"{id.title()} Mill", "segment": segment, "country": "DE", "language": "en",
         "signed_up_at": _at(since), **mine}
        for id, segment, since in ((stays, "small", old), (leaves, "large", old), (left, "small", old),
                                   (new, "large", today - timedelta(days=90)))
    ]  # fmt: skip
    accounts[0]["parent_id"], accounts[1]["goal"] = word("bo", "account"), word(owner, "account", 4)
    spans: dict[str, dict[str, object]] = {
        stays: {"mrr": 900_00, "started_on": old, "renews_on": today + timedelta(days=40)},
        leaves: {"mrr": 700_00, "started_on": old, "ended_on": today + timedelta(days=20),
                 "cancel_requested_at": _at(today - timedelta(days=4)), "renews_on": today + timedelta(days=20)},
        left: {"mrr": 500_00, "started_on": old, "ended_on": gone, "end_kind": "requested",
               "cancel_requested_at": _at(gone - timedelta(days=20))},
        new: {"mrr": 300_00, "started_on": today - timedelta(days=90)},
    }  # fmt: skip
    subscriptions: list[dict[str, object]] = [
        {"subscription_id": id, "line_id": id, "account_id": id, "plan": "Team", "kind": "paid", "currency": "EUR"}
        | span
        for id, span in spans.items()
    ]
    for row in subscriptions:
        row["mrr_local"] = row["mrr"]
    people: list[dict[str, object]] = [
        {"user_id": word(owner, "person", place), "account_id": leaves if place == 2 else stays,
         "name": f"{word(owner, 'person', place).title()} Doe", "role": role, "locale": "en", "time_zone": "UTC",
         "email": f"{word(owner, 'address', place)}@customer.example" if place < 3 else None,
         "joined_at": _at(old), "left_at": _at(today - timedelta(days=30)) if place == 1 else None}
        for place, role in enumerate(("owner", "champion", "owner", *["member"] * 5))
    ]  # fmt: skip
    nps = [
        {"response_id": answer_id(owner, place), "account_id": stays, "user_id": word(owner, "person", place % 8),
         "sent_at": _at(today - timedelta(days=50 + place)), "responded_at": _at(today - timedelta(days=45 + place)),
         "score": 2 if place < 6 else 9, "comment": f"{word(owner, 'comment', place)} {WROTE}",
         "survey": f"s{place}", "kind": "relationship"}
        for place in range(8)
    ]  # fmt: skip
    exits = [
        {"response_id": answer_id(owner, place), "account_id": id, "submitted_at": _at(day), "outcome": "left",
         "reason": "too_expensive", "comment": f"{word(owner, 'comment', place)} far too dear", "ease": 3,
         "would_return": 6}
        for place, (id, day) in zip((8, 9), ((left, gone), (leaves, today - timedelta(days=4))), strict=True)
    ]  # fmt: skip
    review = {"review_id": answer_id(owner, 10), "account_id": left, "site": "G2", "rating": 2.0,
              "text": f"{word(owner, 'comment', 10)} slow", "posted_at": _at(today - timedelta(days=9))}  # fmt: skip
    touch = {"touch_id": owner, "account_id": stays, "user_id": word(owner, "person"), "channel": "call",
             "direction": "out", "occurred_at": _at(today - timedelta(days=200)),
             "summary": word(owner, "about")}  # fmt: skip
    ticket = {"ticket_id": owner, "account_id": stays, "opened_at": _at(today - timedelta(days=9)),
              "priority": "high", "subject": word(owner, "about", 1)}  # fmt: skip
    return {
        "accounts": accounts, "people": people, "subscriptions": subscriptions, "nps": nps, "exit_surveys": exits,
        "reviews": [review], "touches": [touch], "tickets": [ticket],
        "reach": [{"account_id": stays, "month": month, "end_customers": 40}],
        "milestones": [{"account_id": stays, "onboarding_step": "Connects", "reached_at": _at(old)},
                       {"account_id": left, "onboarding_step": "Connects", "reached_at": _at(old)}],
    }  # fmt: skip


def _use(today: date) -> pl.DataFrame:
    """Whoever stays uses it every week; those who leave stopped two months ago."""
    rows = []
    for owner in OWNERS:
        for place, last in ((0, 0), (1, 60)):
            account, person = word(owner, "account", place), word(owner, "person", 2 if place else 0)
            days = (today - timedelta(days=back) for back in range(last + 1, 400, 7))
            rows += [(account, person, "inbox", day, 3, None) for day in days]
    daily = pl.DataFrame(rows, schema={column: readings.SCHEMA[column] for column in USE}, orient="row")
    rest = [pl.lit(None, dtype=kind).alias(column) for column, kind in readings.SCHEMA.items() if column not in USE]
    return daily.with_columns(rest).select(*readings.SCHEMA)


def _publish(folder: Path, sources: Mapping[str, list[dict[str, object]]], now: datetime, today: date) -> None:
    kept = store.Store(str(folder))
    frames = {name: snapshot.whole(name, rows) for name, rows in sources.items()}
    files = {name: kept.put_frame(name, frame) for name, frame in frames.items()}
    daily = _use(today)
    ends = (today, today - timedelta(days=28))
    files["usage_now"] = kept.put_frame("usage_now", pl.concat([rollups.usage(daily.lazy(), end) for end in ends]))
    files["value_days"] = kept.put_frame("value_days", last_value_day(daily, frames["features"], as_of=today))
    first = rollups.first_days(daily.lazy(), pl.DataFrame(schema=FIRST_DAYS))
    files["first_days"] = kept.put_frame("first_days", first)
    rejected = {column: [word("bo", "row")] for column in (checks.REASON, *snapshot.whole("people", []).columns)}
    files["rejected/people"] = kept.put_frame("rejected", pl.DataFrame(rejected))
    found, vectors = _themes(frames)
    files[comments.KIND] = kept.put_frame(comments.KIND, found)
    states = {name: store.SourceState(status="missing") for name in SOURCES}
    states |= {name: store.SourceState(status="ok", rows=len(mine)) for name, mine in sources.items()}
    states["people"] = states["people"].model_copy(update={"rejected": 1, "rejected_by_reason": {"no address": 1}})
    said = f'nps.sql failed: invalid input syntax for type integer: "{word("bo", "row", 1)}".'
    states["tickets"] = states["tickets"].model_copy(update={"status": "stale", "error": said, "hint": said})
    states["events"] = store.SourceState(status="ok", rows=daily.height)
    manifest = store.Manifest(
        id=uuid.uuid4().hex, as_of=now, created_at=now, seconds=0.1, time_zone="Europe/Berlin", currency="EUR",
        week_start="monday", sources=states, files=files, months=_months(kept, daily, first, today),
        comments=store.Comments(vectors=vector_files.put(kept, [], vectors)),
    )  # fmt: skip
    store.publish(kept, manifest)
    store.record_failure(kept, f'subscriptions.sql failed: bad amount "{word("bo", "row", 2)}"')


def _months(kept: store.Store, daily: pl.DataFrame, first: pl.DataFrame, today: date) -> tuple[store.Month, ...]:
    months = []
    for month in rollups.months_between(today - timedelta(days=400), today):
        rows = daily.filter(pl.col("day").dt.month_start() == month)
        end = rollups.next_month(month) - timedelta(days=1)
        by = {name: rollups.by_period(rows.lazy(), every, "monday", first)
              for name, every in (("monthly", "1mo"), ("weekly", "1w"))}  # fmt: skip
        months.append(
            store.Month(
                month=month,
                checked_at=_at(today),
                uses=int(rows["uses"].sum()),
                daily=kept.put_frame("activity", rows),
                usage=kept.put_frame("usage_28d", rollups.usage(daily.lazy(), end)) if end < today else "",
                **{name: kept.put_frame(name, frame) for name, frame in by.items()},
            )
        )
    return tuple(months)


def _themes(frames: Mapping[str, pl.DataFrame]) -> tuple[pl.DataFrame, pl.DataFrame]:
    """What comments are about, and the vectors of their sentences."""
    said = comments.comments_of(frames)
    unclear = pl.col("text").str.contains(WROTE)
    rows = said.with_columns(
        theme=pl.when(unclear).then(pl.lit("unclear")).otherwise(pl.lit("price")),
        score=pl.lit(0.8),
        evidence=pl.when(~unclear).then("text"),
        polarity=pl.lit("complaint"),
    )
    told = comment_sentences(said.select(pl.concat_str("source", "response_id").alias("response_id"), "text"))
    keys = told.unique("key")
    vectors = hostile.WordVectors().encode(keys["sentence"].to_list())
    known = pl.DataFrame({"key": keys["key"], "vector": vectors}, schema=theme_vectors.SCHEMA)
    return rows.select([pl.col(name).cast(kind) for name, kind in comments.KEPT.items()]), known
