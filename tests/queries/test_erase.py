"""Erasing somebody: no file of any snapshot tells of them, now or later, whatever is interrupted or out of reach."""

from __future__ import annotations

import json
from datetime import timedelta
from functools import partial
from pathlib import Path
from typing import Any
from uuid import UUID

import numpy as np
import pytest

import settings as configuration
from metrics import theme_vectors
from queries import erase, erasure, left_out, refresh
from queries.database import session
from queries.erasure import Found
from queries.errors import DatabaseError, RefreshError
from queries.frames import Frames, Scope, current_id, open_snapshot
from queries.store import Store, newest_manifest, publish
from records import digests, erased, notes
from records.erased import Key
from reports.board_numbers import numbers as board_numbers
from reports.board_pack import board_pack
from reports.business_review import business_review
from reports.prep_numbers import numbers as prep_numbers
from reports.prep_sheet import prep_sheet
from reports.review_numbers import numbers as review_numbers
from tests.outreach.messages import sent
from tests.queries.company import NOON, Company, use
from tests.records.conftest import Records, empty, execute, rows, template
from tests.reports.company import words

__all__ = ["empty", "template"]
pytestmark = pytest.mark.postgres

SECRET = "a long random text"
NAME, ID, ADDRESS = "Zenobia Quux", "canary-user-7", "Zenobia@Canary.Example"
CANARY = ("zenobia", "canary", "quux")
DAY = timedelta(days=1)
NOTE = UUID(int=7)
THEMES = """
[languages.en]
script = "latin"
words = "the is and too"

[[themes]]
id = "price"
patterns.en = ["expensive"]
examples.en = ["The fee is too high."]
"""


class Encoder:
    """Stands in for the encoder."""

    def encode(self, texts: list[str]) -> np.ndarray:
        return np.eye(512, dtype=np.float32)[[len(text) for text in texts]]


def texts(store: Store) -> dict[str, str]:
    """Every object of a snapshot folder as text, in small letters: what a search through its bytes would find."""
    found = {}
    for name in store.names():
        content = store.get(name) or b""
        read = json.dumps(store.scan(name).collect().to_dicts(), default=str) if name.endswith(".parquet") else ""
        found[name] = (read + content.decode("utf-8", "replace")).lower()
    return found


def traces(store: Store) -> set[str]:
    """Kinds of objects that tell of her."""
    return {
        name.rpartition("/")[0] or name.split("-")[0]
        for name, text in texts(store).items()
        if any(word in text for word in CANARY)
    }


class Shop:
    """A company with its records; she is in every source of it."""

    def __init__(self, company: Company, records: Records, outbox: Path) -> None:
        self.company, self.records, self.store = company, records, company.store
        self.outbox = outbox

    @property
    def settings(self) -> configuration.Settings:
        urls = {"records_database_url": self.records.writer, "records_owner_url": self.records.owner}
        return self.company.settings.model_copy(update={**urls, "secret_key": SECRET})

    def refresh(self, at: Any = NOON, **changes: Any) -> refresh.Report:
        full = changes.pop("full", False)
        return refresh.run(self.settings.model_copy(update=changes), as_of=at, full=full)

    def erase(self, *given: str, **more: Any) -> Found:
        return erasure.erase(self.settings, given or (ADDRESS,), now=NOON, **more)

    def frames(self) -> Frames:
        return open_snapshot(current_id(self.settings), Scope(), self.settings)


def fill(company: Company) -> None:
    ada = {"user_id": "a1", "account_id": "a", "name": "Ada Lovelace", "email": "ada@example.org"}
    her = {"user_id": ID, "account_id": "a", "name": NAME, "email": ADDRESS, "role": "champion"}
    company.customers("a", "b", csm_email="boss@us.example", csm_name="The Boss")
    company.add("accounts", {"account_id": "c", "name": "C", "signed_up_at": "2024-01-01 12:00Z",
                             "csm_email": ADDRESS, "csm_name": NAME})  # fmt: skip
    company.table("people", ada, her, her | {"user_id": f"{ID}-2", "account_id": "nowhere"})
    uses = [use("a", f"2026-0{month}-05 10:00Z", user_id=who) for month in (1, 2, 3) for who in ("a1", ID)]
    company.table("events", *uses, use("a", "2026-03-05 11:00Z"), use("stranger", "2026-02-05 10:00Z", user_id=ID),
                  use("a", "2030-01-01 10:00Z", user_id=ID),
                  use("a", "2026-02-06 10:00Z", user_id=ID, feature=""))  # fmt: skip
    asked = {"account_id": "a", "score": "3", "responded_at": "2026-02-01 10:00Z"}
    company.table(
        "nps",
        asked | {"response_id": "canary-r7", "user_id": ID, "comment": "Too expensive. I am zenobia."},
        asked | {"response_id": "r8", "user_id": "a1", "comment": "Too expensive."},
        asked | {"response_id": "r9", "user_id": ID, "account_id": "nowhere"},
    )
    left = {"account_id": "a", "submitted_at": "2026-02-01 10:00Z", "comment": "Canary says bye."}
    company.table("exit_surveys", left | {"response_id": "x7", "user_id": ID})
    company.table("touches", *[
        {"touch_id": f"t{who}", "account_id": "a", "user_id": who, "channel": "call", "direction": "out",
         "occurred_at": "2026-03-01 10:00Z", "summary": "They called"} for who in ("a1", ID)
    ])  # fmt: skip
    (company.config / "themes.toml").write_text(THEMES, encoding="utf-8")


@pytest.fixture
def shop(company: Company, empty: Records, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Shop:
    monkeypatch.setattr(theme_vectors, "_encoder", Encoder)
    folder = tmp_path / "outbox"
    folder.mkdir()
    monkeypatch.setattr(configuration.Settings, "outbox_dir", property(lambda _: folder))
    fill(company)
    made = Shop(company, empty, folder)
    made.refresh()
    return made


EVERYWHERE = {
    "accounts", "people", "nps", "exit_surveys", "touches", "activity", "activity_monthly", "activity_weekly",
    "usage_28d", "first_days", "comment_themes", "rejected/people", "rejected/nps", "rejected/events",
}  # fmt: skip


def test_no_object_tells_of_her_at_once_and_after_every_later_refresh(shop: Shop) -> None:
    shop.refresh(NOON + timedelta(minutes=1))
    assert traces(shop.store) == EVERYWHERE
    message = sent(shop.records, account_id="a", user_id="older id", address=ADDRESS, address_key=ADDRESS.lower(),
                   name=NAME)  # fmt: skip
    (shop.outbox / f"{message}.eml").write_text(f"To: {ADDRESS}")
    (shop.outbox / "another.eml").write_text("To: ada@example.org")
    before = shop.company.manifest
    vectors = shop.frames().comment_vectors.collect().height
    assert set(shop.frames().source("nps").collect()["response_id"]) == {"canary-r7", "r8"}

    found = shop.erase()
    assert traces(shop.store) == set()
    assert [path.name for path in shop.outbox.iterdir()] == ["another.eml"]
    after = shop.company.manifest
    assert (after.id != before.id, after.as_of, after.erasures) == (True, before.as_of, before.erasures + 1)
    assert {name for name in shop.store.names() if name.startswith("manifest-")} == {f"manifest-{after.id}.json"}
    assert (found.new, found.mail, found.records["messages"]) == (5, 1, 1)
    assert {name: found.snapshot[name] for name in ("people", "accounts", "nps", "activity")} == {
        "people": 1, "accounts": 1, "nps": 1, "activity": 4
    }  # fmt: skip
    frames = shop.frames()
    assert frames.people.collect()["user_id"].to_list() == ["a1"]
    assert frames.accounts.select("account_id", "csm_email", "csm_name").collect().rows()[-1] == ("c", None, None)
    assert frames.comment_themes.collect().select("response_id", "theme").rows() == [("r8", "price")]
    assert frames.comment_vectors.collect().height == vectors - 2  # her two sentences, not the one that others wrote
    assert {row[1] for row in frames.first_days.collect().rows()} == {"a1", None}

    for later, full in ((DAY, False), (2 * DAY, True)):
        shop.refresh(NOON + later, full=full)
        assert traces(shop.store) == set()
    assert shop.company.manifest.erasures == after.erasures
    assert shop.erase().snapshot == {}


@pytest.mark.parametrize("interrupted", [False, True])
def test_mail_files_to_others_that_name_her_go_too(
    shop: Shop, monkeypatch: pytest.MonkeyPatch, interrupted: bool
) -> None:
    named, other = sent(shop.records, text=f"Please ask {NAME} about it."), sent(shop.records)
    for message in (named, other):
        (shop.outbox / f"{message}.eml").write_text("a mail")
    assert shop.erase(dry_run=True).mail == 1
    if interrupted:
        with monkeypatch.context() as patched:
            patched.setattr(erasure, "_mail", lambda *_, **__: 1 / 0)
            with pytest.raises(ZeroDivisionError):
                shop.erase()
    assert shop.erase().mail == 1
    assert [path.name for path in shop.outbox.iterdir()] == [f"{other}.eml"]
    assert shop.erase().mail == 0


def taken_away(shop: Shop) -> dict[str, bool]:
    """Whether what people take away tells of her: the decks, the prep sheet, and tables as the pages' downloads."""
    frames, held = shop.frames(), shop.settings
    sheets = {
        "board pack": words(board_pack(board_numbers(frames, held))),
        "review": words(business_review(review_numbers(frames, held, "a", even_if_stale=True))),
        "prep sheet": words(prep_sheet(prep_numbers(frames, held, "a", even_if_stale=True))),
        **{name: frames.source(name).collect().write_csv() for name in ("accounts", "people", "nps", "touches")},
    }
    return {name: any(word in text.lower() for word in CANARY) for name, text in sheets.items()}


def test_what_is_taken_away_later_does_not_tell_of_her(shop: Shop) -> None:
    before = taken_away(shop)
    assert [name for name, tells in before.items() if tells] == ["prep sheet", "accounts", "people", "nps", "touches"]
    shop.erase()
    assert not any(taken_away(shop).values())


def test_what_is_left_is_what_a_first_refresh_without_her_finds(shop: Shop, tmp_path: Path) -> None:
    shop.erase()
    shop.refresh()
    carried_on = shop.frames()
    months = [(m.month, m.uses, m.erased, m.uncounted, m.by_staff, m.flagged) for m in carried_on.manifest.months]
    elsewhere = {"snapshot_dir": str(tmp_path / "elsewhere")}
    shop.refresh(**elsewhere)
    first = open_snapshot(current_id(shop.settings.model_copy(update=elsewhere)), Scope(),
                          shop.settings.model_copy(update=elsewhere))  # fmt: skip
    assert [(m.month, m.uses, m.erased, m.uncounted, m.by_staff, m.flagged) for m in first.manifest.months] == months
    for name, frame in first.mapping().items():
        key = frame.collect_schema().names()
        assert carried_on.mapping()[name].collect().sort(key).equals(frame.collect().sort(key)), name
    states = {name: state.model_copy(update={"mapping_hash": None}) for name, state in first.manifest.sources.items()}
    assert {name: carried_on.manifest.sources[name].rows for name in states} == {n: s.rows for n, s in states.items()}
    assert carried_on.manifest.sources["events"].left_out == states["events"].left_out == 4
    assert states["people"].left_out == 2
    assert [month.events for month in first.manifest.months if month.uses] == [2, 4, 3]


def test_a_snapshot_is_what_the_next_refresh_would_say_of_it(shop: Shop) -> None:
    shop.erase()
    at_once = shop.company.manifest
    shop.refresh()
    after = shop.company.manifest
    told = ("rows", "rejected", "rejected_by_reason", "left_out")
    for name, state in after.sources.items():
        assert [getattr(at_once.sources[name], each) for each in told] == [getattr(state, each) for each in told], name
    assert [m.model_copy(update={"checked_at": NOON}) for m in at_once.months] == [
        m.model_copy(update={"checked_at": NOON}) for m in after.months
    ]


def test_a_month_is_not_read_again_for_those_who_are_left_out(shop: Shop) -> None:
    shop.erase()
    for number in range(1, 5):
        assert shop.refresh(NOON + number * timedelta(minutes=1)).days_read <= 6  # the late days, no whole month


def test_somebody_who_comes_back_under_a_new_id_is_left_out_of_everything(shop: Shop) -> None:
    shop.erase()
    company = shop.company
    company.sql(f"UPDATE people SET user_id = 'newcomer', email = '{ADDRESS.upper()}' WHERE user_id = '{ID}'")
    company.sql(f"UPDATE events SET user_id = 'newcomer' WHERE user_id = '{ID}'",
                f"UPDATE nps SET user_id = 'newcomer' WHERE user_id = '{ID}'")  # fmt: skip
    shop.refresh(full=True)
    assert not any("newcomer" in text for text in texts(shop.store).values())
    company.sql("DROP TABLE people")  # the id is known even where nobody tells whose it is
    shop.refresh(NOON + DAY, full=True)
    assert not any("newcomer" in text for text in texts(shop.store).values())


def test_somebody_who_turns_out_to_be_erased_goes_from_months_read_before(shop: Shop) -> None:
    shop.erase()
    shop.company.add("people", {"user_id": "hidden", "account_id": "b"})
    shop.company.add("events", use("b", "2026-01-05 10:00Z", user_id="hidden"))
    shop.refresh(full=True)
    before = shop.company.manifest
    assert any("hidden" in text for text in texts(shop.store).values())
    shop.company.sql(f"UPDATE people SET email = '{ADDRESS}' WHERE user_id = 'hidden'")
    shop.refresh()
    assert not any("hidden" in text for text in texts(shop.store).values())
    assert shop.company.manifest.erasures == before.erasures + 1


def test_while_the_records_are_away_nobody_comes_back(shop: Shop, tmp_path: Path) -> None:
    shop.erase()
    away = "postgresql://nobody@127.0.0.1:1/none"
    shop.refresh(NOON + DAY, records_database_url=away, full=True)
    shop.refresh(NOON + 2 * DAY, records_database_url=shop.company.url)  # a database without records
    assert traces(shop.store) == set()
    with pytest.raises(RefreshError, match="Nobody can tell who was erased"):
        shop.refresh(records_database_url=away, snapshot_dir=str(tmp_path / "new"))


@pytest.mark.parametrize("secret", [None, "another key"])
def test_without_the_key_they_were_erased_with_nothing_is_published(shop: Shop, secret: str | None) -> None:
    shop.erase()
    before = shop.company.manifest
    with pytest.raises(RefreshError, match="SECRET_KEY is not"):
        shop.refresh(NOON + DAY, secret_key=secret)
    assert shop.company.manifest == before


class Interrupted(Exception):
    """Stands in for kill -9: nothing after it runs."""


STEPS = {
    name: getattr(erasure, name)
    for name in ("remember", "purge", "_mail", "purged", "publish", "forget_others", "_from_snapshots")
}


def test_interrupted_before_and_after_each_step_doing_it_again_ends_clean(
    shop: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    notes.set_note(shop.records.engine, account_id="a", note_id=NOTE, text=f"{NAME} called", author="ada", now=NOON)

    def cut(step: str, before: bool, *given: Any, **more: Any) -> Any:
        if not before:
            STEPS[step](*given, **more)
        raise Interrupted

    for step in STEPS:
        for before in (True, False):
            with monkeypatch.context() as patched:
                patched.setattr(erasure, step, partial(cut, step, before))
                with pytest.raises(Interrupted):
                    shop.erase()
    shop.erase()
    assert traces(shop.store) == set()
    assert notes.current(shop.records.engine, "a")["text"].to_list() == ["[erased] called"]
    assert shop.erase().snapshot == {}


def test_a_refresh_finishes_what_an_interrupted_erasure_began(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    with monkeypatch.context() as patched:
        patched.setattr(erasure, "_from_snapshots", lambda *_: 1 / 0)
        with pytest.raises(ZeroDivisionError):
            shop.erase()
    assert traces(shop.store) == EVERYWHERE
    shop.refresh(NOON + timedelta(minutes=1))
    assert traces(shop.store) == set()
    assert shop.company.manifest.erasures == 1


def test_a_refresh_that_is_under_way_is_waited_for_and_cannot_bring_her_back(
    shop: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    old = newest_manifest(shop.store)
    assert old is not None
    said: list[str] = []
    url = shop.settings.product_database_url
    assert url is not None
    running = session(url, statement_timeout=timedelta(minutes=1))
    opened = running.__enter__()
    assert opened.try_lock()

    def published_meanwhile(seconds: float) -> None:
        if said[-1].startswith("A refresh"):
            publish(shop.store, old.model_copy(update={"id": "99990101T000000000000-beef"}))
            running.__exit__(None, None, None)
            said.append("it ended")

    monkeypatch.setattr(erasure.time, "sleep", published_meanwhile)
    shop.erase(say=said.append)
    assert "it ended" in said
    assert traces(shop.store) == set()


def test_a_connection_that_is_lost_before_publishing_publishes_and_deletes_nothing(
    shop: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = set(shop.store.names())

    def lost(*given: Any) -> Any:
        found = STEPS["purged"](*given)
        shop.company.sql("SELECT pg_terminate_backend(pid) FROM pg_stat_activity "
                         "WHERE datname = current_database() AND application_name = 'tenure'")  # fmt: skip
        return found

    with monkeypatch.context() as patched:
        patched.setattr(erasure, "purged", lost)
        with pytest.raises(DatabaseError, match="The product database went away"):
            shop.erase()
    assert {name for name in shop.store.names() if name.startswith("manifest-")} <= before
    assert before <= set(shop.store.names())
    shop.erase()
    assert traces(shop.store) == set()


def test_an_empty_id_beside_an_erased_address_is_nobody_s(shop: Shop) -> None:
    shop.erase()
    shop.company.add("people", {"user_id": "", "account_id": "b", "email": ADDRESS})
    shop.company.add("people", {"user_id": "", "account_id": "b", "email": "else@example.org"})
    shop.refresh(NOON + DAY)
    shop.erase("", " ")
    key = Key.of(SECRET)
    known = left_out.carried(shop.store, shop.company.manifest)
    assert key.user("") not in known | {mark for (mark,) in rows(shop.records.owner, "SELECT hmac FROM tenure.erased")}
    state = shop.company.manifest.sources["people"]
    assert state.rejected_by_reason["user_id is missing"] == 1


def test_looking_first_counts_the_same_and_changes_nothing(shop: Shop) -> None:
    before = {name: shop.store.get(name) for name in shop.store.names()}
    looked = shop.erase(dry_run=True)
    assert {name: shop.store.get(name) for name in shop.store.names()} == before
    assert rows(shop.records.owner, "SELECT count(*) FROM tenure.erased") == [(0,)]
    done = shop.erase()
    assert (looked.marks, looked.new, looked.records, looked.snapshot) == (
        done.marks, done.new, done.records, done.snapshot
    )  # fmt: skip


def test_an_id_leads_to_its_address_and_an_address_to_its_ids(shop: Shop) -> None:
    shop.erase(ID)
    key = Key.of(SECRET)
    marks = {key.user(ID), key.user(f"{ID}-2"), key.address(ADDRESS)}
    assert marks == {mark for (mark,) in rows(shop.records.owner, "SELECT hmac FROM tenure.erased")}
    assert left_out.carried(shop.store, shop.company.manifest) == marks


def test_somebody_nobody_knows_yet_is_left_out_once_they_come(shop: Shop) -> None:
    assert shop.erase("later@example.org").snapshot == {}
    shop.company.add("people", {"user_id": "l1", "account_id": "b", "email": "Later@example.org"})
    shop.refresh(NOON + DAY)
    assert "l1" not in shop.frames().people.collect()["user_id"].to_list()


def test_who_was_restored_from_a_copy_goes_again_without_being_named(shop: Shop) -> None:
    shop.erase()
    execute(shop.records.owner, "INSERT INTO tenure.subscribers (address, address_key, subscribed, actor, at) "
            f"VALUES ('{ADDRESS}', '{ADDRESS.lower()}', true, gen_random_uuid(), now())")  # fmt: skip
    execute(shop.records.owner, "DELETE FROM tenure.erased")  # the copy is older than the erasure
    found = erasure.erase(shop.settings, [], now=NOON)
    assert (found.new, found.records) == (4, {"subscribers": 1})
    assert digests.subscribers(shop.records.engine) == []


def command(shop: Shop, monkeypatch: pytest.MonkeyPatch, *words: str, **changes: Any) -> int:
    held = shop.settings.model_copy(update=changes)
    monkeypatch.setattr(configuration, "get", lambda: held)
    return erase.main(list(words))


def test_the_command_says_what_went_where_and_names_nobody(
    shop: Shop, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert command(shop, monkeypatch, "--dry-run", ADDRESS) == 0
    assert "Nothing was changed." in capsys.readouterr().out
    assert command(shop, monkeypatch, ADDRESS, "--name", "Zen Q") == 0
    printed = capsys.readouterr()
    assert "Removed from the snapshot: 1 accounts, 4 activity, 3 activity monthly" in printed.out
    assert not any(word in (printed.out + printed.err).lower() for word in CANARY)
    assert command(shop, monkeypatch, "--again") == 0
    assert "Removed from the snapshot: nothing is left of them there." in capsys.readouterr().out


def test_the_command_says_what_is_missing(
    shop: Shop, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert command(shop, monkeypatch, ADDRESS, secret_key=None) == 2
    assert "SECRET_KEY is not set" in capsys.readouterr().err
    assert command(shop, monkeypatch, ADDRESS, records_owner_url=shop.records.writer) == 1
    assert "RECORDS_OWNER_URL" in capsys.readouterr().err
    assert command(shop, monkeypatch, ADDRESS, product_database_url="postgresql://nobody@127.0.0.1:1/none") == 1
    assert "run this again" in capsys.readouterr().err  # marked and gone from the records; the snapshot waits
    assert rows(shop.records.owner, "SELECT count(*) > 0 FROM tenure.erased") == [(True,)]
    for wrong in ([], [ADDRESS, "--again"], [ADDRESS, " "]):
        with pytest.raises(SystemExit) as ended:
            command(shop, monkeypatch, *wrong)
        assert ended.value.code == 2


def test_a_refresh_asks_nothing_of_anybody_while_nobody_was_erased(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(erased.Key, "user", None)
    monkeypatch.setattr(erased.Key, "address", None)
    shop.refresh(NOON + DAY, full=True)
    assert "erased" not in shop.company.manifest.files
