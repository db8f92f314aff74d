"""What new accounts did: daily activity of the accounts and days asked for, and nobody else's."""

from dataclasses import replace
from datetime import date, timedelta

import polars as pl
import pytest

from queries.early import early_activity
from queries.frames import Scope

pytestmark = pytest.mark.postgres


def spans(frames, since: date, days: int) -> pl.DataFrame:
    start = pl.col("signed_up_at").dt.date()
    young = frames.accounts.select("account_id", from_on=start, to_on=start + pl.duration(days=days))
    return young.filter(pl.col("from_on") >= since).collect()


def test_it_is_the_daily_activity_of_each_account_in_its_span(demo_frames):
    asked = spans(demo_frames, date(2026, 7, 1), 40)
    found = early_activity(demo_frames, asked).collect()
    one_by_one = pl.concat(
        demo_frames.activity(account_id=account, since=first).filter(pl.col("day") <= last).collect()
        for account, first, last in asked.iter_rows()
    )
    key = ["account_id", "user_id", "feature", "day"]
    assert found.height > 100
    assert found.sort(key).equals(one_by_one.sort(key))


def test_a_viewer_gets_nothing_of_accounts_that_are_not_theirs(demo_frames):
    asked = spans(demo_frames, date(2026, 1, 1), 90)
    csm = demo_frames.accounts.select(pl.col("csm_email").drop_nulls().first()).collect().item()
    mine = replace(demo_frames, scope=Scope(csm_email=csm))
    own = set(mine.accounts.select("account_id").collect()["account_id"])
    found = set(early_activity(mine, asked).collect()["account_id"])
    assert found
    assert found < set(early_activity(demo_frames, asked).collect()["account_id"])
    assert found <= own
    assert early_activity(replace(demo_frames, scope=Scope(csm_email="nobody@x.y")), asked).collect().is_empty()


def test_nobody_asked_for_and_days_before_all_activity_give_no_rows(demo_frames):
    asked = spans(demo_frames, date(2026, 1, 1), 90)
    assert early_activity(demo_frames, asked.clear()).collect().is_empty()
    long_ago = asked.with_columns(from_on=pl.lit(date(1990, 1, 1)), to_on=pl.lit(date(1990, 1, 1) + timedelta(days=9)))
    assert early_activity(demo_frames, long_ago).collect().is_empty()
