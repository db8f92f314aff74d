"""The rows that are wrong, some of every kind, put among the good ones after these are made.

:data:`demo.stories.DIRTY` says how many of each a refresh must reject, and why.
"""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from typing import Any

import polars as pl

from demo.accounts import Account
from demo.months import Timeline, moment
from demo.people import Person
from demo.tables import table
from demo.usage import SCHEMA

NOBODY = 999_999
"""An account that does not exist."""
LONG_AGO = datetime(1969, 12, 30, 12, tzinfo=UTC)
FAR_AHEAD = datetime(2099, 1, 1, 12, tzinfo=UTC)
NAN, INFINITY = float("nan"), float("inf")

Tables = dict[str, pl.DataFrame]
Rows = list[dict[str, Any]]


def spoil(tables: Tables, accounts: list[Account], timeline: Timeline) -> None:
    """Adds the bad rows to every table but the events."""
    account = _settled(accounts, timeline)
    recent = moment(timeline.today - timedelta(days=20), 10)
    _spoil_organizations(tables, account)
    _spoil_users(tables)
    _spoil_contracts(tables, account)
    _spoil_surveys(tables, account, recent)
    _spoil_exits(tables, account, recent)
    _spoil_tickets(tables, account, recent)
    _spoil_the_rest(tables, account, recent, timeline)


def _settled(accounts: list[Account], timeline: Timeline) -> Account:
    """An ordinary paying account whose last stretch has run for a while."""
    found = [a for a in accounts if a.part == "plain" and a.contract is not None and a.left_on is None]
    old = [a for a in found if 2 < timeline.month(a.signed_up) < 14 and not a.annual]
    return (old or found or accounts)[0]


def _add(tables: Tables, name: str, rows: Rows) -> None:
    """Appends rows; each starts as a copy of the table's last row, with what is given changed."""
    table = tables[name]
    if table.is_empty():
        return
    model = table.row(table.height - 1, named=True)
    added = pl.DataFrame([model | row for row in rows], schema=_loosened(table, rows), orient="row")
    tables[name] = pl.concat([table, added], how="vertical_relaxed")


def _loosened(table: pl.DataFrame, rows: Rows) -> dict[str, Any]:
    """The table's types, but room for a NaN where a row brings one."""
    broken = {name for row in rows for name, value in row.items() if isinstance(value, float)}
    return {name: pl.Float64 if name in broken else kind for name, kind in table.schema.items()}


def _spoil_organizations(tables: Tables, a: Account) -> None:
    copy = tables["app.organizations"].filter(pl.col("id") == a.id).row(0, named=True)
    older = copy | {"display_name": a.name + " (old)", "created_at": copy["created_at"] - timedelta(days=3)}
    rows = [
        {"id": None, "display_name": "No key GmbH"},
        older,
        {"id": 900_001, "display_name": "Time Traveller Ltd", "created_at": LONG_AGO},
        {"id": 900_002, "display_name": "Not Yet SAS", "created_at": FAR_AHEAD},
    ]
    _add(tables, "app.organizations", [{"group_id": None, "state": "live"} | row for row in rows])


def _spoil_users(tables: Tables) -> None:
    first = tables["app.users"].row(0, named=True)
    past, future = int(LONG_AGO.timestamp()), int(FAR_AHEAD.timestamp())
    _add(
        tables,
        "app.users",
        [
            {"id": None},
            first | {"created_epoch": first["created_epoch"] - 86_400},
            {"id": 990_001, "org_id": NOBODY},
            {"id": 990_002, "org_id": None},
            {"id": 990_003, "created_epoch": past},
            {"id": 990_004, "created_epoch": future},
            {"id": 990_005, "deactivated_at": FAR_AHEAD},
        ],
    )


def _spoil_contracts(tables: Tables, a: Account) -> None:
    """Lines of one real contract, and of contracts of nobody."""
    contract = {"currency": "EUR", "cycle_months": 1, "notice_days": 0}
    _add(tables, "billing.contracts", [{"id": 990_001, "org_id": NOBODY} | contract,
                                       {"id": 990_002, "org_id": None} | contract])  # fmt: skip
    lines = tables["billing.contract_lines"].filter(pl.col("contract_id") == a.contract)
    if lines.is_empty():
        return
    base = lines.filter(pl.col("position") == "base").sort("valid_from").row(-1, named=True)
    start = base["valid_from"]
    other = {"position": "extra", "valid_from": start, "valid_until": None, "end_code": None}
    rows: Rows = [
        {"contract_id": None},
        {"contract_id": 990_001},
        {"contract_id": 990_002},
        {"contract_id": a.contract, "cycle_cents": NAN},
        {"contract_id": a.contract, "cycle_cents": INFINITY, "position": "extra 2"},
        {"contract_id": a.contract, "cycle_cents": -4900.0, "position": "credit note"},
        {"contract_id": a.contract, "charge_code": 9, "position": "extra 3"},
        {"contract_id": a.contract, "position": "extra 4", "valid_until": start - timedelta(days=30)},
        {"contract_id": a.contract, "position": "extra 5", "valid_from": None},
        dict(base),
        base | {"valid_from": start + timedelta(days=3), "valid_until": start + timedelta(days=9), "end_code": 3},
    ]
    spoilt = [other | {"charge_code": 1, "cycle_cents": 9900.0, "plan_code": "TEA", "seats": 1} | row for row in rows]
    _add(tables, "billing.contract_lines", [row | {"id": 990_001 + n} for n, row in enumerate(spoilt)])


def _spoil_surveys(tables: Tables, a: Account, recent: datetime) -> None:
    first = tables["feedback.survey_invitations"].head(1)
    twice: Rows = [] if first.is_empty() else [first.row(0, named=True)]
    usual = {"org_id": a.id, "user_id": None, "dispatched_at": recent, "answered_at": recent, "rating": "7",
             "remark": None, "campaign": "Relationship", "flow_code": 1}  # fmt: skip
    rows: Rows = [
        {"id": None},
        {"id": "bad-1", "org_id": NOBODY},
        {"id": "bad-2", "rating": "11"},
        {"id": "bad-3", "rating": "-1"},
        {"id": "bad-4", "rating": "6.5"},
        {"id": "bad-5", "rating": "ten"},
        {"id": "bad-6", "rating": "n/a"},
        {"id": "bad-7", "dispatched_at": LONG_AGO},
        {"id": "bad-8", "answered_at": FAR_AHEAD},
    ]
    _add(tables, "feedback.survey_invitations", [usual | row for row in rows] + twice)


def _spoil_exits(tables: Tables, a: Account, recent: datetime) -> None:
    at = int(recent.timestamp())
    usual = {"org_id": a.id, "contract_id": a.contract, "answered_epoch": at, "outcome_code": 3, "reason_code": None,
             "remark": None, "went_to": None, "would_return": None, "ease": None}  # fmt: skip
    rows: Rows = [
        {"id": "bad-1", "org_id": NOBODY},
        {"id": "bad-2", "would_return": "ten"},
        {"id": "bad-3", "would_return": "14"},
        {"id": "bad-4", "ease": 7},
        {"id": "bad-5", "answered_epoch": int(FAR_AHEAD.timestamp())},
        {"id": "bad-6", "answered_epoch": None},
    ]
    _add(tables, "feedback.exit_answers", [usual | row for row in rows])


def _spoil_tickets(tables: Tables, a: Account, recent: datetime) -> None:
    at = int(recent.timestamp() * 1000)
    usual = {"org_id": a.id, "opened_ms": at, "closed_ms": None, "priority_code": 3, "title": "Export", "rating": None,
             "rated_ms": None}  # fmt: skip
    rows: Rows = [
        {"id": 990_001, "org_id": NOBODY},
        {"id": 990_002, "rating": "great"},
        {"id": 990_003, "rating": "7"},
        {"id": 990_004, "opened_ms": int(LONG_AGO.timestamp() * 1000)},
        {"id": 990_005, "closed_ms": int(FAR_AHEAD.timestamp() * 1000)},
        {"id": None},
    ]
    first = tables["support.tickets"].head(1)
    twice: Rows = [] if first.is_empty() else [first.row(0, named=True)]
    _add(tables, "support.tickets", [usual | row for row in rows] + twice)


def _spoil_the_rest(tables: Tables, a: Account, recent: datetime, timeline: Timeline) -> None:
    _add(tables, "app.setup_progress", [{"org_id": NOBODY}, {"org_id": a.id, "step": "go live", "done_at": LONG_AGO}])
    month = timeline.start(29)
    last = month.year * 100 + month.month
    _add(
        tables,
        "usage.monthly_audience",
        [{"org_id": NOBODY, "yyyymm": last}, {"org_id": a.id, "yyyymm": 209901}, {"org_id": a.id, "yyyymm": last,
                                                                                "contacts": -5}],
    )  # fmt: skip
    _add(
        tables,
        "crm.activities",
        [{"id": "bad-1", "org_id": NOBODY}, {"id": None, "org_id": a.id}, {"id": "bad-2", "org_id": a.id,
                                                                          "happens_at": None}],
    )  # fmt: skip
    _add(
        tables,
        "crm.public_reviews",
        [{"id": "bad-1", "org_id": None, "stars": NAN}, {"id": "bad-2", "org_id": None, "posted_on": date(2099, 1, 1)}],
    )
    rates = tables["billing.fx_rates"].row(0, named=True)
    _add(
        tables,
        "billing.fx_rates",
        [{"month": "n/a"}, {"currency": "USD", "month": "2019-01", "eur_per_unit": NAN}, rates],
    )


# --- events --------------------------------------------------------------------------------------------------------


def events(accounts: list[Account], people: list[Person], timeline: Timeline, first_id: int) -> pl.DataFrame:
    """The bad events, and the odd ones that are kept: use before sign-up, use outside any subscription."""
    a = _settled(accounts, timeline)
    person = next((p.id for p in people if accounts[p.account] is a), None)
    recent = moment(timeline.today - timedelta(days=25), 10)
    early = [moment(a.signed_up - timedelta(days=n), 11) for n in (2, 3, 5, 8)]
    gone = [b for b in accounts if b.cause in ("price", "unreliable", "never_got_started", "lapsed")
            and b.left_on is not None and b.left_on < timeline.today - timedelta(days=30)]  # fmt: skip
    rows: list[tuple[int | None, int | None, str | None, datetime | None, float | None]] = [
        *[(None, person, "login", recent, None)] * 2,
        *[(NOBODY, None, "api_request", recent, 20.0)] * 3,
        (a.id, person, None, recent, None),
        (a.id, person, "login", None, None),
        *[(a.id, person, "broadcast", recent, NAN)] * 2,
        (a.id, person, "call", recent, INFINITY),
        *[(a.id, person, "login", LONG_AGO, None)] * 2,
        *[(a.id, person, "login", FAR_AHEAD, None)] * 2,
        *[(a.id, person, "login", at, None) for at in early],
    ]
    for b in gone[:1]:
        assert b.left_on is not None
        owner = next(p.id for p in people if accounts[p.account] is b)
        rows += [(b.id, owner, "login", moment(b.left_on + timedelta(days=n), 12), None) for n in range(1, 6)]
    numbered = [(first_id + n, *row) for n, row in enumerate(rows)]
    return table(numbered, **SCHEMA)


def without_rate(tables: Tables) -> int:
    """How many contract lines are in a currency that has no rate."""
    krona = tables["billing.contracts"].filter(pl.col("currency") == "SEK")["id"]
    return tables["billing.contract_lines"].filter(pl.col("contract_id").is_in(krona.implode())).height
