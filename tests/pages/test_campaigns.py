"""The campaigns page: from an audience to a campaign whose rows are queued, and what a person decides afterwards."""

import shutil
from datetime import UTC, datetime, timedelta
from uuid import UUID

import polars as pl
import pytest

import settings
from outreach.audience import Audience
from pages.shared import viewer
from pages.shared.findings import campaigns as findings
from pages.shared.reach import masking
from pages.shared.reach.chosen import Chosen
from queries.frames import Scope, current_id, open_snapshot
from records import campaigns, outbox, sending
from records.database import connections
from records.outbox import Rules
from tests.pages.reaching import awake, button, calm, campaign, labels, numbers, page, press, said
from tests.records import outreach
from tests.records.conftest import execute, rows

LEASE = timedelta(minutes=2)
HOSTILE = "<script>alert(1)</script> **bold** ![x](http://evil.example/x.png) :red[y] =1+1"

pytestmark = [pytest.mark.postgres, pytest.mark.usefixtures("fresh")]


@pytest.fixture
def held(demo_settings, outreach_records, monkeypatch):
    """The demo company with records of this file's own."""
    mine = awake(demo_settings, outreach_records.writer)
    monkeypatch.setattr(settings, "get", lambda: mine)
    monkeypatch.setattr(viewer, "now", lambda: viewer.Viewer("cara", None, "admin"))
    return mine


@pytest.fixture
def few(held):
    """Four accounts of the demo company that are served."""
    frames = open_snapshot(current_id(held), Scope(), held)
    owners = frames.people.filter(
        pl.col("role") == "owner", pl.col("left_at").is_null(), pl.col("email").is_not_null(), ~pl.col("opted_out")
    )
    free = frames.accounts.filter(~pl.col("do_not_contact").fill_null(False), ~pl.col("escalated").fill_null(False))
    both = owners.join(free, on="account_id", how="semi").select("account_id").unique().sort("account_id").collect()
    return tuple(both["account_id"].head(4))


def reach(accounts, *plays, label="Top tenth", **extra):
    """Somebody just pressed “Reach out…”."""
    return Chosen(Audience(label, "Accounts", tuple(accounts), extra=extra), plays)


def compose(picked):
    return page("campaigns", tenure_chosen=picked)


def drafted(picked):
    """The page of the draft, and the draft."""
    seen = press(compose(picked), "Preview")
    found = campaigns.campaign(connections(settings.get().records_database_url), picked.campaign_id)
    assert found is not None
    return seen, found


def field(elements, end):
    return next(element for element in elements if str(element.key).endswith(end))


def texts(held, picked):
    """The messages of a draft by id."""
    here = connections(held.records_database_url)
    ids = campaigns.messages(here, picked.campaign_id)["message_id"]
    return {UUID(id): campaigns.message(here, UUID(id)) for id in ids}


# --- from an audience to the outbox --------------------------------------------------------------------------------


def test_those_chosen_on_a_page_become_a_campaign_that_says_what_was_previewed(held, few):
    picked = reach(few, "thank_you", "nps")
    seen = compose(picked)
    assert seen.title[0].value == "Reach out to 4 accounts"
    assert "Top tenth, chosen on the page Accounts." in said(seen)
    assert seen.radio[0].value == "thank_you"  # the play that suits comes first
    assert "To the account's owner. In English, German, Russian, Chinese, Romanian." in said(seen)

    seen = press(seen, "Preview")
    assert seen.query_params["campaign"] == str(picked.campaign_id)
    assert numbers(seen) == {"Now": "4", "Later": "0", "Left out": "0", "Held out": "0"}
    assert "Send to 4 people now" in labels(seen)
    here = connections(held.records_database_url)
    before = texts(held, picked)
    previewed = {masking.without_links(one.text).strip() for one in before.values()}
    assert [shown.value for shown in seen.text if shown.value in previewed]
    assert "/unsubscribe/" not in said(seen)

    seen = press(seen, "Send to 4 people now")
    assert "4 messages queued" in [toast.value for toast in seen.toast]
    found = campaigns.campaign(here, picked.campaign_id)
    assert (found.state, found.approver, dict(found.counts)) == ("running", "cara", {"queued": 4})
    for id, message in before.items():
        after = campaigns.message(here, id)
        assert (after.subject, after.text, after.html) == (message.subject, message.text, message.html)
    assert numbers(seen) == {"Waiting": "4", "Sent": "0", "Need a look": "0", "Not written to": "0"}
    assert not [label for label in labels(seen) if label.startswith("Send to")]
    assert "no worker has been seen yet" in said(seen)
    assert ".data/outbox" in said(seen)


def test_where_no_play_suits_none_is_chosen_for_anybody(held, few):
    seen = compose(reach(few))
    assert field(seen.selectbox, "_other").value is None
    assert "Preview" not in labels(seen)
    assert "Name of the campaign" not in [box.label for box in seen.text_input]
    seen = calm(field(seen.selectbox, "_other").set_value("thank_you").run())
    assert "Preview" in labels(seen)


def test_what_only_a_person_knows_is_asked_for_in_each_language_and_comes_back_when_changed(held, few):
    picked = reach(few, "offer")
    seen = compose(picked)
    fields = [box for box in seen.text_input if str(box.key).startswith("field_")]
    spoken = {str(box.key).split("_")[-2 if box.key.endswith("_offer") else -3] for box in fields}
    for box in fields:
        box.set_value("20% off" if box.key.endswith("_offer") else "31 January 2027")
    seen = press(calm(seen.run()), "Preview")
    written = [one.text for one in texts(held, picked).values()]
    assert len(written) == 4
    assert all("20% off" in text and "31 January 2027" in text for text in written)

    seen = press(seen, "Change")
    again = [
        box.value for box in seen.text_input if str(box.key).startswith("field_") and str(box.key).endswith("_offer")
    ]
    assert again == ["20% off"] * len(spoken)
    assert seen.title[0].value == "Reach out to 4 accounts"
    seen = press(seen, "Preview")  # the same draft again, not a second one
    assert seen.query_params["campaign"] == str(picked.campaign_id)


def test_where_a_field_stays_empty_nobody_is_sent_a_gap(held, few):
    seen = press(compose(reach(few, "offer")), "Preview")
    assert numbers(seen) == {"Now": "0", "Later": "0", "Left out": "4", "Held out": "0"}
    assert "Nobody would get this message" in said(seen)
    assert "nothing is known of “The offer”" in said(seen)
    assert not [label for label in labels(seen) if label.startswith("Send to")]


def test_what_a_page_knows_of_each_account_is_not_asked_for(held, few):
    picked = reach(few, "stuck_at_step", step={account: f"Step of {account}" for account in few})
    seen = compose(picked)
    assert not [box for box in seen.text_input if str(box.key).startswith("field_")]
    press(seen, "Preview")
    written = texts(held, picked).values()
    assert len(written) == 4
    assert all(f"Step of {one.account_id}" in one.text for one in written)


def test_whoever_is_left_out_stands_there_with_the_reason(held, few, monkeypatch):
    silent = awake(held, held.records_database_url, most_per_person=0)
    monkeypatch.setattr(settings, "get", lambda: silent)
    seen, found = drafted(reach(few, "thank_you"))
    assert numbers(seen)["Left out"] == "4"
    assert dict(found.counts) == {"left_out": 4}
    assert "Nobody is to be written to: 4" in said(seen)
    assert [each.label for each in seen.get("download_button")] == ["CSV", "Excel"]


def test_a_tone_that_presses_for_time_is_said_before_anybody_approves(held, few):
    seen = compose(reach(few, "offer"))
    for box in seen.text_input:
        if str(box.key).startswith("field_"):
            box.set_value("half price, last chance")
    seen = press(calm(seen.run()), "Preview")
    assert "False urgency" in said(seen)
    assert "It presses for time." in said(seen)


def test_an_audience_of_a_label_with_markup_is_shown_as_it_was_written(held, few):
    picked = reach(few, "thank_you", label=HOSTILE)
    for seen in (compose(picked), press(compose(picked), "Preview")):
        for elements in (seen.markdown, seen.caption, seen.title):
            assert not any("**bold**" in each.value or "![x]" in each.value for each in elements)


# --- approving twice, too late, and what changed meanwhile -----------------------------------------------------------


def test_a_draft_that_somebody_else_approved_says_so_and_queues_nothing_more(held, few):
    picked = reach(few, "thank_you")
    seen, draft = drafted(picked)
    here = connections(held.records_database_url)
    campaigns.approve(here, draft.id, fingerprint=draft.fingerprint, approver="bo", now=_now(), draft_hours=24)
    seen = press(seen, "Send to 4 people now")
    assert "bo approved this campaign" in said(seen)
    assert "othing was queued a second time" in said(seen)
    assert dict(campaigns.campaign(here, draft.id).counts) == {"queued": 4}
    assert rows(held.records_database_url, f"SELECT count(*) FROM tenure.message_events WHERE message_id IN "
                f"(SELECT id FROM tenure.messages WHERE campaign_id = '{draft.id}')") == [(4,)]  # fmt: skip


def test_a_draft_that_was_made_again_is_not_approved_by_its_old_preview(held, few):
    picked = reach(few, "thank_you")
    seen, draft = drafted(picked)
    drafted(Chosen(Audience("Fewer", "Accounts", few[:2]), ("thank_you",), picked.campaign_id))
    seen = press(seen, "Send to 4 people now")
    assert "The draft was made again after this preview." in said(seen)
    assert campaigns.campaign(connections(held.records_database_url), draft.id).state == "draft"
    assert "Send to 2 people now" in labels(seen)


def test_a_draft_that_is_too_old_must_be_previewed_again(held, few, outreach_records):
    seen, draft = drafted(reach(few, "thank_you"))
    execute(outreach_records.owner, f"UPDATE tenure.campaigns SET drafted_at = drafted_at - interval '25 hours' "
            f"WHERE id = '{draft.id}'")  # fmt: skip
    seen = campaign(draft.id)
    assert "This draft is older than 24 hours" in said(seen)
    assert not [label for label in labels(seen) if label.startswith("Send to")]
    seen = press(seen, "Preview again")
    assert "Send to 4 people now" in labels(seen)


def test_a_draft_can_be_thrown_away_and_its_link_says_so(held, few):
    seen, draft = drafted(reach(few, "thank_you"))
    seen = press(seen, "Throw away")
    assert "campaign" not in seen.query_params
    assert campaigns.campaign(connections(held.records_database_url), draft.id) is None
    assert campaign(draft.id).title[0].value == "That campaign is not here"


# --- what is being sent ------------------------------------------------------------------------------------------


def under_way(held, records, *states, ago=timedelta(minutes=10)):
    """A campaign with a message in each of these states: its id, and the messages' ids."""
    at = _now() - ago
    drawn = [outreach.row(user_id=f"u{place}") for place, _ in enumerate(states)]
    campaign_id = outreach.running(records, drawn, now=at, audience=Audience("Them", "Accounts", ("a",)).as_json())
    taken = {each.id: each for each in outreach.claim(records, now=at, limit=1000)}
    for row, state in zip(drawn, states, strict=True):
        begun = outbox.begin_sending(records.engine, taken[row.id], now=at, rules=Rules(100, 0, 0)).claimed
        if state == "uncertain":
            outbox.uncertain(records.engine, begun, now=at, detail="connection lost")
        elif state == "failed":
            outbox.failed(records.engine, begun, now=at, reason="refused", detail="550 no such user")
        elif state == "sent":
            outbox.sent(records.engine, begun, now=at)
    return campaign_id, [row.id for row in drawn]


def test_an_uncertain_message_is_settled_by_a_person(held, outreach_records):
    campaign_id, (first, second, _, _) = under_way(held, outreach_records, "uncertain", "uncertain", "sent", "failed")
    seen = campaign(campaign_id)
    assert numbers(seen) == {"Waiting": "0", "Sent": "1", "Need a look": "3", "Not written to": "0"}
    assert "Nobody is sure whether 2 messages arrived" in said(seen)
    assert "Sending again what had arrived sends it twice." in said(seen)
    table = next(pl.from_pandas(each.value) for each in seen.dataframe if "became" in each.value.columns)
    assert "The server refused it: 550 no such user" in table["why"].to_list()

    seen = press(seen, "It was sent", str(first))
    seen = press(seen, "Send again", str(second))
    here = outreach_records.engine
    assert (campaigns.message(here, first).state, campaigns.message(here, second).state) == ("sent", "queued")
    assert "Nobody is sure" not in said(seen)
    assert campaigns.events(here, first)["actor"][-1] == "cara"


def test_sending_again_is_offered_only_when_no_attempt_can_be_under_way(held, outreach_records):
    campaign_id, _ = under_way(held, outreach_records, "uncertain", ago=timedelta(seconds=30))
    seen = campaign(campaign_id)
    assert "It was sent" in labels(seen)
    assert "Send again" not in labels(seen)
    assert "it may still be under way" in said(seen)
    assert findings.again_from(datetime(2026, 3, 1, 9, 0), LEASE) == datetime(2026, 3, 1, 9, 4)


def test_a_campaign_is_paused_resumed_and_cancelled(held, few):
    seen, draft = drafted(reach(few, "thank_you"))
    seen = press(seen, "Send to 4 people now")
    seen.text_input(key="tenure_pause_reason").set_value("wrong list?")
    seen = press(seen, "Pause it")
    here = connections(held.records_database_url)
    found = campaigns.campaign(here, draft.id)
    assert (found.state, found.reason) == ("paused", "wrong list?")
    assert "Paused: wrong list?" in said(seen)
    seen = press(seen, "Resume", "resume")
    assert campaigns.campaign(here, draft.id).state == "running"
    seen = press(seen, "Cancel it")
    found = campaigns.campaign(here, draft.id)
    assert (found.state, dict(found.counts)) == ("cancelled", {"cancelled": 4})
    assert numbers(seen)["Not written to"] == "4"


def test_when_sending_is_paused_the_page_says_why_and_resumes(held):
    here = connections(held.records_database_url)
    sending.pause(here, actor="tenure", reason="The database is a copy of the **one**.", now=_now())
    seen = page("campaigns")
    assert "Sending is paused" in said(seen)
    assert "The database is a copy of the **one**." in [shown.value for shown in seen.text]
    seen = press(seen, "Resume sending")
    assert not sending.state(here).paused
    assert "Sending is paused" not in said(seen)
    seen.text_input(key="tenure_pause_all").set_value("an outage")
    press(seen, "Pause", "pause_all_now")
    assert sending.state(here).reason == "an outage"
    sending.resume(here, actor="cara", now=_now())


def test_the_list_shows_every_campaign_and_where_to_begin(held, outreach_records):
    campaign_id, _ = under_way(held, outreach_records, "sent")
    seen = page("campaigns")
    table = next(pl.from_pandas(each.value) for each in seen.dataframe if "called" in each.value.columns)
    assert table.height == campaigns.list_campaigns(outreach_records.engine).height
    assert {"title", "called", "sent", "uncertain", "left_out"} <= set(table.columns)
    assert "Any table of accounts has “Reach out…”" in said(seen)
    assert campaigns.campaign(outreach_records.engine, campaign_id).counts == {"sent": 1}


# --- nothing to write with ---------------------------------------------------------------------------------------


def test_without_records_nothing_can_be_previewed_and_the_page_says_so(demo_settings, few, monkeypatch):
    stopped = awake(demo_settings, "postgresql://nobody@127.0.0.1:1/nothing")
    monkeypatch.setattr(settings, "get", lambda: stopped)
    seen = page("campaigns")
    assert seen.title[0].value == "Campaigns"
    assert "Nothing can be saved right now" in said(seen)
    seen = compose(reach(few, "thank_you"))
    assert seen.title[0].value == "Reach out to 4 accounts"
    assert "Preview" not in labels(seen)


def test_without_plays_the_page_says_where_they_go(held, few, monkeypatch, tmp_path):
    shutil.copytree(held.config, tmp_path / "config", ignore=shutil.ignore_patterns("*.md"))
    bare = held.model_copy(update={"config": tmp_path / "config"})
    monkeypatch.setattr(settings, "get", lambda: bare)
    seen = compose(reach(few, "thank_you"))
    assert "There is no play." in said(seen)
    assert "Preview" not in labels(seen)


def test_without_a_secret_for_links_the_preview_says_what_to_set(held, few, monkeypatch):
    bare = held.model_copy(update={"secret_key": None})
    monkeypatch.setattr(settings, "get", lambda: bare)
    seen = press(compose(reach(few, "thank_you")), "Preview")
    assert "SECRET_KEY" in said(seen)
    assert "campaign" not in seen.query_params


def test_nobody_may_approve_what_they_may_not_send(held, few, monkeypatch):
    seen, draft = drafted(reach(few, "thank_you"))
    monkeypatch.setattr(viewer, "now", lambda: viewer.Viewer("pia", "pia@us.example", "product"))
    seen = calm(button(seen, "Send to 4 people now").click().run())  # a page from before the right was taken
    assert campaigns.campaign(connections(held.records_database_url), draft.id).state == "draft"
    assert not [label for label in labels(seen) if label.startswith("Send to")]


def test_the_button_says_how_many_and_from_when():
    def rows(*groups):
        at = datetime(2026, 11, 23, 7, 0, tzinfo=UTC)
        return pl.DataFrame(
            {"group": groups, "not_before": [at if group == "later" else None for group in groups],
             "time_zone": ["Europe/Berlin"] * len(groups)},
            schema_overrides={"not_before": pl.Datetime("us", "UTC")},
        )  # fmt: skip

    assert findings.send_label(rows("send")) == "Send to 1 person now"
    assert findings.send_label(rows("later", "later")) == "Send to 2 people, from Mon 08:00 their time"
    assert findings.send_label(rows("send", "later")) == "Send to 2 people: 1 now, 1 from Mon 08:00 their time"


def _now():
    return datetime.now(UTC)
