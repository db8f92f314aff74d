"""The monthly digest: once a month, to those who subscribed, through the same outbox as everything else."""

import datetime as dt
import io
import uuid

import pytest
from pptx import Presentation

import settings
from outreach import digest, tokens
from pages.shared import packs
from pages.shared import written as written_down
from pages.shared.data import View
from pages.shared.roles import RIGHTS, Right
from records import campaigns, corrections, digests, marks
from records.campaigns import Attachment
from tests.outreach.company import NOW, paying, write
from tests.pages import snapshot
from tests.records.conftest import execute, rows
from tests.reports.company import words

DATE = dt.date
STUB = digest.Digest(DATE(2026, 11, 1), "Subject", ("Text.",), Attachment("n", "m/m", b"c"))
ACCOUNTS = [{"account_id": id, "name": name} for id, name in (("a", "Acme"), ("b", "Bolt"), ("c", "<b>Cut\n@all"))]
LINES = [
    paying("a"),
    paying("b", ended_on=DATE(2026, 10, 3)),
    paying("c", started_on=DATE(2026, 10, 5), renews_on=DATE(2026, 12, 5)),
]
SENTENCES = [
    "Oct 2026 kept 50.0% of its revenue, \u221250.0 pts on the month before: too few losses to compare. "
    "Bolt (€1k) carries 100% of the loss.",
    "MRR closed at €2,000, €0 (0.0%): €1k won, €1k lost. ‹b›Cut ＠all (€1k) carries 100% of the gain.",
    "Ahead: €1k comes up for renewal in Dec 2026.",
]


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return tmp_path_factory.mktemp("digest")


@pytest.fixture
def empty(records):
    """Records without campaigns and subscribers."""
    execute(records.owner, "TRUNCATE tenure.campaigns, tenure.subscribers CASCADE")
    return records


@pytest.fixture
def held(empty, folder):
    more = {"secret_key": "a key", "public_url": "https://t.example"}
    return write(empty.settings.model_copy(update=more), folder, {"accounts": ACCOUNTS, "subscriptions": LINES})


def subscribe(records, *addresses, subscribed=True):
    for address in addresses:
        digests.subscribe(records.engine, address, actor=address, now=NOW, subscribed=subscribed)


def test_nobody_can_guess_the_id_of_a_message_by_which_mail_that_came_back_is_known(held):
    def ids(**changes):
        ours = held.model_copy(update=changes)
        made = digest.rows(STUB, ours, uuid.UUID(int=1), ["boss@us.example", "cfo@us.example"], NOW)
        return [row.id for row in made]

    assert ids() == ids()
    assert len({*ids(), *ids(secret_key="another key")}) == 4
    assert uuid.uuid5(uuid.UUID(int=1), "boss@us.example") not in ids()


def test_whoever_was_given_another_role_gets_no_board_numbers_any_more(empty, held, monkeypatch):
    monkeypatch.setattr(digest, "made", lambda _: STUB)
    subscribe(empty, "Eve@us.example", "boss@us.example", "board@else.example")
    roles = {"eve@us.example": "csm", "boss@us.example": "executive"}
    ours = held.model_copy(update={"access": settings.Access(people=roles)})
    assert digest.due(ours, dt.datetime(2026, 11, 4, 10, tzinfo=dt.UTC)) == 2
    assert [row[0] for row in queued(empty)] == ["board@else.example", "boss@us.example"]


def test_those_whose_role_may_subscribe_get_the_digest():
    assert {role for role, rights in RIGHTS.items() if Right.SUBSCRIBE in rights} == digest.ROLES


def queued(records):
    return rows(records.owner, "SELECT address, subject, text, html, id, state FROM tenure.messages ORDER BY address")


def test_each_subscriber_gets_the_three_sentences_the_board_pack_and_a_way_out(empty, held):
    subscribe(empty, "Boss@us.example", "cfo@us.example", "gone@us.example")
    subscribe(empty, "gone@us.example", subscribed=False)
    assert digest.due(held, NOW) == 2
    (address, subject, text, html, message_id, state), second = queued(empty)
    assert (address, second[0], subject, state) == (
        "Boss@us.example",
        "cfo@us.example",
        "Northwind Signals in Oct 2026",
        "queued",
    )
    assert text.split("\n\n")[:3] == SENTENCES
    stop = f"https://t.example/unsubscribe/{tokens.sign(held, 'unsubscribe', uuid.UUID(message_id))}"
    assert text.endswith(f"You get this once a month because you subscribed. Stop it: {stop}\n")
    assert f'<a href="{stop}">Stop it</a>' in html
    assert '<a href="https://t.example/overview">Open the overview</a>' in html
    campaign = campaigns.list_campaigns(empty.engine).row(0, named=True)
    assert (campaign["kind"], campaign["play"], campaign["approver"]) == ("internal", "digest", "Tenure")
    pack = campaigns.attachments(empty.engine, rows(empty.owner, "SELECT id FROM tenure.campaigns")[0][0])
    assert [each.name for each in pack] == ["board-pack-2026-11-04.pptx"]
    assert len(Presentation(io.BytesIO(pack[0].content)).slides) == 8


def test_losses_that_people_judged_stand_so_in_its_board_pack(empty, held, monkeypatch):
    october = {"account_id": "b", "month": DATE(2026, 10, 1)}
    marks.set_mark(empty.engine, **october, regrettable=False, author="ada", now=NOW)
    given, real = [], digest.numbers
    monkeypatch.setattr(digest, "numbers", lambda *asked, **how: given.append(how["marks"]) or real(*asked, **how))
    subscribe(empty, "eve@us.example")
    assert digest.due(held, NOW) == 1
    assert given[0].filter(account_id="b")["regrettable"].to_list() == [False]


def test_its_board_pack_is_the_overviews_with_themes_and_losses_as_people_corrected_them(
    empty, held, tmp_path, monkeypatch
):
    gone = {"response_id": "r", "account_id": "b"}
    sources = {"accounts": ACCOUNTS, "subscriptions": LINES, "exit_surveys": [
        gone | {"submitted_at": NOW - dt.timedelta(days=30), "reason": None, "comment": "Too slow to answer."}
    ]}  # fmt: skip
    found = {"source": "exit_surveys", "theme": "price", "score": 0.8, "evidence": "slow", "polarity": "complaint"}
    snapshot.write(tmp_path, sources, themes=[gone | found], old=dt.datetime.now(dt.UTC) - NOW)
    there = held.model_copy(update={"snapshot_dir": str(tmp_path)})
    marks.set_mark(empty.engine, account_id="b", month=DATE(2026, 10, 1), regrettable=False, author="ada", now=NOW)
    corrections.set_themes(
        empty.engine, source="exit_surveys", response_id="r", themes=["slow_support"], author="ada", now=NOW
    )
    subscribe(empty, "eve@us.example")
    assert digest.due(there, NOW) == 1
    [sent] = campaigns.attachments(empty.engine, rows(empty.owner, "SELECT id FROM tenure.campaigns")[0][0])
    monkeypatch.setattr(settings, "get", lambda: there)
    monkeypatch.setattr(written_down, "_refused", [])
    assert "“Support” cost most" in words(sent.content)
    assert sent.content == packs._board(View("a1"))


def test_it_goes_out_once_a_month_however_often_it_is_asked_for(empty, held, monkeypatch):
    monkeypatch.setattr(digest, "made", lambda _: STUB)
    subscribe(empty, "boss@us.example")
    assert [digest.due(held, NOW + dt.timedelta(minutes=minutes)) for minutes in (0, 1, 90)] == [1, 0, 0]
    assert len(queued(empty)) == 1


def test_a_worker_that_died_between_draft_and_queue_leaves_no_second_one(empty, held, monkeypatch):
    monkeypatch.setattr(digest, "made", lambda _: STUB)
    subscribe(empty, "boss@us.example")
    with monkeypatch.context() as broken:
        broken.setattr(digests, "queue", lambda *_, **__: 1 / 0)
        with pytest.raises(ZeroDivisionError):
            digest.due(held, NOW)
    assert [state for *_, state in queued(empty)] == ["draft"]
    assert digest.due(held, NOW) == 1
    assert [state for *_, state in queued(empty)] == ["queued"]


@pytest.mark.parametrize(
    ("day", "hour", "is_due"), [(2, 10, False), (2, 23, True), (3, 1, True), (9, 10, True), (10, 10, False)]
)
def test_its_day_is_the_organisations_and_a_week_later_it_is_no_news(empty, held, monkeypatch, day, hour, is_due):
    now = dt.datetime(2026, 11, day, hour, tzinfo=dt.UTC)  # 23 UTC is midnight in Berlin
    monkeypatch.setattr(digest.freshness, "age", lambda *_: dt.timedelta(0))
    monkeypatch.setattr(digest, "made", lambda _: STUB)
    subscribe(empty, "boss@us.example")
    assert digest.due(held, now) == is_due


def test_at_night_it_waits_for_the_morning(empty, held):
    night = dt.datetime(2026, 11, 6, 20, tzinfo=dt.UTC)  # a Friday
    found = digest.rows(STUB, held, digest.UUID(int=1), ["boss@us.example"], night)
    assert found[0].not_before == dt.datetime(2026, 11, 9, 7, tzinfo=dt.UTC)
    assert digest.rows(STUB, held, digest.UUID(int=1), ["boss@us.example"], NOW)[0].not_before is None


def test_nothing_is_queued_while_it_is_off_nobody_subscribed_or_the_numbers_are_old(empty, held):
    assert digest.due(held, NOW) == 0
    subscribe(empty, "boss@us.example")
    off = held.model_copy(update={"digest": settings.Digest(enabled=False)})
    assert digest.due(off, NOW) == 0
    assert digest.due(held, NOW + dt.timedelta(hours=3)) == 0
    assert queued(empty) == []


def test_the_preview_says_what_would_be_sent_and_writes_nothing(empty, held):
    said = digest._preview(held)
    assert said.startswith("Subject: Northwind Signals in Oct 2026\n\n" + "\n\n".join(SENTENCES))
    assert queued(empty) == []
