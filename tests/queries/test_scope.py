"""What a viewer's scope hides, and that hiding changes no number."""

from dataclasses import replace
from datetime import timedelta

import polars as pl
import pytest

from queries.scope import NOT_SHOWN, Scope

EXECUTIVE = Scope(people=False, comments=False)
PERSONAL = {
    ("people", "name"),
    ("people", "email"),
    ("touches", "summary"),
    ("tickets", "subject"),
    ("nps", "comment"),
    ("exit_surveys", "comment"),
    ("reviews", "text"),
}


@pytest.fixture(scope="module")
def hidden(demo_frames):
    return replace(demo_frames, scope=EXECUTIVE)


def test_texts_of_and_about_people_are_not_shown_and_everything_else_is_as_it_was(demo_frames, hidden):
    for name, frame in demo_frames.mapping().items():
        whole, seen = frame.collect(), hidden.mapping()[name].collect()
        assert whole.schema == seen.schema
        for column in set(whole.columns) - {"user_id"}:
            if (name, column) in PERSONAL or (name, column) == ("comment_themes", "evidence"):
                assert set(seen[column].drop_nulls()) <= {NOT_SHOWN}
                blank = whole[column].str.strip_chars().fill_null("") == ""
                assert seen[column].is_null().equals(blank, check_names=False), (name, column)
            else:
                assert whole[column].equals(seen[column], null_equal=True), (name, column)


def test_a_person_is_the_same_stand_in_in_every_frame(demo_frames, hidden):
    stands = dict(zip(demo_frames.people.collect()["user_id"], hidden.people.collect()["user_id"], strict=True))
    assert len(set(stands.values())) == len(stands)
    assert not set(stands) & set(stands.values())
    for name in ("nps", "exit_surveys", "touches", "activity_monthly", "usage_28d", "first_days"):
        whole, seen = getattr(demo_frames, name).collect(), getattr(hidden, name).collect()
        known = pl.Series([stands.get(each, "unknown") if each is not None else None for each in whole["user_id"]])
        both = pl.DataFrame({"known": known, "seen": seen["user_id"]}).filter(pl.col("known").ne_missing("unknown"))
        assert both["known"].equals(both["seen"], null_equal=True), name
        assert seen["user_id"].is_null().equals(whole["user_id"].is_null())


def test_our_staff_stay_left_out_of_daily_use_for_those_who_see_stand_ins(demo_frames, hidden):
    accounts = demo_frames.accounts.collect()["account_id"].to_list()
    since = demo_frames.as_of - timedelta(days=60)
    whole, seen = (each.activity(account_id=accounts, since=since).collect() for each in (demo_frames, hidden))
    assert demo_frames.manifest.files.get("staff")
    assert whole.height == seen.height > 0


def test_rejected_rows_are_for_those_who_see_everything(demo_frames):
    name = next(name for name in ("subscriptions", "nps", "people", "accounts", "events")
                if demo_frames.rejected(name).height)  # fmt: skip
    for scope in (Scope("nobody@us.example"), Scope(people=False), Scope(comments=False)):
        assert replace(demo_frames, scope=scope).rejected(name).is_empty()
