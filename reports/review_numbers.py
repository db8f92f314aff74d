"""What a business review rests on: one customer's quarter against the one before, as small frames.

For the customer's eyes. Nothing in here judges the customer, and no other customer's name or money gets in.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime
from zoneinfo import ZoneInfo

import polars as pl

from metrics.scorecard import scorecard
from queries.frames import Frames
from reports import freshness
from reports.asked import offers_known, unused_of
from reports.contract import Contract, contract
from reports.language import choose
from reports.quarters import Quarter, full_quarters, last_full_quarter
from reports.review_use import Pair, Use, use
from reports.wishes import wishes
from settings import Settings

LEAST_PEERS = 5
"""Fewer others than these are not compared with: one of them could be guessed."""
PEER_MEASURES = {"depth": "people", "breadth": "main_features", "reach": "reach"}


@dataclass(frozen=True)
class ReviewNumbers:
    """Everything a business review says.

    ``joined_on`` is the first day the customer paid or signed up. ``use`` as in ``review_use``. ``reach`` has a row per
    month (``month, end_customers``, null where not known), ``reached`` the monthly averages of both quarters;
    ``requests`` a row per month (``month, opened, solved``), ``opened``, ``solved`` and ``days_to_solve`` (the median
    of those solved) both quarters; ``open_requests`` what is open today (``subject, opened_on, days_open``), and all
    of it is None where no source has tickets. ``joined`` has a row per person (``name, day``), ``shipped`` one per
    wish that shipped in the quarter (``title, day``). ``peers`` (``measure, value, share, peers``; no share
    where the value is 0) and ``unused`` (``name, uses`` in 28 days, of what was not used in the quarter) are None
    unless asked for; ``unused`` also where it is not known what the plan offers.
    """

    company: str
    account: str
    language: str
    quarter: Quarter
    taken_at: datetime
    snapshot_id: str
    goal: str | None
    joined_on: date | None
    contract: Contract
    use: Use
    reach: pl.DataFrame
    reached: Pair
    requests: pl.DataFrame | None
    opened: Pair
    solved: Pair
    days_to_solve: Pair
    open_requests: pl.DataFrame | None
    joined: pl.DataFrame
    shipped: pl.DataFrame
    peers: pl.DataFrame | None = None
    unused: pl.DataFrame | None = None

    @property
    def as_of(self) -> date:
        """The organisation's day of the snapshot."""
        return self.taken_at.date()

    @property
    def young(self) -> bool:
        """Whether the quarter was over before the customer came."""
        return self.joined_on is not None and self.joined_on > self.quarter.last

    @property
    def comparable(self) -> bool:
        """Whether the customer was there for the whole quarter before."""
        return self.joined_on is None or self.joined_on <= self.quarter.before.first


class UnknownAccount(LookupError):
    """There is no such account among those the viewer may see."""


def account_row(frames: Frames, account_id: str) -> dict[str, object]:
    """The account's own row; :class:`UnknownAccount` when the viewer sees none of that id."""
    rows = frames.accounts.filter(pl.col("account_id") == account_id).collect()
    if rows.is_empty():
        raise UnknownAccount(f"There is no account {account_id!r} among those you may see.")
    return rows.row(0, named=True)


def numbers(
    frames: Frames,
    settings: Settings,
    account_id: str,
    *,
    quarter: Quarter | None = None,
    goal: str | None = None,
    language: str | None = None,
    peers: bool = False,
    unused: bool = False,
    now: datetime | None = None,
    even_if_stale: bool = False,
) -> ReviewNumbers:
    """The numbers of one account's quarter (the last full one unless another is given) against the one before.

    ``goal`` is what the customer set out to do, where it is known better than in the accounts source (empty: not
    known). ``language`` is
    the account's where reviews are written in it, else the organisation's. Raises ``StaleSnapshot`` when the snapshot
    is too old at ``now`` (the moment of asking), unless ``even_if_stale``.
    """
    freshness.check(frames, settings, now=now, even_if_stale=even_if_stale)
    about = account_row(frames, account_id)
    chosen = quarter or last_full_quarter(frames.as_of)
    mine, manifest, grace = pl.col("account_id") == account_id, frames.manifest, settings.revenue.grace_days
    bought = contract(frames.subscriptions.filter(mine), as_of=frames.as_of, grace_days=grace)
    months = _reach(frames.source("reach").filter(mine), chosen)
    tickets = None if "tickets" in frames.missing | frames.failed.keys() else frames.tickets.filter(mine).collect()
    requests = _requests(tickets, chosen, frames.as_of)
    return ReviewNumbers(
        company=settings.organisation.name,
        account=_words(about["name"]) or account_id,
        language=choose(language, _words(about["language"]), settings.organisation.language),
        quarter=chosen,
        taken_at=manifest.as_of.astimezone(ZoneInfo(manifest.time_zone)),
        snapshot_id=manifest.id,
        goal=_words(about["goal"] if goal is None else goal) or None,
        joined_on=min((day for day in (bought.since, _day(about["signed_up_at"])) if day), default=None),
        contract=bought,
        use=use(frames, account_id, chosen),
        reach=months,
        reached=_average(months, chosen),
        requests=requests,
        opened=_total(requests, "opened", chosen),
        solved=_total(requests, "solved", chosen),
        days_to_solve=Pair(_median_days(tickets, chosen), _median_days(tickets, chosen.before)),
        open_requests=_open(tickets, frames.as_of),
        joined=_joined(frames.people.filter(mine), chosen),
        shipped=wishes(frames, settings, account_id, chosen),
        peers=_peers(frames, account_id, chosen, grace) if peers else None,
        unused=_unused(frames, settings, account_id, chosen) if unused else None,
    )


def quarters(frames: Frames, account_id: str) -> list[Quarter]:
    """The quarters a review of the account may look back on, the newest first."""
    return full_quarters(frames.as_of, since=_day(account_row(frames, account_id)["signed_up_at"]))


def _words(value: object) -> str:
    return " ".join(str(value).split()) if value is not None else ""


def _day(value: object) -> date | None:
    return value.date() if isinstance(value, datetime) else value if isinstance(value, date) else None


def _months(quarter: Quarter) -> pl.DataFrame:
    return pl.DataFrame({"month": [*quarter.before.months, *quarter.months]}, schema={"month": pl.Date})


def _reach(reach: pl.LazyFrame, quarter: Quarter) -> pl.DataFrame:
    known = reach.group_by("month").agg(pl.col("end_customers").max()).collect()
    return _months(quarter).join(known, on="month", how="left", maintain_order="left")


def _in(quarter: Quarter, name: str = "month") -> pl.Expr:
    return pl.col(name).is_between(quarter.first, quarter.last)


def _average(months: pl.DataFrame, quarter: Quarter) -> Pair:
    def mean(span: Quarter) -> float | None:
        value = months.filter(_in(span))["end_customers"].mean()
        return float(value) if isinstance(value, int | float) else None

    return Pair(mean(quarter), mean(quarter.before))


def _requests(tickets: pl.DataFrame | None, quarter: Quarter, as_of: date) -> pl.DataFrame | None:
    """Tickets opened and solved by month."""
    if tickets is None:
        return None
    found = _months(quarter)
    for name in ("opened", "solved"):
        count = tickets.group_by(month=pl.col(f"{name}_at").dt.date().dt.month_start()).agg(
            pl.len().cast(pl.Int64).alias(name)
        )
        found = found.join(count, on="month", how="left", maintain_order="left").with_columns(pl.col(name).fill_null(0))
    return found


def _total(requests: pl.DataFrame | None, name: str, quarter: Quarter) -> Pair:
    if requests is None:
        return Pair()
    return Pair(*(int(requests.filter(_in(span))[name].sum()) for span in (quarter, quarter.before)))


def _median_days(tickets: pl.DataFrame | None, quarter: Quarter) -> float | None:
    """The median of the days from opening to solving of the tickets solved in the quarter."""
    if tickets is None:
        return None
    solved = tickets.filter(pl.col("solved_at").dt.date().is_between(quarter.first, quarter.last))
    took = solved.select((pl.col("solved_at") - pl.col("opened_at")).dt.total_seconds() / 86_400).to_series()
    value = took.clip(0).median()
    return float(value) if isinstance(value, int | float) else None


def _open(tickets: pl.DataFrame | None, as_of: date) -> pl.DataFrame | None:
    if tickets is None:
        return None
    return (
        tickets.filter(pl.col("solved_at").is_null())
        .select("subject", opened_on=pl.col("opened_at").dt.date())
        .with_columns(days_open=(pl.lit(as_of) - pl.col("opened_on")).dt.total_days())
        .sort("opened_on", "subject", nulls_last=True)
    )


def _joined(people: pl.LazyFrame, quarter: Quarter) -> pl.DataFrame:
    theirs = people.filter(~pl.col("is_internal").fill_null(False)).select("name", day=pl.col("joined_at").dt.date())
    return theirs.filter(_in(quarter, "day")).sort("day", "name", nulls_last=True).collect()


def _peers(frames: Frames, account_id: str, quarter: Quarter, grace_days: int) -> pl.DataFrame:
    """What share of the accounts that pay about as much have less, at the end of the quarter; nobody is named."""
    card = scorecard(frames.mapping(), as_of=quarter.last, grace_days=grace_days)
    rows = card.filter(pl.col("account_id") == account_id).to_dicts()
    found = [
        (said, row[name], row[f"{name}_percentile"] / 100 if row[name] else None, row[f"{name}_peers"])
        for row in rows
        for name, said in PEER_MEASURES.items()
        if row[f"{name}_percentile"] is not None and row[f"{name}_peers"] >= LEAST_PEERS
    ]
    kinds = {"measure": pl.String, "value": pl.Int64, "share": pl.Float64, "peers": pl.Int64}
    return pl.DataFrame(found, schema=kinds, orient="row")


def _unused(frames: Frames, settings: Settings, account_id: str, quarter: Quarter) -> pl.DataFrame | None:
    """Key features that the plan pays for, not used in the quarter and hardly now: ``name, uses``; None: not known."""
    if not offers_known(frames, settings, account_id):
        return None
    daily = frames.activity(account_id=account_id, since=quarter.first)
    used = daily.filter(_in(quarter, "day"), pl.col("uses") > 0).select("feature").unique().collect()
    rows = unused_of(frames, settings, account_id).join(used, on="feature", how="anti")
    return rows.filter("is_key").select(pl.coalesce("name", "feature").alias("name"), "uses").sort("uses", "name")
