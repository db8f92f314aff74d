"""The questions that pages and reports share: the settings reach the metrics."""

from datetime import UTC, date, datetime, timedelta

from queries.frames import Scope, current_id, open_snapshot
from reports.asked import backtest_of, health_history_of, health_of, segment_weights
from tests.pages.snapshot import settings_for, write

TODAY = datetime.now(UTC).date()
ACCOUNTS = [{"account_id": name, "name": name, "segment": name} for name in ("large", "small")]
PAYING = [
    {
        "subscription_id": name,
        "line_id": name,
        "account_id": name,
        "plan": "Team",
        "kind": "paid",
        "mrr": 1000,
        "currency": "EUR",
        "started_on": date(2020, 1, 1),
        "ended_on": TODAY - timedelta(days=150) if name == "small" else None,
    }
    for name in ("large", "small")
]


def asked(folder, weights):
    write(folder, {"accounts": ACCOUNTS, "subscriptions": PAYING})
    held = settings_for(folder)
    own = {"large": {**held.health.weights, **weights}}
    held = held.model_copy(update={"health": held.health.model_copy(update={"segments": own})})
    return open_snapshot(current_id(held), Scope(), held), held


def test_the_weights_of_a_segment_reach_health_and_its_history(tmp_path):
    frames, held = asked(tmp_path, {"voice": 44})
    assert segment_weights(held)["large"]["voice"] == 44
    now = health_of(frames, held).select("account_id", "weight_voice").rows()
    assert now == [("large", 44)]
    past = health_history_of(frames, held, months=12)
    assert set(past.select("account_id", "weight_voice").iter_rows()) == {("large", 44), ("small", 15)}


def test_history_may_end_earlier_and_never_later_than_the_snapshot(tmp_path):
    frames, held = asked(tmp_path, {})
    first = health_history_of(frames, held, months=1, until=date(2025, 5, 4))["month_end"].to_list()
    assert first == [date(2025, 4, 30)] * len(first)
    later = health_history_of(frames, held, months=1, until=TODAY + timedelta(days=99))
    assert later.equals(health_history_of(frames, held, months=1))


def test_the_backtest_knows_who_left_and_has_twelve_month_ends(tmp_path):
    frames, held = asked(tmp_path, {})
    tried = backtest_of(frames, held)
    assert tried["month_end"].n_unique() == 12
    left = tried.filter("churned")
    assert set(left["account_id"]) == {"small"}
    assert left.height in (2, 3)
    assert tried["mrr_trend"].unique().to_list() == [0.0]
