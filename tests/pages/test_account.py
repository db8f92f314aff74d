"""The account page: overrides beside the computed score, goals, notes, the timeline, and the link to it."""

from datetime import UTC, date, datetime, timedelta
from itertools import pairwise
from uuid import uuid4

import polars as pl
import pytest
from streamlit.testing.v1 import AppTest

import settings
from metrics.health import BANDS, health
from metrics.overrides import with_overrides
from pages.shared import data, viewer, written
from pages.shared.answers import account, accounts
from pages.shared.findings import account as about
from pages.shared.findings import room as findings
from pages.shared.written import AS_COMPUTED
from queries.frames import Scope, current_id, open_snapshot
from records import goals, notes, overrides
from records.database import connections
from reports.overrides import as_overrides

ROOT = settings.ROOT
HOSTILE = "<script>alert(1)</script> **bold** ![x](http://evil.example/x.png) :red[y] $a$ \u202e=1+1"

pytestmark = [pytest.mark.postgres, pytest.mark.usefixtures("fresh")]


@pytest.fixture
def held(demo_settings, records_url, monkeypatch):
    """The demo company with records of the test's own."""
    mine = demo_settings.model_copy(update={"records_database_url": records_url})
    monkeypatch.setattr(settings, "get", lambda: mine)
    monkeypatch.setattr(viewer, "now", lambda: viewer.Viewer("cara", None, "admin"))
    return mine


@pytest.fixture
def red(held):
    """The account of the demo company with the lowest score that is not leaving."""
    rows = accounts.health_now(data.View(current_id(held)))
    return rows.filter(band="red").sort("score", "account_id")["account_id"][0]


def opened(account_id):
    """The page of an account, with nothing gone wrong."""
    test = AppTest.from_file(str(ROOT / "pages" / "frame.py"), default_timeout=60)
    test.session_state["tenure_account"] = account_id
    return calm(test.switch_page("account.py").run())


def calm(seen):
    assert not seen.exception
    assert [box.value for box in seen.warning if "could not be worked out" in box.value] == []
    return seen


def press(seen, label, key=""):
    return calm(next(b for b in seen.button if b.label == label and key in str(b.key)).click().run())


def field(elements, end):
    return next(element for element in elements if str(element.key).endswith(end))


def text(seen):
    kinds = (seen.title, seen.subheader, seen.markdown, seen.caption, seen.info, seen.error, seen.text, seen.metric)
    return "\n".join(str(element.value) for elements in kinds for element in elements).replace("\u2060", "")


def table(seen, column):
    return next(pl.from_pandas(frame.value) for frame in seen.dataframe if column in frame.value.columns)


# --- overrides -----------------------------------------------------------------------------------------------------


def test_an_override_stands_beside_the_computed_score_and_can_be_taken_back(held, red):
    seen = opened(red)
    computed = next(line.value for line in seen.markdown if line.value.startswith("**▼ red, "))
    field(seen.button_group, "_band").set_value("▲ green")
    field(seen.text_area, "_reason").set_value("Their **sponsor** signed")
    until = written.today() + timedelta(days=20)
    field(seen.date_input, "_until").set_value(until)
    seen = press(seen, "Save", "save_override")

    assert "Saved; it stands beside the computed health" in [toast.value for toast in seen.toast]
    lines = [line.value for line in seen.markdown]
    assert computed in lines
    assert field(seen.date_input, "_until").value == until  # changing it starts from what was said
    assert f"**▲ green until {about.words.day(until)}**" in lines
    assert "Their **sponsor** signed" in [shown.value for shown in seen.text]  # as it was written, not as Markdown
    assert "Said by cara" in text(seen)
    happened = table(seen, "text").filter(pl.col("what") == "Health by hand")
    assert happened["text"].to_list() == ["▲ green · cara: Their **sponsor** signed"]
    moved = table(seen, "because")
    assert moved.filter(pl.col("because") == "override")["points"][0] > 0

    seen = press(seen, "Take back")
    assert not any("**▲ green until" in line.value for line in seen.markdown)
    assert computed in [line.value for line in seen.markdown]


def test_an_override_without_a_reason_is_not_saved_and_says_why(held, red):
    seen = opened(red)
    field(seen.button_group, "_band").set_value("▲ green")
    seen = press(seen, "Save", "save_override")
    assert "The reason is empty" in seen.error[0].value
    assert overrides.version(connections(held.records_database_url)) == 0


def test_whoever_was_faster_is_not_overwritten(held, red):
    seen = opened(red)
    until = written.today() + timedelta(days=9)
    _override(held, red, "yellow", until, author="ada@example.com")
    field(seen.button_group, "_band").set_value("▲ green")
    field(seen.text_area, "_reason").set_value("signed")
    seen = press(seen, "Save", "save_override")
    assert "ada@example\\.com changed this" in seen.error[0].value.replace("\u2060", "")
    assert f"**■ yellow until {about.words.day(until)}**" in [line.value for line in seen.markdown]


def test_the_accounts_page_shows_an_override_beside_the_band_and_filters_by_it(held, red):
    until = written.today() + timedelta(days=20)
    _override(held, red, "green", until)
    test = AppTest.from_file(str(ROOT / "pages" / "frame.py"), default_timeout=60)
    seen = calm(test.switch_page("accounts.py").run())
    rows = table(seen, "override").filter(pl.col("override").is_not_null())
    assert rows.select("mark", "override").rows() == [("▼ red", f"▲ green until {about.words.day(until)}")]
    name = rows["name"][0]
    field(seen.button_group, "view").set_value("Red and yellow")
    assert name not in table(calm(seen.run()), "mark")["name"].to_list()


def test_an_override_ends_on_its_day_and_stays_in_the_months_it_counted(held, red, monkeypatch):
    view = data.View(current_id(held))
    frames = open_snapshot(view.snapshot_id, Scope(), held)
    last_month_end = frames.as_of.replace(day=1) - timedelta(days=1)
    made = datetime.combine(last_month_end - timedelta(days=3), datetime.min.time(), UTC)
    ends = frames.as_of + timedelta(days=5)
    value = overrides.Override("green", None, "signed", ends)
    zone = held.organisation.zone
    engine = connections(held.records_database_url)
    overrides.set_override(engine, account_id=red, override=value, author="ada", now=made, zone=zone)

    def shown(today):
        monkeypatch.setattr(written, "today", lambda: today)
        mine = account.histories_shown(view, written.overridden()).filter(account_id=red).sort("on")
        return mine.tail(2).select("band", "shown_band").rows()

    assert shown(frames.as_of)[1] == ("red", "green")
    assert shown(ends - timedelta(days=1))[1] == ("red", "green")
    assert shown(ends)[1] == ("red", "red")
    assert shown(ends)[0][1] == "green"


def test_overrides_put_beside_are_those_given_to_health():
    known = [10.0, 50.0, 90.0, None]
    rows = pl.DataFrame({"account_id": list("abcd"), "recency": known, "nps": known, "breadth_percentile": known,
                         "leaving": [False, True, False, False]})  # fmt: skip
    day = date(2026, 3, 31)
    said = pl.DataFrame({"account_id": list("abd"), "score": [85.0, 20.0, 55.0], "author": "ada", "reason": "r",
                         "made_on": day, "expires_on": [date(2026, 4, 1), date(2026, 4, 1), day]})  # fmt: skip
    weights = {"value": 30.0, "momentum": 25.0, "voice": 45.0}
    alone = health(rows, weights, as_of=day)
    assert with_overrides(alone, said, as_of=day, bands=BANDS).equals(health(rows, weights, said, as_of=day))
    assert with_overrides(alone, None, as_of=day, bands=BANDS).equals(alone)
    again = with_overrides(health(rows, weights, said, as_of=day), None, as_of=day, bands=BANDS)
    assert again.equals(alone)


def test_an_override_made_after_the_snapshot_counts_at_once_and_one_that_has_ended_does_not():
    day = date(2026, 3, 31)
    counted = pl.DataFrame({"account_id": ["a", "b"], "band": ["red", None], "score": [None, 64.0], "reason": "r",
                            "author": "ada", "made_on": [date(2026, 4, 1), day],
                            "expires_on": [date(2026, 5, 1), date(2026, 4, 2)]})  # fmt: skip
    found = as_overrides(counted, BANDS, as_of=day, today=date(2026, 4, 2))
    assert found.select("account_id", "score", "made_on", "expires_on").rows() == [
        ("a", 20.0, day, date(2026, 5, 1)),
        ("b", 64.0, day, day),
    ]


# --- goal, champion, notes -----------------------------------------------------------------------------------------


def test_what_is_typed_in_wins_over_the_source_and_says_so(held, red):
    seen = opened(red)
    source = [shown.value for shown in seen.text]
    field(seen.text_area, "_text").set_value("Half the <b>paperwork</b>")
    field(seen.text_input, "_name").set_value("Zoë *Ng*")
    seen = press(seen, "Save", "save_goal")
    shown = [element.value for element in seen.text]
    assert shown[:2] == ["Half the <b>paperwork</b>", "Zoë *Ng*"]
    assert text(seen).count("Typed in by cara") == 2
    seen = press(seen, "Take back")
    assert [element.value for element in seen.text][: len(source)] == source
    assert goals.current(connections(held.records_database_url)).is_empty()


def test_a_champion_typed_in_or_chosen_is_told_beside_what_the_source_says():
    people = pl.DataFrame(
        {"user_id": ["u", "v"], "name": ["Ulla", "Vic"], "role": ["champion", "member"],
         "left_on": [None, date(2026, 5, 2)]},
        schema_overrides={"left_on": pl.Date},
    )  # fmt: skip
    typed = {
        "goal": None,
        "champion_id": "v",
        "champion": None,
        "author": None,
        "typed_at": datetime(2026, 6, 1, tzinfo=UTC),
    }
    known = findings.champion(people, typed, UTC)
    assert (known.text, known.typed) == ("Vic", True)
    assert "They left on 2 May 2026." in known.note
    assert known.note.endswith("The source says: Ulla")
    assert findings.champion(people, None, UTC)[:2] == ("Ulla", "From your people source.")
    assert findings.champion(people.filter(user_id="v"), None, UTC)[0] is None


def test_a_note_is_shown_as_it_was_written_changed_and_deleted(held, red):
    seen = opened(red)
    next(area for area in seen.text_area if area.key.startswith("note_")).set_value(HOSTILE)
    seen = press(seen, "Add note")
    assert HOSTILE in [shown.value for shown in seen.text]
    for elements in (seen.markdown, seen.caption, seen.title, seen.subheader):
        assert not any("<script" in element.value or "evil" in element.value for element in elements)
    assert "Note" in table(seen, "text")["what"].to_list()

    seen = press(seen, "Change")
    field(seen.text_area, f"_{notes.version(connections(held.records_database_url))}").set_value("calmer words")
    seen = press(seen, "Save", "save_text")
    assert "calmer words" in [shown.value for shown in seen.text]
    assert "; changed" in text(seen)

    seen = press(seen, "Delete")
    assert "calmer words" not in [shown.value for shown in seen.text]
    assert notes.version(connections(held.records_database_url)) == 3


def test_without_records_the_page_shows_all_it_knows_and_no_form(demo_settings, monkeypatch):
    stopped = demo_settings.model_copy(update={"records_database_url": "postgresql://nobody@127.0.0.1:1/nothing"})
    monkeypatch.setattr(settings, "get", lambda: stopped)
    rows = accounts.health_now(data.View(current_id(stopped)))
    seen = opened(rows["account_id"][0])
    assert [box.value for box in seen.info if "Nothing can be saved right now" in box.value]
    assert not [button for button in seen.button if button.label in ("Add note", "Save", "Take back")]
    assert "Computed" in [caption.value for caption in seen.caption]
    assert accounts.health_shown(data.View(current_id(stopped)), written.overridden()).equals(
        accounts.health_shown(data.View(current_id(stopped)), AS_COMPUTED)
    )


# --- the timeline, the renewal, the link ---------------------------------------------------------------------------


def test_the_timeline_shows_only_the_kinds_chosen(held, red):
    seen = opened(red)
    assert {"Use", "Plan begins"} <= set(table(seen, "text")["what"])
    seen = calm(field(seen.button_group, "happened").set_value(["Plans"]).run())
    assert set(table(seen, "text")["what"]) <= set(findings.KINDS["Plans"])


def test_every_line_of_the_timeline_has_a_kind(held):
    view = data.View(current_id(held))
    known = {what for kind in findings.KINDS.values() for what in kind}
    for account_id in account.directory(view)["account_id"].head(20):
        assert set(account.timeline(view, account_id)["what"]) <= known


def test_an_answer_is_told_out_of_ten_and_parts_of_a_line_stand_apart(held):
    view = data.View(current_id(held))
    lines = pl.concat(account.timeline(view, who) for who in account.directory(view)["account_id"].head(20))
    answers = lines.filter(what="NPS")["text"]
    assert answers.len() > 0
    assert answers.str.contains(r"^\d+ of 10($| · \S)").all()
    assert not lines["text"].str.contains(r"^ · | · $|_closed").any()


def test_who_left_has_an_end_and_no_scorecard(held):
    frames = open_snapshot(current_id(held), Scope(), held)
    served = accounts.health_now(data.View(current_id(held)))["account_id"].implode()
    ended = frames.subscriptions.filter(~pl.col("account_id").is_in(served)).collect()
    gone = ended.filter((pl.col("ended_on") < frames.as_of - timedelta(days=400)).all().over("account_id")).sort(
        "account_id"
    )
    who = gone["account_id"][0]
    seen = opened(who)
    last = gone.filter(account_id=who)["ended_on"].max()
    assert [(card.label, card.value) for card in seen.metric] == [("Renewal", "over")]
    assert f"served until {about.words.day(last)}" in text(seen)
    assert "Nothing was served to this account in the last year" in text(seen)


def test_value_starts_and_stops_by_turns(held):
    view = data.View(current_id(held))
    silent = accounts.silent_accounts(view)["account_id"][0]
    turns = account.value_spans(view, silent).sort("day")["starts"].to_list()
    assert turns[-1:] == [False]
    assert all(first != second for first, second in pairwise(turns))


@pytest.mark.parametrize(
    ("renews_on", "days", "says"),
    [
        (date(2028, 3, 30), 30, "notice until 29 Feb 2028 (30 days before)"),
        (date(2027, 3, 1), 1, "notice until 28 Feb 2027 (1 day before)"),
        (date(2026, 12, 1), 0, "notice until 1 Dec 2026 (0 days before)"),
        (date(2026, 12, 1), 60, "notice ended on 2 Oct 2026 (60 days before)"),
        (date(2026, 12, 1), None, "no notice period known"),
    ],
)
def test_notice_is_the_renewal_less_its_days(renews_on, days, says):
    assert about.notice({"renews_on": renews_on, "notice_days": days}, date(2026, 11, 22)) == says


def test_a_month_is_explained_by_what_moved_it_and_its_points_add_up(held, red):
    history = account.histories_shown(data.View(current_id(held))).filter(account_id=red).sort("on")
    moved = findings.moves(history)
    scores = dict(history.select("on", "score").iter_rows())
    days = sorted(scores)
    for before, after in pairwise(days):
        points = moved.filter(on=after)["points"]
        if scores[before] is not None and scores[after] is not None:
            assert points.sum() == pytest.approx(scores[after] - scores[before])


def test_an_account_that_is_not_there_is_not_replaced_by_another(held):
    seen = opened("nobody")
    assert "That account is not here" in seen.info[0].value
    assert not seen.title


def _override(held, account_id, band, until, *, author="ada@example.com"):
    overrides.set_override(
        connections(held.records_database_url),
        account_id=account_id,
        override=overrides.Override(band, None, "signed", until),
        author=author,
        now=datetime.now(UTC),
        zone=held.organisation.zone,
    )


def _note(held, account_id, what):
    notes.set_note(
        connections(held.records_database_url),
        account_id=account_id,
        note_id=uuid4(),
        text=what,
        author="ada@example.com",
        now=datetime.now(UTC),
    )


def test_many_notes_open_on_request(held, red):
    for number in range(12):
        _note(held, red, f"note number {number}")
    seen = opened(red)
    assert "note number 1" not in [shown.value for shown in seen.text]
    seen = press(seen, "All 12 notes")
    assert "note number 0" in [shown.value for shown in seen.text]
