import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from metrics import theme_learning, theme_ridge
from metrics.theme_learning import Classifier, agreement, comment_vectors, join, learn
from metrics.theme_vectors import SIZE, sentence_vectors
from metrics.themes import comment_sentences

FOUND = {
    "response_id": pl.String,
    "theme": pl.String,
    "score": pl.Float64,
    "evidence": pl.String,
    "polarity": pl.String,
}


def unit(*places: int, noise: int | None = None) -> list[float]:
    """A vector that points to `places`, a little off by a `noise` of its own."""
    vector = np.zeros(SIZE)
    vector[list(places)] = 1
    if noise is not None:
        vector += np.random.default_rng(noise).normal(size=SIZE) * 0.02
    return list(vector / np.linalg.norm(vector))


def vectors_of(by_id: dict[str, list[float]]) -> pl.DataFrame:
    return pl.DataFrame(
        {"response_id": list(by_id), "vector": list(by_id.values())},
        schema={"response_id": pl.String, "vector": pl.Array(pl.Float32, SIZE)},
    )


def found_as(by_id: dict[str, str]) -> pl.DataFrame:
    """What the rules found: "unclear", "praise" (of nothing in particular), or a theme."""
    rows = [
        ("unclear", None, None, "praise" if name == "praise" else None)
        if name in ("unclear", "praise")
        else (name, 0.9, "As said.", "complaint")
        for name in by_id.values()
    ]
    return pl.DataFrame([(key, *row) for key, row in zip(by_id, rows, strict=True)], schema=FOUND, orient="row")


def chosen_as(by_id: dict[str, str]) -> pl.DataFrame:
    return pl.DataFrame({"response_id": list(by_id), "theme": list(by_id.values())})


@pytest.fixture(scope="module")
def taught() -> tuple[pl.DataFrame, pl.DataFrame, pl.DataFrame]:
    """60 comments on three things; the rules know the first, leave the second open, and all but a few are corrected."""
    themes = {f"{number:02}": ("price", "slow", "unclear")[number % 3] for number in range(60)}
    vectors = vectors_of({key: unit(int(key) % 3, noise=int(key)) for key in themes})
    found = found_as({key: "price" if theme == "price" else "unclear" for key, theme in themes.items()})
    return found, chosen_as(themes), vectors


# --- comment vectors ------------------------------------------------------------------------------------------------


def test_a_comment_is_the_mean_of_its_sentences_at_length_one_and_nothing_without_vectors() -> None:
    sentences = pl.DataFrame(
        {"response_id": ["a", "b", "a", "c"], "sentence": ["x", "x", "y", "z"], "key": ["x", "x", "y", "z"]}
    )
    schema = {"key": pl.String, "vector": pl.Array(pl.Float32, SIZE)}
    vectors = pl.DataFrame({"key": ["x", "y"], "vector": [unit(0), unit(1)]}, schema=schema)
    means = comment_vectors(sentences, vectors)
    assert means["response_id"].to_list() == ["a", "b"]
    assert np.allclose(means["vector"].to_numpy()[:, :2], [[0.5**0.5, 0.5**0.5], [1, 0]])
    assert comment_vectors(sentences.clear(), vectors).schema == means.schema


# --- learning -------------------------------------------------------------------------------------------------------


def test_what_people_choose_for_open_comments_is_found_in_the_next_ones(taught) -> None:
    found, corrections, vectors = taught
    classifier = learn(corrections, vectors, found=found)
    assert classifier is not None
    new = vectors_of({"new": unit(1, noise=99), "other": unit(2, noise=98), "known": unit(0, noise=97)})
    classified = classifier.themes_of(new)
    assert classified.select("response_id", "theme").rows() == [("new", "slow"), ("known", "price")]
    before = found_as({"new": "unclear", "other": "unclear", "known": "price"})
    assert join(before, classified).select("response_id", "theme", "polarity").rows() == [
        ("new", "slow", "complaint"), ("other", "unclear", None), ("known", "price", "complaint"),
    ]  # fmt: skip


def test_fewer_than_thirty_corrections_teach_nothing_and_thirty_do(taught) -> None:
    found, corrections, vectors = taught
    assert learn(corrections.head(29), vectors, found=found) is None
    assert learn(corrections.head(30), vectors, found=found) is not None
    assert learn(corrections.head(29), vectors, found=found, least=29) is not None


def test_a_theme_of_two_corrected_comments_is_not_learned_and_one_of_three_is(taught) -> None:
    found, corrections, vectors = taught

    def learned(rare: int) -> set[str]:
        slow = corrections.filter(pl.col("theme") == "slow")["response_id"].to_list()
        few = corrections.filter((pl.col("theme") != "slow") | pl.col("response_id").is_in(slow[:rare]))
        classifier = learn(few, vectors, found=found)
        return set() if classifier is None else set(classifier.themes)

    assert "slow" not in learned(2)
    assert "slow" in learned(5)


def test_corrections_of_unknown_comments_and_of_the_wrong_kind_of_id_are_left_out(taught) -> None:
    found, corrections, vectors = taught
    stray = chosen_as({"elsewhere": "price"})
    one = learn(pl.concat([stray, corrections]), vectors, found=found)
    other = learn(corrections, vectors, found=found)
    assert np.array_equal(one.weights, other.weights)
    numbered = vectors.with_columns(pl.col("response_id").cast(pl.Int64))
    assert learn(stray, numbered, least=0) is None
    assert learn(corrections.clear(), vectors, least=0) is None


def test_praise_and_comments_with_a_theme_are_never_touched() -> None:
    found = found_as({"a": "unclear", "b": "praise", "c": "price"})
    rows = [(key, "slow", 0.8, "So slow.") for key in "abc"]
    classified = pl.DataFrame(rows, schema=list(FOUND)[:4], orient="row")
    assert join(found, classified).rows() == [
        ("a", "slow", 0.8, "So slow.", "complaint"),
        ("b", "unclear", None, None, "praise"),
        ("c", "price", 0.9, "As said.", "complaint"),
    ]
    assert join(found, classified.clear()).equals(found)
    assert join(found.clear(), classified).schema == found.schema


def test_an_added_theme_shows_the_sentence_that_by_itself_scores_highest() -> None:
    weights = np.array([unit(0), unit(1)]).T
    classifier = Classifier(("slow", "evidence"), weights, np.array([0.3, 0.3]))
    sentences = pl.DataFrame({
        "response_id": ["a"] * 3, "sentence": ["Hello.", "It crawls.", "And it is dear."], "key": ["h", "s", "p"],
    })  # fmt: skip
    schema = {"key": pl.String, "vector": pl.Array(pl.Float32, SIZE)}
    vectors = pl.DataFrame({"key": ["h", "s", "p"], "vector": [unit(5), unit(0), unit(1)]}, schema=schema)
    found = classifier.themes_of(comment_vectors(sentences, vectors), sentences, vectors)
    assert sorted(found.select("theme", "evidence").rows()) == [("evidence", "And it is dear."), ("slow", "It crawls.")]
    assert found["score"].is_between(0.5, 1).all()


@given(seed=st.integers(0, 50))
@settings(max_examples=4)
def test_the_order_of_rows_changes_nothing(taught, seed: int) -> None:
    found, corrections, vectors = taught
    mixed = [frame.sample(fraction=1, shuffle=True, seed=seed + place) for place, frame in enumerate(taught)]
    one, other = learn(corrections, vectors, found=found), learn(mixed[1], mixed[2], found=mixed[0])
    assert one.themes == other.themes
    assert np.array_equal(one.weights, other.weights)
    assert np.array_equal(one.thresholds, other.thresholds)
    assert agreement(found, corrections, vectors).equals(agreement(*mixed))


@pytest.mark.parametrize("rows", [40, 700])
def test_the_weights_are_those_that_an_independent_solver_finds(rows: int) -> None:
    random = np.random.default_rng(1)
    vectors, chosen = random.normal(size=(rows, 60)) / 8, random.random((rows, 2)) < 0.3
    for theme, weights in enumerate(theme_ridge.ridge(vectors, chosen).T):
        target = np.where(chosen[:, theme], (rows / chosen[:, theme].sum()) ** 0.25, -1)
        stacked = np.vstack([vectors, np.sqrt(0.3) * np.eye(60)])  # ridge as least squares with extra rows
        expected = np.linalg.lstsq(stacked, np.concatenate([target, np.zeros(60)]), rcond=None)[0]
        assert np.allclose(weights, expected)


# --- agreement ------------------------------------------------------------------------------------------------------


def test_agreement_says_how_much_the_classifier_helps(taught) -> None:
    found, corrections, vectors = taught
    rows = {row["method"]: row for row in agreement(found, corrections, vectors).iter_rows(named=True)}
    assert rows["without"]["comments"] == rows["with"]["comments"] == 60
    assert rows["without"]["precision"] == 1
    assert rows["without"]["recall"] == 0.5
    assert round(rows["without"]["f1"], 4) == 0.6667
    assert rows["without"]["low"] < 0.6667 < rows["without"]["high"]
    assert rows["with"]["f1"] > 0.95


def test_agreement_of_few_corrections_is_known_only_without_the_classifier(taught) -> None:
    found, corrections, vectors = taught
    few = agreement(found, corrections.head(3), vectors)
    assert few.select("method", "comments").rows() == [("without", 3), ("with", 3)]
    assert few["f1"].to_list() == [2 / 3, None]
    assert agreement(found, corrections.clear(), vectors).rows() == [
        ("without", 0, None, None, None, None, None), ("with", 0, None, None, None, None, None),
    ]  # fmt: skip


def test_corrected_comments_without_a_vector_count_with_what_the_rules_found(taught) -> None:
    found, corrections, vectors = taught
    silent = agreement(found, corrections.head(3), vectors.filter(pl.col("response_id") != "01"))
    assert silent.row(0)[1:5] == (3, 1.0, 0.5, 2 / 3)


def test_a_comments_own_correction_never_influences_its_own_prediction() -> None:
    random = np.random.default_rng(4)
    labels = np.arange(60) % 3
    vectors = np.eye(SIZE)[labels] + random.normal(size=(60, SIZE)) * 0.04  # hard to tell apart
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)

    def predicted(labels: np.ndarray) -> np.ndarray:
        chosen = labels[:, None] == np.array([1, 2])
        told = theme_ridge.Taught(vectors, chosen, np.zeros_like(chosen), np.ones(60, dtype=bool))
        return theme_learning._cross_validated(told, 5, 0)

    before = predicted(labels)
    assert 10 < before.sum() < 45
    for number in range(60):
        for label in {0, 1, 2} - {labels[number]}:
            changed = labels.copy()
            changed[number] = label
            assert (predicted(changed)[number] == before[number]).all()


@given(texts=st.lists(st.integers(0, 8), min_size=1, max_size=40), seed=st.integers(0, 3))
def test_comments_of_the_same_text_stay_in_one_fold_and_folds_are_of_like_size(texts: list[int], seed: int) -> None:
    matrix = np.array([unit(text) for text in texts])
    folds = theme_ridge.fold_of(matrix, folds=5, seed=seed)
    assert len({(text, fold) for text, fold in zip(texts, folds, strict=True)}) == len(set(texts))
    sizes = [len({text for text, at in zip(texts, folds, strict=True) if at == fold}) for fold in range(5)]
    assert max(sizes) - min(sizes) <= 1


def test_the_classifier_learns_from_real_comments_what_the_rules_do_not_know() -> None:
    dark = [
        "Dark mode please, we work nights.", "The white background blinds me at night.", "I need a dark theme.",
        "My eyes hurt without a dark mode.", "Bitte ein dunkles Design.", "Il faudrait un thème sombre.",
        "Hace falta un modo oscuro.", "Нужна тёмная тема.", "希望有深色模式", "A dark theme would spare our eyes.",
    ]  # fmt: skip
    other = [
        "We will see next year.", "My boss answers surveys.", "I am new here.", "Ask me after the summer.",
        "Our trade fair starts tomorrow.", "Greetings from Norway.", "As discussed on the phone.", "Mal sehen.",
        "Comme d'habitude.", "Ya veremos.", "Посмотрим.", "再看看吧", "It was a long winter.", "The lift is broken.",
        "I prefer paper for some things.", "We are a small bakery.", "I rarely give a ten.", "Wie immer.",
        "Demandez à mon chef.", "Saludos desde Bilbao.",
    ]  # fmt: skip
    new = {"Please give us a dark mode for the night shift.": "dark", "The canteen is closed on Fridays.": "unclear"}
    texts = [*dark, *other, *new]
    comments = pl.DataFrame({"response_id": [f"{number:02}" for number in range(len(texts))], "text": texts})
    sentences = comment_sentences(comments)
    vectors = sentence_vectors(sentences["sentence"])
    means = comment_vectors(sentences, vectors)
    found = comments.select("response_id", theme=pl.lit("unclear"), score=pl.lit(None, pl.Float64))
    found = found.with_columns(evidence=pl.lit(None, pl.String), polarity=pl.lit(None, pl.String))
    corrections = chosen_as({f"{number:02}": "dark" if number < 10 else "unclear" for number in range(30)})
    classifier = learn(corrections, means, found=found)
    joined = join(found, classifier.themes_of(means, sentences, vectors)).tail(2)
    assert joined["theme"].to_list() == list(new.values())
    assert joined["evidence"].to_list() == [next(iter(new)), None]
