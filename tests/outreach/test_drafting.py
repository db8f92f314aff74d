"""Drafting: everybody in the audience gets one row of the outbox, as it would be sent, or the reason why not."""

from __future__ import annotations

import itertools
from datetime import UTC, date, datetime, timedelta
from typing import Any
from uuid import UUID, uuid4

import polars as pl
import pytest

import settings
from outreach import tokens
from outreach.audience import Audience
from outreach.drafting import Draft, compose
from outreach.plays import Body, Play
from outreach.render import Renderer
from queries.frames import Frames
from records import addresses, campaigns, goals
from records.errors import NotAccepted
from tests.outreach.playing import a_play
from tests.records.conftest import Records, rows
from tests.reports.company import frames, moment

pytestmark = pytest.mark.postgres
NOW = datetime(2026, 11, 18, 10, tzinfo=UTC)
TEXT = "Hello {{ first_name }},\n\n{{ account }} uses {{ features[0] }}. {{ offer }}\n\n{{ signer }}"
FOOTER = "[No more of this]({{ unsubscribe_link }})"
FIELDS = frozenset({"first_name", "account", "features", "offer", "signer"})
ENGLISH = {"en": Body("en", "For {{ account }}", TEXT, FOOTER)}
PLAIN = a_play(
    id="plain", kind="service", fields=FIELDS, languages={"en": Body("en", "Hello", "Hello {{ first_name }}")}
)
Made = tuple[Frames, settings.Settings]
_numbers = itertools.count(1)


def play(**changes: Any) -> Play:
    return a_play(**{"id": f"play{next(_numbers)}", "languages": ENGLISH, "fields": FIELDS, "holdout": 0.0} | changes)


@pytest.fixture(scope="module")
def company(tmp_path_factory: pytest.TempPathFactory, records: Records) -> Made:
    """Ann, Bob, Cat, Dot and Eli own an account each; Bob sleeps, Cat's address is none, Dot has used nothing."""
    names = ("ann", "bob", "cat", "dot", "eli")
    long_ago = moment(date(2024, 1, 1))
    sources: dict[str, list[dict[str, object]]] = {
        "accounts": [{"account_id": f"a-{name}", "name": f"{name}'s", "signed_up_at": long_ago} for name in names],
        "people": [
            {
                "user_id": name, "account_id": f"a-{name}", "name": f"{name.title()} Weber", "role": "owner",
                "email": "cat@@x" if name == "cat" else f"{name}@x.example",
                "time_zone": "Asia/Tokyo" if name == "bob" else None,
            }
            for name in names
        ],
        "subscriptions": [
            {"subscription_id": f"s-{name}", "account_id": f"a-{name}", "kind": "paid", "mrr": 1, "plan": "Team",
             "started_on": date(2025, 1, 1)}
            for name in names
        ],
    }  # fmt: skip
    use = [(f"a-{name}", name, "invoice", date(2026, 11, 1), 3, None) for name in names if name != "dot"]
    made, held = frames(tmp_path_factory.mktemp("company"), sources, use, today=date(2026, 11, 18))
    ours = records.settings.model_copy(
        update={"secret_key": "s" * 40, "public_url": "https://t.example", "snapshot_dir": held.snapshot_dir}
    )
    return made, ours


def draft(company: Made, chosen: Play, *people: str, **how: Any) -> Draft:
    ids = tuple(f"a-{name}" for name in people or ("ann", "bob", "cat", "dot"))
    given: dict[str, Any] = {"author": "ada@us.example", "now": NOW, **how}
    extra = given.pop("extra", {"offer": "20% off"})
    return compose(company[1], company[0], chosen, Audience("Some", "accounts", ids, extra=extra), **given)


def test_everybody_gets_one_row_with_the_message_or_the_reason(company: Made, records: Records) -> None:
    found = draft(company, play(), title="An offer for some")
    assert found.rows.select("user_id", "verdict", "reason", "detail", "not_before").rows() == [
        ("ann", "send", None, None, None),
        ("bob", "later", "quiet_hours", None, datetime(2026, 11, 18, 23, tzinfo=UTC)),
        ("cat", "left_out", "bad_address", None, None),
        ("dot", "left_out", "not_rendered", found.rows["detail"][3], None),
    ]
    assert found.rows["detail"][3].startswith("unfilled")
    kept = campaigns.messages(records.engine, found.campaign_id)
    assert kept.select("user_id", "arm", "state", "reason").rows() == [
        ("ann", "contacted", "draft", None),
        ("bob", "contacted", "draft", "quiet_hours"),
        ("cat", "left_out", "left_out", "bad_address"),
        ("dot", "left_out", "left_out", "not_rendered"),
    ]


def test_what_is_kept_is_the_message_with_links_of_its_own(company: Made, records: Records) -> None:
    found = draft(company, play(), "ann")
    kept = campaigns.message(records.engine, UUID(found.rows["message_id"][0]))
    assert kept is not None
    assert (kept.subject, kept.address, kept.language) == ("For ann's", "ann@x.example", "en")
    assert kept.text is not None
    assert kept.text.startswith("Hello Ann,\n\nann's uses Invoice. 20% off\n\n")
    link = next(word for word in kept.text.replace(")", " ").split() if word.startswith("https://t.example/unsub"))
    assert tokens.read(company[1], "unsubscribe", link.rpartition("/")[2]) == kept.id
    assert "Hello Ann" in str(kept.html)
    assert kept.fields is not None
    assert kept.fields["offer"] == "20% off"
    assert not any("link" in name for name in kept.fields)
    assert found.rows["text"][0] == kept.text


def test_a_campaign_keeps_its_play_audience_and_rules(company: Made, records: Records) -> None:
    chosen = play(question="nps", holdout=0.0)
    found = draft(company, chosen, "ann")
    kept = campaigns.campaign(records.engine, found.campaign_id)
    assert kept is not None
    assert (kept.title, kept.play, kept.play_version, kept.state) == ("An offer", chosen.id, "v", "draft")
    assert (kept.author, kept.fingerprint) == ("ada@us.example", found.fingerprint)
    assert Audience.from_json(kept.audience) == Audience("Some", "accounts", ("a-ann",), extra={"offer": "20% off"})
    assert (kept.rules["question"], kept.rules["contact_days"], kept.rules["quiet_from"]) == ("nps", 14, "19:00:00")


def test_the_held_out_have_a_row_and_no_message(company: Made, records: Records) -> None:
    found = draft(company, play(holdout=1.0), "ann", "cat")
    assert found.rows.select("verdict", "reason", "subject", "text").rows() == [
        ("held_out", "holdout", None, None),
        ("left_out", "bad_address", None, None),
    ]
    kept = campaigns.messages(records.engine, found.campaign_id)
    assert kept.select("arm", "state").rows() == [("held_out", "held_out"), ("left_out", "left_out")]


def test_whose_message_cannot_be_written_is_left_out_on_both_sides(company: Made, records: Records) -> None:
    sides = [draft(company, play(holdout=share)) for share in (0.0, 1.0)]
    for side, verdict in zip(sides, ("send", "held_out"), strict=True):
        assert side.rows.select("verdict", "reason").rows()[2:] == [
            ("left_out", "bad_address"),
            ("left_out", "not_rendered"),
        ]
        assert side.rows["verdict"][0] == verdict
    kept = f"SELECT subject, text, html, fields FROM tenure.messages WHERE campaign_id = '{sides[1].campaign_id}'"
    assert set(rows(records.owner, kept)) == {(None,) * 4}
    assert sides[1].flags.is_empty()


def test_opt_outs_suppressions_and_earlier_campaigns_are_asked_for(company: Made, records: Records) -> None:
    first = draft(company, play(), "eli")
    campaigns.approve(
        records.engine, first.campaign_id, fingerprint=first.fingerprint, approver="bo", now=NOW, draft_hours=24
    )
    addresses.opt_out(records.engine, "ann@x.example", source="link", now=NOW)
    addresses.suppress(records.engine, "bob@x.example", reason="bounced", now=NOW)
    try:
        found = draft(company, play(), "ann", "bob", "eli", now=NOW + timedelta(hours=1))
        service = draft(company, PLAIN, "ann", "bob", "eli", now=NOW + timedelta(hours=1))
    finally:
        addresses.opt_in(records.engine, "ann@x.example", source="person", now=NOW)
        addresses.lift(records.engine, "bob@x.example", actor="bo", now=NOW)
    assert found.rows["reason"].to_list() == ["opted_out", "suppressed", "contacted_lately"]
    assert service.rows["reason"].to_list() == [None, "suppressed", None]


def changed(company: Made, **tables: pl.LazyFrame) -> Made:
    """The same company in a later snapshot, in which whole tables differ."""
    later = type("Later", (Frames,), {name: property(lambda self, f=frame: f) for name, frame in tables.items()})
    return later(company[0].manifest, company[0].scope, company[0].store), company[1]


def test_an_opt_out_by_link_holds_when_the_product_changes_the_address(company: Made, records: Records) -> None:
    addresses.opt_out(records.engine, "eli@x.example", user_id="eli", source="link", now=NOW)
    moved = company[0].people.with_columns(email=pl.concat_str(pl.lit("new."), "email"))
    try:
        found = draft(changed(company, people=moved), play(), "eli", now=NOW + timedelta(days=60))
    finally:
        addresses.opt_in(records.engine, "eli@x.example", user_id="eli", source="person", now=NOW)
    assert found.rows.select("address", "reason").rows() == [("new.eli@x.example", "opted_out")]


def test_a_message_that_came_back_as_a_contact_counts_once(company: Made) -> None:
    ours = {"touch_id": "tenure-1", "account_id": "a-ann", "user_id": "ann", "direction": "out", "occurred_at": NOW}
    for begins, verdict in (("tenure-", "send"), ("crm-", "left_out")):
        touches = pl.LazyFrame([ours | {"touch_id": f"{begins}1"}])
        assert draft(changed(company, touches=touches), play(), "ann").rows["verdict"].to_list() == [verdict]


def test_drafting_again_under_the_same_id_replaces_the_draft_and_makes_the_same_messages(
    company: Made, records: Records
) -> None:
    chosen, campaign = play(), uuid4()
    first = draft(company, chosen, campaign_id=campaign)
    again = draft(company, chosen, campaign_id=campaign)
    other = draft(company, chosen, campaign_id=campaign, extra={"offer": "30% off"})
    assert again.fingerprint == first.fingerprint
    assert other.fingerprint != first.fingerprint
    assert other.rows["message_id"].to_list() == first.rows["message_id"].to_list()
    assert campaigns.messages(records.engine, campaign).height == 4


def test_a_failure_half_way_leaves_no_draft(company: Made, records: Records, monkeypatch: pytest.MonkeyPatch) -> None:
    campaign, seen = uuid4(), []

    def stop(done: int, total: int) -> None:
        seen.append((done, total))
        if done == 2:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        draft(company, play(), campaign_id=campaign, progress=stop)
    assert seen == [(1, 3), (2, 3)]
    assert rows(records.owner, f"SELECT count(*) FROM tenure.campaigns WHERE id = '{campaign}'") == [(0,)]
    assert rows(records.owner, f"SELECT count(*) FROM tenure.messages WHERE campaign_id = '{campaign}'") == [(0,)]
    assert draft(company, play(), campaign_id=campaign).rows.height == 4


def test_every_message_is_rendered_once(company: Made, monkeypatch: pytest.MonkeyPatch) -> None:
    calls = []
    real = Renderer.render
    monkeypatch.setattr(Renderer, "render", lambda *given: calls.append(1) or real(*given))
    draft(company, play(), "ann", "bob", "cat")
    assert len(calls) == 2


def test_what_sounds_wrong_is_flagged_and_goes_out_only_if_somebody_approves_it(company: Made) -> None:
    body = Body("en", "Hello", "We miss you so much, {{ first_name }}!", FOOTER)
    found = draft(company, play(languages={"en": body}), "ann", "cat")
    assert found.rows["verdict"].to_list() == ["send", "left_out"]
    assert found.flags.select("message_id", "kind").rows() == [(found.rows["message_id"][0], "we_miss_you")]


def test_a_goal_that_somebody_typed_in_is_said(company: Made, records: Records) -> None:
    goals.set_goal(records.engine, account_id="a-ann", goal=goals.Goal(goal="pay on time"), author="ada", now=NOW)
    body = Body("en", "Hello", "You want to {{ goal }}.", FOOTER)
    found = draft(company, play(languages={"en": body}, fields=frozenset({"goal"})), "ann")
    assert found.rows["text"][0].startswith("You want to pay on time.")


def test_service_mail_needs_no_key_for_links(company: Made) -> None:
    keyless = company[0], company[1].model_copy(update={"secret_key": None})
    assert draft(keyless, PLAIN, "ann").rows["text"][0].strip() == "Hello Ann"
    with pytest.raises(settings.SettingsError, match="SECRET_KEY"):
        draft(keyless, play(), "ann")


def test_ids_that_lead_nowhere_are_counted_and_an_audience_of_nobody_is_refused(company: Made) -> None:
    assert draft(company, play(), "ann", "nobody").unknown == 1
    with pytest.raises(NotAccepted, match="leads to nobody"):
        draft(company, play(), "nobody")


def test_a_name_that_no_column_takes_stops_nothing(company: Made) -> None:
    odd = pl.col("name") + pl.lit("\u0007\u202e\nBcc: all@x.example")

    class Odd(Frames):
        @property
        def people(self) -> pl.LazyFrame:
            return super().people.with_columns(odd)

    strange = Odd(company[0].manifest, company[0].scope, company[0].store)
    found = draft((strange, company[1]), play(), "ann")
    assert found.rows.select("name", "verdict").rows() == [("Ann Weber Bcc: all@x.example", "send")]
