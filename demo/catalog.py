"""What the made-up company sells: features, plans, what each plan pays for, staff, roadmap, exchange rates."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, timedelta

import numpy as np
import polars as pl

from demo.months import MONTHS, Timeline, stream
from demo.stories import IMPORTER_MONTH
from demo.tables import FLAG, REAL, WORDS, table


@dataclass(frozen=True)
class Feature:
    """A feature: how often a keen person uses it in a month, and how much each time (median; 0: only uses count)."""

    key: str
    label: str
    key_feature: bool
    value: bool
    threshold: float | None
    step: str | None
    uses: float
    amount: float
    from_plan: int
    adoption: float


FEATURES = (
    Feature("login", "Log-ins", False, False, None, None, 7.0, 0, 0, 1.0),
    Feature("inbox_reply", "Inbox", True, True, 5, None, 8.0, 0, 0, 0.72),
    Feature("broadcast", "Broadcasts", True, True, 200, "first broadcast", 1.4, 320, 0, 0.42),
    Feature("report_view", "Reports", True, True, 3, None, 2.2, 0, 0, 0.45),
    Feature("template_edit", "Templates", False, False, None, None, 0.9, 0, 0, 0.35),
    Feature("settings_change", "Settings", False, False, None, None, 0.4, 0, 0, 0.25),
    Feature("segment_build", "Segments", True, True, 2, None, 0.8, 0, 1, 0.30),
    Feature("form_publish", "Forms", True, True, 1, None, 0.5, 0, 1, 0.22),
    Feature("automation_run", "Automations", True, True, 25, None, 2.0, 18, 1, 0.33),
    Feature("call", "Calls", True, True, 15, None, 2.4, 7, 2, 0.30),
    Feature("ai_summary", "Summaries", True, True, 4, None, 2.0, 0, 2, 0.32),
    Feature("api_request", "API", True, True, 500, None, 20.0, 160, 1, 0.0),
    Feature("teammate_invite", "Invitations", False, False, None, "invite team", 0.12, 0, 0, 0.12),
    Feature("user_import", "User import", False, False, None, "import users", 0.10, 0, 0, 0.10),
)
INDEX = {feature.key: position for position, feature in enumerate(FEATURES)}
LATE_FEATURES = {"ai_summary": 20}
"""Features that did not exist before a month."""

PLANS = (("STA", "Starter"), ("TEA", "Team"), ("BUS", "Business"), ("ENT", "Enterprise"))
SEAT_CENTS = (1900, 2900, 4500, 6900)
"""Monthly list price of a seat, by plan."""

ADD_ONS = {"sms": 9900, "priority-support": 14900}
"""Monthly list price of an add-on line."""

STAFF = (
    (1, "Hannah Osterloh"),
    (2, "Mihai Dobrescu"),
    (3, "Camille Roussel"),
    (4, "Tobias Kleinhans"),
    (5, "Priya Raman"),
    (6, "Alexei Sorokin"),
)

RATES = {"USD": 0.92, "GBP": 1.17, "CHF": 1.05}


def staff() -> pl.DataFrame:
    """The six customer success managers."""
    addresses = [name.lower().replace(" ", ".") + "@northwind-signals.example" for _, name in STAFF]
    return pl.DataFrame(
        {"id": [i for i, _ in STAFF], "full_name": [name for _, name in STAFF], "work_email": addresses}
    )


def features() -> pl.DataFrame:
    """The feature catalogue."""
    rows = [(f.key, f.label, f.key_feature, f.value, f.threshold, f.step) for f in FEATURES]
    return table(
        rows, feature_key=WORDS, label=WORDS, in_scorecard=FLAG, delivers_value=FLAG, value_threshold=REAL,
        setup_step=WORDS,
    )  # fmt: skip


def plans() -> pl.DataFrame:
    """Plan codes and their names."""
    return pl.DataFrame(PLANS, schema=["code", "label"], orient="row")


def plan_features() -> pl.DataFrame:
    """Which plan pays for which feature: each plan adds to the one below."""
    rows = [(code, f.key) for rank, (code, _) in enumerate(PLANS) for f in FEATURES if f.from_plan <= rank]
    return pl.DataFrame(rows, schema=["plan_code", "feature_key"], orient="row")


def fx_rates(timeline: Timeline, seed: int) -> pl.DataFrame:
    """Monthly rates to EUR: a slow walk around today's. There is none for SEK, in which one contract is."""
    rng = stream(seed, "fx")
    rows: list[tuple[str, str, float]] = []
    for currency, latest in RATES.items():
        steps = rng.normal(0, 0.008, MONTHS + 24)
        walk = latest * np.exp(np.cumsum(steps[::-1])[::-1] - steps[-1])
        for offset, rate in enumerate(walk):
            rows.append((currency, f"{timeline.start(offset - 23):%Y-%m}", round(float(rate), 4)))
    return pl.DataFrame(rows, schema=["currency", "month", "eur_per_unit"], orient="row")


def roadmap(timeline: Timeline) -> pl.DataFrame:
    """What shipped and what will; the bulk importer is the one that mattered."""

    def on(month: int, day: int = 12) -> date:
        return timeline.start(month) + timedelta(days=day - 1)

    rows = [
        ("SIG-101", "Saved replies", "missing_feature", on(4)),
        ("SIG-107", "Two-way calendar sync", "missing_integration", on(7)),
        ("SIG-112", "Bulk importer for users (CSV, Excel, LDAP)", "never_got_started", on(IMPORTER_MONTH, 3)),
        ("SIG-119", "Summaries of long conversations", "missing_feature", on(20)),
        ("SIG-124", "Queue workers in a second region", "unreliable", on(25)),
        ("SIG-131", "Reports that load in under two seconds", "slow", on(26)),
        ("SIG-133", "Approval steps for broadcasts", "missing_feature", on(28)),
        ("SIG-140", "Connector for accounting tools", "missing_integration", on(32)),
        ("SIG-144", "Smaller plan with a yearly discount", "price", on(33)),
        ("SIG-151", "Custom roles", "missing_feature", None),
    ]
    return pl.DataFrame(rows, schema=["id", "headline", "answers", "released_on"], orient="row")
