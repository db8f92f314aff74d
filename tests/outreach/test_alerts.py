"""The team is told what should not wait: calmly, once, and nothing of a person."""

import json
import logging
import threading
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, HTTPServer

import polars as pl
import pytest

from outreach import alerts
from outreach.alerts import KINDS, Alert
from queries import frames as snapshots
from queries.store import SourceState
from records import alerts as told
from records.errors import RecordsError
from tests.outreach.company import NOW, TODAY, day, moment, paying, write
from tests.outreach.messages import sent
from tests.pages import snapshot
from tests.records.conftest import execute, rows

ACCOUNTS = [{"account_id": id, "name": name} for id, name in (("a", "Acme"), ("b", "Bolt"), ("c", "Cut\n<!here>"))]
SOON = TODAY + timedelta(days=20)


class Heard:
    """Remembers what the team was told."""

    def __init__(self, works=True):
        self.told = []
        self.works = works

    def __call__(self, title, text):
        self.told.append((title, text))
        return self.works


@pytest.fixture
def empty(records):
    """Records in which nothing was told or sent."""
    execute(records.owner, "TRUNCATE tenure.campaigns, tenure.alerts CASCADE")
    return records


@pytest.fixture
def held(records):
    return records.settings.model_copy(update={"alert_urls": "json://127.0.0.1:1", "public_url": "https://t.example"})


def found(held):
    frames = snapshots.open_snapshot(snapshots.current_id(held), snapshots.Scope(), held)
    return [(each.account_id, each.kind, each.cause) for each in alerts.found(frames, held)]


def answer(account_id, score, before):
    id = f"{account_id}{score}{before}"
    return {"response_id": id, "account_id": account_id, "score": score, "responded_at": moment(before)}


def touch(account_id, before):
    return {"touch_id": f"{account_id}{before}", "account_id": account_id, "channel": "call", "direction": "out"} | {
        "occurred_at": moment(before)
    }


def test_low_scores_of_the_last_week_are_told_without_names_or_words_of_people(held, tmp_path):
    nps = [answer("a", 6, 1), answer("b", 7, 1), answer("c", 0, 8)]
    nps[0] |= {"comment": "your support is a joke", "user_id": "u-ada"}
    held = write(held, tmp_path, {"accounts": ACCOUNTS, "subscriptions": [], "nps": nps})
    assert found(held) == [("a", "detractor", "Somebody gave a 6 on 3 Nov 2026.")]


@pytest.mark.parametrize(
    ("renews_on", "more", "touches", "is_told"),
    [
        (SOON, {}, [], True),
        (SOON, {}, [touch("a", 31)], True),
        (SOON, {}, [touch("a", 29)], False),
        (SOON, {}, [touch("a", 40), touch("a", -5)], False),  # planned
        (SOON, {}, [touch("a", 40), touch("a", -25)], True),  # planned for after it renewed
        (TODAY + timedelta(days=31), {}, [], False),
        (SOON, {"billing_months": 1}, [], False),
        (SOON, {"billing_months": 3}, [], True),
        (SOON, {"cancel_requested_at": moment(3)}, [], False),
    ],
)
def test_a_renewal_is_told_when_nobody_was_in_contact_for_as_long_as_it_is_away(
    held, tmp_path, renews_on, more, touches, is_told
):
    lines = [paying("a", renews_on=renews_on, **more)]
    held = write(held, tmp_path, {"accounts": ACCOUNTS, "subscriptions": lines, "touches": touches})
    assert [(id, kind) for id, kind, _ in found(held)] == ([("a", "renewal")] if is_told else [])


def test_a_message_of_ours_is_a_contact(empty, held, tmp_path):
    sent(empty, account_id="a", at=moment(10))
    lines = [paying("a", renews_on=SOON), paying("b", renews_on=SOON)]
    held = write(held, tmp_path, {"accounts": ACCOUNTS, "subscriptions": lines})
    heard = Heard()
    assert alerts.due(held, NOW, tell=heard) == 1
    assert heard.told == [
        (
            "Bolt: worth a look",
            "Bolt: It renews on 24 Nov 2026, and nobody has ever been in contact.\nhttps://t.example/account?account=b",
        )
    ]


def test_an_account_that_is_red_and_was_not_at_the_last_month_end_turned_red(held, tmp_path, monkeypatch):
    def health(*rows):
        return pl.DataFrame(rows, schema=["account_id", "score", "band"], orient="row")

    now = health(("a", 34.4, "red"), ("b", 20.0, "red"), ("c", 10.0, "red"), ("d", 80.0, "green"), ("e", 9.0, "red"))
    past = health(("a", 62.0, "yellow"), ("b", 31.0, "red"), ("c", None, "unknown"), ("d", 20.0, "red"))
    monkeypatch.setattr(alerts, "health_of", lambda *_: now)
    monkeypatch.setattr(alerts, "health_history_of", lambda *_, months: past.with_columns(month_end=day(4)))
    held = write(held, tmp_path, {"accounts": ACCOUNTS, "subscriptions": []})
    assert found(held) == [("a", "red", "Its health turned red: 34, after 62 at the end of Oct 2026.")]
    snapshot.write(
        tmp_path, {"accounts": ACCOUNTS, "subscriptions": []}, old=datetime.now(UTC) - NOW,
        states={"events": SourceState(status="stale", error="events.sql failed.")}, id="a2",
    )  # fmt: skip
    assert found(held) == []  # that nobody was seen since is our own doing


def test_an_account_is_told_about_once_a_week_and_a_cause_only_once(empty, held, tmp_path):
    nps = [answer("a", 3, 1), answer("b", 2, 0)]
    lines = [paying("a", renews_on=SOON)]
    held = write(held, tmp_path, {"accounts": ACCOUNTS, "subscriptions": lines, "nps": nps})
    heard = Heard()
    assert [alerts.due(held, NOW + timedelta(minutes=minutes), tell=heard) for minutes in (0, 10, 60)] == [2, 0, 0]
    title, text = heard.told[0]
    assert title == "2 accounts are worth a look"
    assert text.split("\n\n") == [
        "Bolt: Somebody gave a 2 on 4 Nov 2026.\nhttps://t.example/account?account=b",
        "Acme: Somebody gave a 3 on 3 Nov 2026.\nhttps://t.example/account?account=a",
    ]
    before = told.alerts(empty.engine)
    later = alerts._new([Alert("b", "detractor", "Bolt", "Somebody gave a 2 on 4 Nov 2026.")], before, TODAY, day(-7))
    assert later == []
    renewal = Alert("a", "renewal", "Acme", "It renews soon.")
    assert alerts._new([renewal], before, TODAY, day(-4)) == []  # Sunday of the same week
    assert alerts._new([renewal], before, TODAY, day(-5)) == [renewal]


def test_an_account_that_stays_red_is_told_once_a_month_at_most():
    row = {"account_id": "a", "week": day(2), "kind": "red", "cause": "Its health turned red: 34.", "at": moment(2)}
    red = [Alert("a", "red", "Acme", "Its health turned red: 31.")]
    assert alerts._new(red, pl.DataFrame([row]), TODAY, day(-7)) == []
    assert alerts._new(red, pl.DataFrame([row | {"at": moment(20)}]), TODAY, day(-7)) == red


def test_of_several_causes_the_most_urgent_is_told():
    many = [Alert("a", kind, "Acme", kind) for kind in KINDS]
    none = pl.DataFrame(
        schema={"account_id": pl.String, "week": pl.Date, "kind": pl.String, "cause": pl.String}
    ).with_columns(at=pl.lit(NOW))
    assert [each.kind for each in alerts._new(many, none, TODAY, TODAY)] == ["detractor"]


def test_what_could_not_be_told_is_not_told_twice_and_a_log_says_so(empty, held, tmp_path, caplog):
    held = write(held, tmp_path, {"accounts": ACCOUNTS, "subscriptions": [], "nps": [answer("c", 3, 1)]})
    heard = Heard(works=False)
    assert [alerts.due(held, NOW, tell=heard), alerts.due(held, NOW, tell=heard)] == [1, 0]
    assert len(heard.told) == 1
    assert "could not be told about 1 account" in caplog.text
    stored = rows(empty.owner, "SELECT account_id, week::text, kind FROM tenure.alerts")
    assert stored == [("c", "2026-11-02", "detractor")]


@pytest.mark.parametrize("url", ["slackk://SECRET/SECRET", "slack://SECRET", "mailto://user:SECRET@"])
def test_an_address_with_a_mistake_is_told_without_what_is_secret_in_it(url, caplog):
    assert not alerts.teller(url)("A title", "A text")
    assert "ALERT_URLS holds an address that Apprise does not know" in caplog.text
    assert "SECRET" not in caplog.text
    assert not logging.getLogger("apprise").disabled


def test_nothing_is_told_unless_configured_or_of_old_numbers(empty, held, tmp_path):
    held = write(held, tmp_path, {"accounts": ACCOUNTS, "subscriptions": [], "nps": [answer("a", 3, 1)]})
    off = {"red": False, "detractor": False, "renewal_days": 0}
    heard = Heard()
    assert alerts.due(held.model_copy(update={"snapshot_dir": str(tmp_path / "none")}), NOW, tell=heard) == 0
    assert alerts.due(held.model_copy(update={"alert_urls": None}), NOW, tell=heard) == 0
    assert alerts.due(held, NOW + timedelta(hours=3), tell=heard) == 0
    assert alerts.due(held.model_copy(update={"alerts": held.alerts.model_copy(update=off)}), NOW, tell=heard) == 0
    with pytest.raises(RecordsError):
        alerts.due(held.model_copy(update={"records_database_url": "postgresql://no@127.0.0.1:1/no"}), NOW, tell=heard)
    assert heard.told == []


def test_a_real_address_gets_the_title_and_the_text_and_a_dead_one_beside_it_does_no_harm(held, monkeypatch):
    posted = []

    class Target(BaseHTTPRequestHandler):
        def do_POST(self):
            posted.append(json.loads(self.rfile.read(int(self.headers["content-length"]))))
            self.send_response(200)
            self.end_headers()

        def log_message(self, *_):
            pass

    monkeypatch.setattr(alerts, "ATTEMPTS", 1)
    server = HTTPServer(("127.0.0.1", 0), Target)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        alert = Alert("c/&?", "detractor", alerts.plain(ACCOUNTS[2]["name"]), "Somebody gave a 3.")
        urls = f"json://127.0.0.1:1 json://127.0.0.1:{server.server_port}"
        assert alerts.teller(urls)(*alerts.message([alert], held))
    finally:
        server.shutdown()
        server.server_close()
    assert [(each["title"], each["message"]) for each in posted] == [
        (
            "Cut ‹!here›: worth a look",
            "Cut ‹!here›: Somebody gave a 3.\nhttps://t.example/account?account=c%2F%26%3F",
        )
    ]
