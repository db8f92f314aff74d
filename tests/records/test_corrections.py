"""Corrections: every version is kept, the newest counts, and nobody's is overwritten unseen."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from itertools import count
from typing import Any

import pytest
from hypothesis import HealthCheck, given
from hypothesis import settings as limits
from hypothesis import strategies as st
from polars.testing import assert_frame_equal

from metrics.themes import NO_ANSWER, UNCLEAR
from records import audit, corrections
from records.errors import ChangedMeanwhile, NotAccepted, RecordsUnavailable
from tests.records.conftest import Records, rows

pytestmark = pytest.mark.postgres
NOON = datetime(2026, 11, 15, 12, tzinfo=UTC)
ids: Iterator[str] = map("r{}".format, count(1))


def correct(records: Records, response: str, *themes: str, author: str = "ada@example.com", **more: Any) -> int:
    """One correction of a comment of the survey on leaving, at noon."""
    given = {"source": "exit_surveys", "themes": themes, "author": author, "now": NOON, **more}
    return corrections.set_themes(records.engine, response_id=response, **given)


def themes(records: Records, response: str) -> list[str]:
    """What counts for a comment."""
    found = corrections.current(records.engine)
    return found.filter(source="exit_surveys", response_id=response)["theme"].to_list()


def test_nobody_has_corrected_anything_yet(empty: Records) -> None:
    found = corrections.current(empty.engine)
    assert found.columns == ["source", "response_id", "theme", "author", "corrected_at"]
    assert found.is_empty()
    assert corrections.version(empty.engine) == 0
    assert_frame_equal(found.clear(), found)


def test_a_correction_is_one_row_for_each_theme(empty: Records) -> None:
    correct(empty, "r1", "price", "missing_feature")
    assert corrections.current(empty.engine).rows() == [
        ("exit_surveys", "r1", "price", "ada@example.com", NOON),
        ("exit_surveys", "r1", "missing_feature", "ada@example.com", NOON),
    ]


def test_no_theme_chosen_is_unclear(records: Records) -> None:
    response = next(ids)
    correct(records, response)
    assert themes(records, response) == ["unclear"]


def test_the_reserved_words_are_those_of_the_metric() -> None:
    assert corrections.UNCLEAR == UNCLEAR
    assert corrections.ALONE == (UNCLEAR, NO_ANSWER)


def test_history_tells_who_made_what_of_what(records: Records) -> None:
    response = next(ids)
    first = correct(records, response, "price", found=["slow"])
    second = correct(records, response, "security", author="bo", now=NOON + timedelta(minutes=1))
    found = corrections.history(records.engine, "exit_surveys", response)
    assert found.rows() == [
        (second, ["security"], ["price"], "bo", NOON + timedelta(minutes=1)),
        (first, ["price"], ["slow"], "ada@example.com", NOON),
    ]
    assert corrections.history(records.engine, "nps", response).is_empty()


def test_a_correction_taken_back_no_longer_counts_and_stays_in_the_history(records: Records) -> None:
    response = next(ids)
    correct(records, response, "price")
    correct(records, response, themes=None)
    assert themes(records, response) == []
    assert corrections.history(records.engine, "exit_surveys", response)["themes"].to_list() == [None, ["price"]]


def test_the_same_id_in_two_sources_is_two_comments(records: Records) -> None:
    response = next(ids)
    correct(records, response, "price")
    correct(records, response, "slow", source="reviews")
    assert themes(records, response) == ["price"]


def test_every_correction_changes_the_version(records: Records) -> None:
    before = corrections.version(records.engine)
    number = correct(records, next(ids), "price")
    assert number == corrections.version(records.engine) > before


def test_the_later_clock_does_not_win_the_later_save_does(records: Records) -> None:
    response = next(ids)
    correct(records, response, "price", now=NOON + timedelta(days=1))
    correct(records, response, "slow", now=NOON)
    assert themes(records, response) == ["slow"]


chosen = st.lists(st.sampled_from(["price", "slow", "security", "oversold"]), max_size=4, unique=True)
saves = st.lists(
    st.tuples(st.sampled_from(["a", "b"]), st.none() | chosen, st.sampled_from(["ada", "bo", "cy"])), max_size=12
)


@given(saves=saves)
@limits(max_examples=25, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_after_any_saves_the_last_of_each_comment_counts_and_all_are_kept(records: Records, saves: Any) -> None:
    name = next(ids)
    expected: dict[str, list[Any]] = {"a": [], "b": []}
    for comment, picked, author in saves:
        correct(records, f"{name}{comment}", author=author, themes=picked)
        expected[comment].append((None if picked is None else picked or ["unclear"], author))
    for comment, versions in expected.items():
        assert themes(records, f"{name}{comment}") == ((versions[-1][0] or []) if versions else [])
        kept = corrections.history(records.engine, "exit_surveys", f"{name}{comment}").reverse()
        assert kept.select("themes", "author").rows() == versions
        assert kept["version"].is_sorted()
        assert kept["before"].to_list() == [None, *kept["themes"].to_list()][: len(versions)]


# --- at the same time ----------------------------------------------------------------------------------------------


def test_whoever_has_not_seen_the_latest_is_told_who_changed_it(records: Records) -> None:
    response = next(ids)
    seen = corrections.version(records.engine)
    number = correct(records, response, "price", author="ada", seen=seen)
    with pytest.raises(ChangedMeanwhile, match=r"ada changed this at 2026-11-15 12:00 UTC") as told:
        correct(records, response, "slow", author="bo", seen=seen)
    assert (told.value.author, told.value.value, told.value.version) == ("ada", ["price"], number)
    assert themes(records, response) == ["price"]
    assert correct(records, response, "slow", author="bo", seen=told.value.version) > number
    assert corrections.history(records.engine, "exit_surveys", response)["themes"].to_list() == [["slow"], ["price"]]


def test_a_change_to_another_comment_is_nobodys_business(records: Records) -> None:
    seen = corrections.version(records.engine)
    correct(records, next(ids), "price")
    assert correct(records, next(ids), "slow", seen=seen) > seen


def test_saving_the_same_again_after_a_lost_answer_is_saved_once(records: Records) -> None:
    response, seen = next(ids), corrections.version(records.engine)
    first = correct(records, response, "price", seen=seen)
    assert correct(records, response, "price", seen=seen) == first
    assert corrections.history(records.engine, "exit_surveys", response).height == 1


def test_of_two_who_save_at_once_one_is_told(records: Records) -> None:
    response, seen = next(ids), corrections.version(records.engine)

    def save(author: str) -> str:
        try:
            correct(records, response, "price", author=author, seen=seen)
        except ChangedMeanwhile as error:
            return f"{error.author} first"
        return "saved"

    with ThreadPoolExecutor(2) as pool:
        told = sorted(pool.map(save, ["ada", "bo"]))
    assert told in (["ada first", "saved"], ["bo first", "saved"])


def test_fifty_corrections_of_one_comment_at_once_are_all_kept_and_one_counts(empty: Records) -> None:
    def save(number: int) -> int:
        for _ in range(20):  # more at once than there are connections: some are asked to try again
            try:
                return correct(empty, "r1", f"theme_{number}", author=f"person {number}")
            except RecordsUnavailable:
                continue
        raise AssertionError("never saved")

    with ThreadPoolExecutor(50) as pool:
        numbers = list(pool.map(save, range(50)))
    kept = corrections.history(empty.engine, "exit_surveys", "r1")
    assert sorted(kept["version"]) == sorted(numbers)
    assert sorted(kept["themes"].list.first()) == sorted(f"theme_{number}" for number in range(50))
    assert themes(empty, "r1") == kept["themes"][0].to_list()
    assert kept["before"].to_list() == [*kept["themes"].to_list()[1:], None]
    assert corrections.version(empty.engine) == max(numbers)
    assert audit.entries(empty.engine).height == 50
    assert rows(empty.owner, "SELECT count(*) FROM tenure.subjects") == [(50,)]


def test_a_version_once_read_never_hides_an_earlier_save_that_was_still_under_way(empty: Records) -> None:
    """Ids are handed out before the commit: without the lock, 2 could be seen before 1, and 1 never be noticed."""

    def save(number: int) -> int:
        return correct(empty, f"r{number}", "price")

    with ThreadPoolExecutor(6) as pool:
        waiting = [pool.submit(save, number) for number in range(30)]
        while not all(future.done() for future in waiting):
            version = corrections.version(empty.engine)
            known = rows(empty.owner, f"SELECT count(*) FROM tenure.theme_corrections WHERE id <= {version}")
            assert known == [(version,)]
    assert all(future.result() for future in waiting)


# --- what is not accepted -------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("wrong", "says"),
    [
        ({"themes": ["a" * 65]}, "A theme's id has 65 characters.\n\nHint: at most 64 are kept"),
        ({"themes": ["price\0"]}, "A theme's id has a character that no text has: U+0000."),
        ({"themes": ["\ud800"]}, "A theme's id has a character that no text has: U+D800."),
        ({"themes": ["price", " "]}, "A theme's id is empty, or no text."),
        ({"themes": ["price", 7]}, "A theme's id is empty, or no text."),
        ({"themes": "price"}, 'themes is one text, not several.\n\nHint: pass ["price"]'),
        ({"themes": [f"t{i}" for i in range(9)]}, "A comment cannot have 9 themes.\n\nHint: choose at most 8"),
        ({"themes": ["unclear", "price"]}, '"unclear" says that a comment has no theme'),
        ({"themes": ["price", "no answer"]}, '"no answer" says that a comment has no theme'),
        ({"response_id": "r" * 501}, "response_id has 501 characters."),
        ({"response_id": ""}, "response_id is empty, or no text."),
        ({"source": "exit\nsurveys"}, "source has a character that no text has: U+000A."),
        ({"author": "x" * 321}, "The author's name has 321 characters."),
        ({"now": datetime(2026, 11, 15)}, "The time has no time zone."),
    ],
)
def test_what_cannot_be_kept_is_named(records: Records, wrong: dict[str, Any], says: str) -> None:
    before = corrections.version(records.engine)
    with pytest.raises(NotAccepted) as told:
        correct(records, wrong.pop("response_id", next(ids)), **{"themes": ["price"], **wrong})
    assert str(told.value).startswith(says)
    assert corrections.version(records.engine) == before


@given(text=st.text(st.characters(exclude_categories=("Cc", "Cs")), min_size=1, max_size=64).filter(str.strip))
@limits(max_examples=25, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_any_other_text_comes_back_as_it_went_in(records: Records, text: str) -> None:
    response = f"{next(ids)} {text}"
    correct(records, response, f"x{text}"[:64], author=text)
    found = corrections.history(records.engine, "exit_surveys", response)
    assert found.select("themes", "author").rows() == [([f"x{text}"[:64]], text)]


@pytest.mark.parametrize("text", ["'; DROP TABLE tenure.audit; --", "%s %(x)s :name", "{price,slow}", 'a"b\\c', "=1+1"])
def test_text_that_looks_like_code_is_text(records: Records, text: str) -> None:
    correct(records, f"{text} {next(ids)}", text, author=text)
    assert text in corrections.current(records.engine)["theme"].to_list()


def test_a_theme_chosen_twice_is_kept_once(records: Records) -> None:
    response = next(ids)
    correct(records, response, "price", "slow", "price")
    assert themes(records, response) == ["price", "slow"]
