"""Results: what became of each campaign and play, for the accounts that the viewer may see."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from uuid import UUID, uuid4

import polars as pl
import pytest

import settings
from outreach.results import COUNTS, Results, results
from queries.frames import Frames, Scope
from records import answers, campaigns
from tests.records.conftest import Records, execute
from tests.reports.company import frames, moment

pytestmark = pytest.mark.postgres
NOW = datetime(2026, 11, 18, 23, 30, tzinfo=UTC)
LONG_AGO = datetime(2026, 9, 30, 23, 30, tzinfo=UTC)  # 1 October in Berlin
Sides = dict[str, str]


def approved(records: Records, play: str, sides: Sides, at: datetime, *, kind: str = "marketing") -> UUID:
    """A campaign approved at ``at``: accounts and what became of each one's message."""
    campaign, rows = uuid4(), []
    for account, state in sides.items():
        side = state if state in ("held_out", "left_out") else "contacted"
        key = f"{account}@x.example"
        rows.append(
            campaigns.Row(
                id=uuid4(), account_id=account, user_id=f"u-{account}", address=key, address_key=key, language="en",
                time_zone="UTC", arm=side, state="draft" if side == "contacted" else side, reason="holdout",
                subject="Hello", text="Hello",
            )
        )  # fmt: skip
    mark = campaigns.draft(
        records.engine, campaign_id=campaign, title=f"{play} to some", play=play, play_version="1", kind=kind,
        channel="email", audience={}, rules={}, rows=rows, author="ada", now=at,
    )  # fmt: skip
    campaigns.approve(records.engine, campaign, fingerprint=mark, approver="bo", now=at, draft_hours=24)
    for account, state in sides.items():
        if state not in ("held_out", "left_out", "queued"):
            execute(
                records.owner,
                f"UPDATE tenure.messages SET state = '{state}', sending_at = '{at.isoformat()}' "
                f"WHERE campaign_id = '{campaign}' AND account_id = '{account}'",
            )
    return campaign


@pytest.fixture(scope="module")
def made(records: Records, tmp_path_factory: pytest.TempPathFactory) -> tuple[Frames, settings.Settings, list[UUID]]:
    """a1..a6; a2 and a5 left in October, a6 is another CSM's."""
    ids = [f"a{n}" for n in range(1, 7)]
    sources: dict[str, list[dict[str, object]]] = {
        "accounts": [
            {"account_id": id, "name": id.upper(), "signed_up_at": moment(date(2025, 1, 1)),
             "csm_email": "bo@us.example" if id == "a6" else "ada@us.example"}
            for id in ids
        ],
        "subscriptions": [
            {"subscription_id": id, "account_id": id, "kind": "paid", "mrr": 100, "plan": "Team",
             "started_on": date(2025, 1, 1), "ended_on": date(2026, 10, 10) if id in ("a2", "a5") else None,
             "end_kind": "requested" if id in ("a2", "a5") else None}
            for id in ids
        ],
    }  # fmt: skip
    company, held = frames(tmp_path_factory.mktemp("company"), sources, today=date(2026, 11, 19))
    made = [
        approved(
            records, "offer", {"a1": "sent", "a2": "sent", "a3": "failed", "a5": "held_out", "gone": "sent"}, LONG_AGO
        ),
        approved(records, "offer", {"a4": "uncertain", "a1": "queued", "a6": "sent", "a5": "left_out"}, NOW),
        approved(records, "sorry", {"a1": "queued", "a2": "held_out"}, LONG_AGO + timedelta(hours=1)),
        approved(records, "digest", {"a1": "sent"}, NOW, kind="internal"),
    ]
    first = campaigns.messages(records.engine, made[0])
    answered = UUID(first.row(by_predicate=pl.col("account_id") == "a1", named=True)["message_id"])
    answers.answer(records.engine, answered, question="exit", comment="Too dear", now=NOW)
    ours = records.settings.model_copy(update={"snapshot_dir": held.snapshot_dir})
    return company, ours, made


@pytest.fixture(scope="module")
def found(made: tuple[Frames, settings.Settings, list[UUID]]) -> Results:
    return results(made[1], made[0])


def counted(rows: pl.DataFrame) -> list[dict[str, int]]:
    """What is not 0."""
    return [{name: row[name] for name in COUNTS if row[name]} for row in rows.iter_rows(named=True)]


def test_every_campaign_is_counted_the_newest_first(found: Results, made: tuple[Frames, object, list[UUID]]) -> None:
    ids = [str(made[2][place]) for place in (1, 2, 0)]
    assert found.campaigns["campaign_id"].to_list() == ids
    assert found.campaigns["title"].to_list() == ["offer to some", "sorry to some", "offer to some"]
    assert counted(found.campaigns) == [
        {"accounts": 3, "contacted": 3, "delivered": 1, "waiting": 1, "uncertain": 1, "left_out": 1},
        {"accounts": 2, "contacted": 1, "waiting": 1, "held_out": 1},
        {"accounts": 4, "contacted": 3, "delivered": 2, "failed": 1, "held_out": 1, "answered": 1, "left": 1},
    ]


def test_a_plays_campaigns_are_pooled_and_an_account_counts_once(found: Results) -> None:
    assert found.plays.select("play", "campaigns").rows() == [("offer", 2), ("sorry", 1)]
    assert counted(found.plays)[0] == {
        "accounts": 6, "contacted": 6, "delivered": 3, "waiting": 1, "failed": 1, "uncertain": 1, "left_out": 1,
        "held_out": 1, "answered": 1, "left": 1,
    }  # fmt: skip


def test_the_effect_is_told_of_plays_that_began_to_be_sent_by_the_day_of_approval(found: Results) -> None:
    rows = found.effect.filter(outcome="paying", days=30)
    assert rows.select("play", "contacted", "contacted_kept", "held_out", "held_out_kept", "waiting").rows() == [
        ("offer", 3, 2, 1, 0, 2),
    ]
    assert found.effect.filter(outcome="paying", days=60)["contacted"].to_list() == [0]


def test_answers_come_with_the_name_of_the_account(found: Results) -> None:
    assert found.answers.select("play", "account", "user_id", "question", "score", "comment", "answered_at").rows() == [
        ("offer", "A1", "u-a1", "exit", None, "Too dear", NOW),
    ]


def test_a_viewer_sees_what_became_of_their_own_accounts(made: tuple[Frames, settings.Settings, list[UUID]]) -> None:
    theirs = results(made[1], replace(made[0], scope=Scope("bo@us.example")))
    assert theirs.campaigns["campaign_id"].to_list() == [str(made[2][1])]
    assert counted(theirs.campaigns) == [{"accounts": 1, "contacted": 1, "delivered": 1}]
    assert theirs.answers.is_empty()


def test_without_campaigns_there_are_no_results(
    made: tuple[Frames, settings.Settings, list[UUID]],
) -> None:
    nobody = results(made[1], replace(made[0], scope=Scope("nobody@us.example")))
    assert [rows.height for rows in (nobody.campaigns, nobody.plays, nobody.effect, nobody.answers)] == [0, 0, 0, 0]
