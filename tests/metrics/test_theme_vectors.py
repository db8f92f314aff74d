import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from metrics import theme_likeness, theme_vectors
from metrics.theme_file import load_themes
from metrics.theme_grams import grams, learn_grams, products
from metrics.theme_likeness import likeness
from metrics.theme_vectors import SCHEMA, sentence_vectors, text_key
from metrics.themes import comment_sentences, example_sentences, find_themes

SAID = ["Far too expensive.", "Viel zu teuer.", "The search takes forever.", "Nobody answers the phone.", "太贵了。"]
SMALL = """
[languages.en]
script = "latin"
words = "the is too"
[[themes]]
id = "price"
patterns.en = ["expensive"]
examples.en = ["It is too expensive for us.", "We cannot afford it any more.", "The price went up a lot."]
[[themes]]
id = "slow"
patterns.en = ["slow", "load"]
examples.en = ["Pages take ages to load.", "Everything is so slow.", "The search takes forever."]
[neutral]
en = ["It is what it is.", "I will explain by phone."]
"""


class Encoder:
    """Counts what it is asked for; the vector of a text depends on its letters alone."""

    def __init__(self) -> None:
        self.asked: list[str] = []

    def encode(self, texts: list[str]) -> np.ndarray:
        self.asked += texts
        vectors = [np.random.default_rng(abs(hash(text))).normal(size=512) for text in texts]
        return np.array([vector / np.linalg.norm(vector) for vector in vectors], dtype=np.float32)


@pytest.fixture
def encoder(monkeypatch: pytest.MonkeyPatch) -> Encoder:
    encoder = Encoder()
    monkeypatch.setattr(theme_vectors, "_encoder", lambda: encoder)
    monkeypatch.setattr(theme_likeness, "_REMEMBERED", {})
    return encoder


def matrix(vectors: pl.DataFrame) -> np.ndarray:
    return vectors["vector"].to_numpy().astype(np.float64)


# --- vectors --------------------------------------------------------------------------------------------------------


def test_each_distinct_sentence_has_one_vector_of_length_one_in_the_order_they_came() -> None:
    found = sentence_vectors([*SAID, *SAID])
    assert found.schema == SCHEMA
    assert found["key"].to_list() == [text_key(text) for text in SAID]
    assert np.linalg.norm(matrix(found), axis=1) == pytest.approx(np.ones(5), abs=1e-5)


def test_what_means_the_same_is_nearer_than_what_does_not_across_languages() -> None:
    english, german, search, phone, chinese = matrix(sentence_vectors(SAID))
    assert min(english @ german, english @ chinese) > 0.6
    assert max(english @ search, english @ phone) < 0.4


def test_a_sentence_has_the_same_vector_whatever_it_is_encoded_with() -> None:
    alone = np.vstack([matrix(sentence_vectors([text])) for text in SAID])
    others = [f"Another sentence, number {number}." for number in range(150)]
    together = matrix(sentence_vectors([*others, *SAID]))[-5:]
    assert np.abs(alone - together).max() < 1e-5


def test_known_vectors_are_taken_as_they_are_and_only_the_rest_is_encoded(encoder: Encoder) -> None:
    known = pl.DataFrame({"key": [text_key("Slow.")], "vector": np.ones((1, 512), dtype=np.float32)}, SCHEMA)
    found = sentence_vectors(["New.", "Slow."], known=known)
    assert encoder.asked == ["New."]
    assert found["key"].to_list() == [text_key("New."), text_key("Slow.")]
    assert matrix(found)[1].tolist() == [1.0] * 512


def test_ten_thousand_identical_comments_are_encoded_once(encoder: Encoder) -> None:
    themes = load_themes(SMALL)
    comments = pl.DataFrame({"response_id": range(10_000), "text": ["How strange this is."] * 10_000})
    assert find_themes(comments, themes).height == 10_000
    assert sorted(encoder.asked) == sorted(["How strange this is.", *example_sentences(themes)])


def test_nothing_is_encoded_where_all_vectors_are_known_or_none_are_wanted(encoder: Encoder) -> None:
    themes = load_themes(SMALL)
    comments = pl.DataFrame({"response_id": [1, 2], "text": ["How strange. And slow.", None]})
    vectors = sentence_vectors([*comment_sentences(comments)["sentence"], *example_sentences(themes)])
    encoder.asked.clear()
    with_vectors = find_themes(comments, themes, vectors=vectors)
    assert find_themes(comments, themes, encode=False).columns == with_vectors.columns
    assert encoder.asked == []


def test_progress_tells_how_many_of_the_new_ones_are_done(encoder: Encoder) -> None:
    told: list[tuple[int, int]] = []
    texts = [f"number {number}" for number in range(130)]
    known = sentence_vectors(texts[:2])
    sentence_vectors(texts, known=known, progress=lambda done, total: told.append((done, total)))
    assert told == [(64, 128), (128, 128)]


def test_no_sentences_have_no_vectors() -> None:
    assert sentence_vectors([]).schema == SCHEMA


@pytest.mark.parametrize("text", ["", " ", "😡😡😡", "\x00", "\u202eToo expensive", "غالي جدا", "\ud800", "a" * 5000])
def test_any_text_has_a_vector(text: str) -> None:
    assert np.isfinite(matrix(sentence_vectors([text]))).all()


@settings(max_examples=20, deadline=None)
@given(st.lists(st.text(max_size=40), max_size=6))
def test_any_texts_have_as_many_vectors_as_there_are_distinct_ones(texts: list[str]) -> None:
    found = sentence_vectors(texts)
    assert found["key"].to_list() == [text_key(text) for text in dict.fromkeys(texts)]


def test_a_key_is_32_hexadecimal_digits_and_does_not_show_the_text() -> None:
    assert text_key("Far too expensive.") == "2052f5197fad9603d33376f492c7ac81"


# --- letters --------------------------------------------------------------------------------------------------------


@given(st.lists(st.text("ab 太贵", max_size=12), min_size=1, max_size=6))
def test_products_are_those_of_the_weights_written_out(texts: list[str]) -> None:
    learned = learn_grams(texts)
    weighted = [learned.weights(text) for text in texts]
    full = np.zeros((len(texts), len(learned.rows)))
    for position, (rows, weights) in enumerate(weighted):
        full[position, rows] = weights
    assert products(weighted, len(learned.rows)) == pytest.approx(full @ full.T)
    assert [bool(grams(text)) for text in texts] == [np.isclose(row @ row, 1) for row in full]


# --- likeness to the examples ---------------------------------------------------------------------------------------


def scores(texts: list[str], text: str = SMALL, **options: float) -> dict[tuple[str, str], float]:
    return {(said, theme): score for said, theme, score in likeness(texts, load_themes(text), **options).iter_rows()}


def test_likeness_is_the_regression_that_a_plain_solution_of_the_equations_gives() -> None:
    themes = load_themes(SMALL)
    examples = [(theme.id, text) for theme in themes.all for text in theme.examples["en"]]
    examples += [("", text) for text in themes.neutral["en"]]
    said = "It costs too much and loads slowly."
    vectors = matrix(sentence_vectors([text for _, text in examples] + [said]))
    learned = learn_grams([text for _, text in examples])
    letters = np.zeros((9, len(learned.rows)))
    for row, text in enumerate([*(text for _, text in examples), said]):
        places, weights = learned.weights(text)
        letters[row, places] = weights
    kernel = 0.5 * np.exp(2 * (vectors @ vectors.T - 1)) + 0.5 * letters @ letters.T
    for theme in ("price", "slow"):
        target = np.array([float(theme == own) for own, _ in examples])
        weights = np.linalg.inv(kernel[:8, :8] + 0.3 * np.eye(8)) @ target
        assert scores([said])[said, theme] == pytest.approx(kernel[8, :8] @ weights, abs=1e-4)


def test_a_paraphrase_without_a_word_in_common_is_alike() -> None:
    found = scores(["We do not have the money for this.", "Die Suche dauert ewig."])
    assert found["We do not have the money for this.", "price"] > 0.26
    assert found["Die Suche dauert ewig.", "slow"] > 0.26
    assert max(found["We do not have the money for this.", "slow"], found["Die Suche dauert ewig.", "price"]) < 0.15


def test_what_is_near_a_neutral_sentence_is_like_no_theme() -> None:
    assert max(scores(["It is what it is!"]).values()) < 0.1


def test_praise_is_learned_as_such() -> None:
    told = SMALL + '[praise.en]\nexamples = ["We love it.", "Great product!"]\n'
    assert scores(["We really love this product."], told)["We really love this product.", "+"] > 0.26


def test_a_merged_theme_teaches_the_other() -> None:
    told = SMALL.replace('id = "slow"\n', 'id = "slow"\nmerged_into = "price"\n')
    assert {theme for _, theme in scores(["Slow."], told)} == {"price"}


def test_a_theme_without_examples_is_not_compared() -> None:
    told = SMALL.replace('examples.en = ["Pages', '# ["Pages')
    assert {theme for _, theme in scores(["Slow."], told)} == {"price"}
    assert scores(["Slow."], '[languages.en]\nscript = "latin"\n[[themes]]\nid = "a"\n') == {}


def test_another_set_of_vectors_is_learned_anew() -> None:
    themes, said = load_themes(SMALL), "Pages take ages to load."
    vectors = sentence_vectors(example_sentences(themes))
    flat = vectors.with_columns(vector=pl.Series(np.tile(matrix(vectors)[0], (8, 1)).astype(np.float32)))
    slow = [likeness([said], themes, vectors=known).filter(theme="slow")["score"][0] for known in (vectors, flat)]
    assert slow[0] > slow[1] + 0.02
