"""Answers to our own messages stand beside the product's surveys after the next refresh, whatever the records do."""

from datetime import timedelta

import polars as pl
import pytest

from queries import answers, refresh
from queries.contract import SOURCES
from records import answers as written
from records.asked import asked
from tests.outreach.messages import sent
from tests.queries.company import NOON
from tests.records.conftest import empty, execute, template

__all__ = ["empty", "template"]

SENT = NOON - timedelta(days=2)
GIVEN = NOON - timedelta(days=1)
NOBODY = "postgresql://nobody@127.0.0.1:1/none"


def rows_of(*rows):
    """Rows as the records give them; what a row does not say is null."""
    whole = {"message_id": "m", "play": "nps", "account_id": "a", "user_id": None, "question": "nps", "score": None}
    whole |= {"comment": None, "answered_at": None, "sent_at": SENT}
    types = {"score": pl.Int64, "user_id": pl.String, "comment": pl.String, "answered_at": pl.Datetime("us", "UTC")}
    return pl.DataFrame([whole | row for row in rows], schema_overrides=types)


def test_an_invitation_without_answer_counts_as_sent_and_a_question_on_leaving_only_once_answered():
    found = answers.as_sources(
        rows_of(
            {"message_id": "1", "score": 9, "comment": "good", "answered_at": GIVEN},
            {"message_id": "2"},
            {"message_id": "3", "question": "exit", "play": "one_question", "comment": "why", "answered_at": GIVEN},
            {"message_id": "4", "question": "exit", "play": "one_question"},
        ),
        as_of=NOON,
    )
    nps = found["nps"].select("response_id", "responded_at", "score", "comment", "survey", "kind").rows()
    assert nps == [
        ("tenure-1", GIVEN, 9.0, "good", "nps", "relationship"),
        ("tenure-2", None, None, None, "nps", "relationship"),
    ]
    assert found["exit_surveys"].select("response_id", "submitted_at", "comment").rows() == [("tenure-3", GIVEN, "why")]


def test_what_lies_after_the_snapshot_has_not_happened_yet():
    later = NOON + timedelta(minutes=1)
    found = answers.as_sources(
        rows_of({"message_id": "1", "score": 9, "answered_at": later}, {"message_id": "2", "sent_at": later}),
        as_of=NOON,
    )
    assert found["nps"].select("response_id", "score", "responded_at").rows() == [("tenure-1", None, None)]


@pytest.fixture
def refreshed(shop, empty):
    """Refreshes the shop with the records at a URL, the right one where none is given; returns the report."""

    def run(url=empty.writer, **more):
        held = shop.settings.model_copy(update={"records_database_url": url})
        return refresh.run(held, as_of=NOON, **more)

    return run


def ours(company, name):
    frame = company.frames().source(name).collect()
    return frame.filter(pl.col(SOURCES[name].key[0]).str.starts_with("tenure-"))


def test_answers_reach_the_frames_beside_the_products_own_and_stay_when_the_records_are_away(shop, empty, refreshed):
    who = {"account_id": "a", "user_id": "a1"}
    first, second, third = (sent(empty, question="nps", at=SENT, **who) for _ in range(3))
    left = sent(empty, question="exit", at=SENT, **who)
    stranger = sent(empty, question="nps", at=SENT, account_id="gone")
    execute(empty.owner, f"UPDATE tenure.messages SET state = 'uncertain' WHERE id = '{third}'")
    written.answer(empty.engine, first, question="nps", score=3, now=GIVEN)
    written.answer(empty.engine, first, question="nps", score=4, comment="slow", now=GIVEN)
    written.answer(empty.engine, left, question="exit", comment="too dear", now=GIVEN)
    assert asked(empty.engine).height == 4

    report = refreshed()
    nps = ours(shop, "nps").sort("score", nulls_last=True)
    assert nps.select("response_id", "account_id", "user_id", "score", "comment", "survey", "kind").rows() == [
        (f"tenure-{first}", "a", "a1", 4, "slow", "nps", "relationship"),
        (f"tenure-{second}", "a", "a1", None, None, "nps", "relationship"),
    ]
    assert nps["responded_at"].dt.convert_time_zone("UTC").to_list() == [GIVEN, None]
    assert ours(shop, "exit_surveys").select("response_id", "comment", "outcome").rows() == [
        (f"tenure-{left}", "too dear", None)
    ]
    states = shop.manifest.sources
    assert (states["nps"].rows, states["nps"].rejected_by_reason) == (4, {"unknown account": 1})
    rejected = shop.store.scan(shop.manifest.files["rejected/nps"]).collect()
    assert rejected["response_id"].to_list() == [f"tenure-{stranger}"]
    assert (states["exit_surveys"].status, states["exit_surveys"].rows) == ("ok", 1)
    assert report.without_answers is None

    for url in (NOBODY, shop.url):  # a server that is gone; a database without records
        report = refreshed(url)
        assert (report.without_answers is None) == (url == shop.url)
        assert ours(shop, "nps").height == 2
        assert ours(shop, "exit_surveys")["comment"].to_list() == ["too dear"]
    assert "127.0.0.1:1" in refreshed(NOBODY, full=True).without_answers
    shop.map("nps", "SELECT * FROM no_such_table")
    written.answer(empty.engine, first, question="nps", score=5, now=GIVEN)
    refreshed()
    assert (shop.manifest.sources["nps"].status, ours(shop, "nps").height) == ("stale", 2)
    assert ours(shop, "nps")["score"].max() == 5


def test_a_company_without_records_has_the_rows_it_always_had(shop):
    report = shop.refresh()
    assert (report.without_answers, shop.manifest.sources["nps"].rows) == (None, 2)
    assert shop.manifest.sources["exit_surveys"].status == "missing"


def test_a_row_of_the_products_with_the_same_id_is_the_products(shop, empty, refreshed):
    message_id = sent(empty, question="nps", at=SENT, account_id="a")
    shop.add("nps", {"response_id": f"tenure-{message_id}", "account_id": "a", "score": "1"})
    refreshed()
    found = shop.frames().source("nps").filter(pl.col("response_id") == f"tenure-{message_id}").collect()
    assert found["score"].to_list() == [1]


def test_what_went_out_to_customers_is_a_contact_beside_those_recorded_elsewhere(shop, empty, refreshed):
    theirs = {"touch_id": "t", "account_id": "b", "channel": "call", "direction": "in", "occurred_at": "2026-01-05"}
    shop.table("touches", theirs)
    said = sent(empty, question=None, at=SENT, account_id="a", user_id="a1")
    sent(empty, question=None, kind="internal", at=SENT, account_id="a")
    sent(empty, question="nps", at=SENT, account_id="a")
    sent(empty, question=None, at=NOON + timedelta(minutes=1), account_id="a")
    execute(empty.owner, f"UPDATE tenure.messages SET state = 'uncertain' WHERE id = '{sent(empty, question=None)}'")
    for url in (empty.writer, NOBODY):
        refreshed(url)
        columns = ("touch_id", "account_id", "user_id", "channel", "direction", "summary")
        assert ours(shop, "touches").select(columns).rows() == [
            (f"tenure-{said}", "a", "a1", "e-mail", "out", "one question")
        ]
        assert shop.manifest.sources["touches"].rows == 2


def test_where_no_contacts_are_recorded_elsewhere_ours_alone_make_nobody_silent(shop, empty, refreshed):
    sent(empty, question=None, at=SENT, account_id="a")
    refreshed()
    assert shop.manifest.sources["touches"].status == "missing"
    assert ours(shop, "touches").is_empty()
