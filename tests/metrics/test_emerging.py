import math
import tomllib
from collections import Counter
from dataclasses import replace
from pathlib import Path

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from metrics import emerging as module
from metrics.comment_groups import gram_vectors, groups
from metrics.emerging import as_toml, emerging
from metrics.spoken import Languages
from metrics.telling_words import log_odds, telling, words
from metrics.theme_vectors import SCHEMA, SIZE, sentence_vectors
from metrics.themes import Themes, comment_sentences, find_themes, load_themes

CONFIG = Path(__file__).parents[2] / "config" / "themes.toml"
PARKING = [
    "Nu există parcare la conferința voastră", "La conferință nu am găsit loc de parcare",
    "conferinta e mereu prea departe si fara parcare", "Conferința anuală este departe, iar parcarea lipsește",
    "Parcare la conferinta, va rog", "Am venit la conferință și parcarea era plină",
]  # fmt: skip
OWL = [
    "Nobody here can stand the cartoon owl", "The dancing owl makes us look like a kindergarten",
    "Please get rid of the owl mascot", "your owl is creepy", "The cartoon owl is embarrassing in front of clients",
    "Die Comic-Eule ist peinlich vor Kunden", "El búho de dibujos animados da vergüenza ajena",
]  # fmt: skip
DARK = [
    "My eyes hurt, where is dark mode", "Dark theme please, we work nights",
    "the white background is blinding at night", "A dark mode would spare our eyes on night shift",
    "Bitte endlich ein dunkles Design", "希望有深色模式",
]  # fmt: skip
NOISE = [
    "My colleague filled this in before me", "Ask me again after the summer", "We are a small bakery with two ovens",
    "Our auditor likes blue folders", "It was a long winter", "Seven out of ten because nobody is perfect",
    "The lift in our building is broken", "I only use it on Tuesdays", "Saludos desde Bilbao", "Viele Grüße aus Bremen",
    "Le nom est bizarre", "Vom vedea", "Salutări din Cluj", "Liftul e stricat", "Посмотрим", "我刚来一周",
]  # fmt: skip


@pytest.fixture(scope="module")
def themes() -> Themes:
    return load_themes(CONFIG)


def as_comments(texts: list[str], **columns: list) -> pl.DataFrame:
    return pl.DataFrame({"response_id": [f"r{number:05}" for number in range(len(texts))], "text": texts, **columns})


def all_unclear(comments: pl.DataFrame) -> pl.DataFrame:
    nothing = {name: pl.lit(None, pl.String) for name in ("evidence", "polarity")}
    return comments.select("response_id", theme=pl.lit("unclear"), score=pl.lit(None, pl.Float64), **nothing)


def pointing(comments: pl.DataFrame, places: list[int], seed: int = 0) -> pl.DataFrame:
    """Made-up vectors of the comments' sentences: those with the same place are near to each other; -1 to none."""
    random = np.random.default_rng(seed)
    place = dict(zip(comments["response_id"], places, strict=True))
    told = comment_sentences(comments)
    matrix = random.normal(size=(told.height, SIZE)) / math.sqrt(SIZE)
    for row, response in enumerate(told["response_id"]):
        if place[response] >= 0:
            matrix[row, place[response]] += 1.5
    matrix /= np.linalg.norm(matrix, axis=1, keepdims=True)
    return pl.DataFrame({"key": told["key"], "vector": matrix.astype(np.float32)}, schema=SCHEMA).unique("key")


# --- what the groups are --------------------------------------------------------------------------------------------


def test_three_planted_topics_and_a_romanian_one_are_found_in_the_noise(themes: Themes) -> None:
    comments = as_comments([*OWL, *DARK, *PARKING, *NOISE])
    vectors = sentence_vectors(comment_sentences(comments)["sentence"])
    found = emerging(all_unclear(comments), comments, vectors, themes=themes)
    planted = dict(
        zip(comments["response_id"], [*["owl"] * 7, *["dark"] * 6, *["parking"] * 6, *[""] * 16], strict=True)
    )
    topics = [Counter(planted[response] for response in row).most_common() for row in found["response_ids"]]
    assert sorted(topic for ((topic, _),) in topics) == ["dark", "owl", "parking"]  # each group is of one topic
    assert min(count for ((_, count),) in topics) >= 6
    told = {topic[0][0]: row for topic, row in zip(topics, found.iter_rows(named=True), strict=True)}
    assert told["owl"]["language"] == told["dark"]["language"] == "en"
    assert told["parking"]["language"] == "ro"
    assert "owl" in told["owl"]["words"]
    assert "dark" in told["dark"]["words"]
    assert {"conferință", "parcare"} <= set(told["parking"]["words"])


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_groups_of_three_topics_among_much_noise_are_those_planted(themes: Themes, seed: int) -> None:
    random = np.random.default_rng(seed)
    places = [int(place) for place in random.choice([-1, -1, -1, 0, 1, 2], size=300)]
    made = ["".join(chr(97 + letter) for letter in random.integers(0, 26, size=9)) for _ in places]
    comments = as_comments(made, language=["en"] * 300)
    found = emerging(all_unclear(comments), comments, pointing(comments, places, seed), themes=themes)
    place = dict(zip(comments["response_id"], places, strict=True))
    purities = [max(Counter(place[r] for r in row).values()) / len(row) for row in found["response_ids"]]
    assert len(purities) == 3
    assert min(purities) > 0.98
    assert found["comments"].sum() > 0.9 * sum(at >= 0 for at in places)


def test_a_group_is_named_in_its_language_and_counts_its_accounts_and_their_money(themes: Themes) -> None:
    texts = [*["Die Eule nervt"] * 4, "Die Eule ist peinlich", "Schönes Wetter heute", "Bis nächste Woche dann"]
    comments = as_comments(
        texts,
        account_id=["a", "a", "b", "c", None, "d", "e"],
        mrr=[500, 500, 300, None, 9, 1, 1],
        language=["de-AT"] * 7,
    )
    vectors = pointing(comments, [0] * 5 + [-1] * 2)
    (row,) = emerging(all_unclear(comments), comments, vectors, themes=themes).iter_rows(named=True)
    assert row == {
        "group": 1, "name": "Eule, nervt", "language": "de", "comments": 5, "accounts": 3, "mrr": 800,
        "response_ids": ["r00000", "r00001", "r00002", "r00003", "r00004"],
        "examples": row["examples"], "example_languages": ["de", "de"], "words": ["Eule", "nervt"],
    }  # fmt: skip
    assert sorted(row["examples"]) == ["Die Eule ist peinlich", "Die Eule nervt"]


def test_columns_of_accounts_and_money_are_there_only_when_comments_have_them(themes: Themes) -> None:
    comments = as_comments(["Die Eule nervt"] * 5)
    columns = emerging(all_unclear(comments), comments, pointing(comments, [0] * 5), themes=themes).columns
    assert columns == [
        "group", "name", "language", "comments", "response_ids", "examples", "example_languages", "words",
    ]  # fmt: skip
    owned = comments.with_columns(account_id=pl.lit("a"))
    found = emerging(all_unclear(owned), owned, pointing(owned, [0] * 5), themes=themes)
    assert found["accounts"].to_list() == [1]
    assert "mrr" not in found.columns
    paying = owned.with_columns(mrr=pl.lit(None, pl.Int64))
    assert emerging(all_unclear(paying), paying, pointing(paying, [0] * 5), themes=themes)["mrr"].to_list() == [None]


def test_four_alike_are_too_few_and_praise_and_known_themes_are_left_out(themes: Themes) -> None:
    comments = as_comments(["Die Eule nervt"] * 6)
    vectors, tagged = pointing(comments, [0] * 6), all_unclear(comments)
    assert emerging(tagged.head(4), comments, vectors, themes=themes).height == 0
    assert emerging(tagged.head(4), comments, vectors, themes=themes, least=4)["comments"].to_list() == [4]
    praised = tagged.with_columns(polarity=pl.Series(["praise"] * 2 + [None] * 4, dtype=pl.String))
    assert emerging(praised, comments, vectors, themes=themes).height == 0
    known = tagged.with_columns(theme=pl.Series(["price"] * 2 + ["unclear"] * 4))
    assert emerging(known, comments, vectors, themes=themes).height == 0


def test_no_comments_give_an_empty_frame_of_the_same_columns(themes: Themes) -> None:
    comments = as_comments(["Die Eule nervt"] * 5)
    vectors = pointing(comments, [0] * 5)
    some = emerging(all_unclear(comments), comments, vectors, themes=themes)
    none = emerging(all_unclear(comments).clear(), comments.clear(), vectors.clear(), themes=themes)
    assert none.height == 0
    assert none.schema == some.schema


@given(seed=st.integers(0, 1000))
@settings(max_examples=8)
def test_the_order_of_rows_and_comments_elsewhere_change_nothing(themes: Themes, seed: int) -> None:
    comments = as_comments([*PARKING, *OWL, *NOISE])
    vectors, tagged = pointing(comments, [0] * 6 + [1] * 7 + [-1] * 16), all_unclear(comments)
    one = emerging(tagged, comments, vectors, themes=themes)
    mixed = [frame.sample(fraction=1, shuffle=True, seed=seed) for frame in (tagged, comments, vectors)]
    assert one.equals(emerging(*mixed, themes=themes))


def test_hostile_comments_are_grouped_or_left_out_and_stay_inert(themes: Themes) -> None:
    hostile = [
        "<script>alert(1)</script><b>The owl</b> is \"creepy\"", "The owl\x00 is 'creepy'\u202e!",
        "THE OWL IS CREEPY 😡😡",
        "The owl is creepy. " + "owl " * 200_000, "The owl is creepy\\n[[themes]]\nid = 'price'", "🙃🙃🙃", "", "\x00",
    ]  # fmt: skip
    comments = as_comments([*hostile, *NOISE], language=["en"] * 24)
    vectors = pointing(comments, [0] * 8 + [-1] * 16)
    (row,) = emerging(all_unclear(comments), comments, vectors, themes=themes).iter_rows(named=True)
    assert row["comments"] == 5
    assert {"owl", "creepy"} == {word.lower() for word in row["words"]}
    shown = " ".join([row["name"], *row["examples"], *row["words"]])
    assert not {"<", ">", "\x00", "\u202e", "\n"} & set(shown)
    assert all(len(example) <= 400 for example in row["examples"])


def test_of_too_many_comments_a_fixed_choice_is_read(themes: Themes, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "MOST", 6)
    comments = as_comments(["Die Eule nervt"] * 20)
    vectors = pointing(comments, [0] * 20)
    first, second = (emerging(all_unclear(comments), comments, vectors, themes=themes) for _ in range(2))
    assert first["comments"].to_list() == [6]
    assert first.equals(second)


@pytest.mark.slow
def test_thousands_of_comments_are_grouped(themes: Themes) -> None:
    random = np.random.default_rng(1)
    vocabulary = {
        code: " ".join(t for theme in themes.all for t in theme.examples[code]).split() for code in ("en", "ro")
    }
    languages = [("en", "ro")[number % 2] for number in range(4_000)]
    texts = [" ".join(random.choice(vocabulary[code], 12)) for code in languages]
    comments = as_comments(texts, language=languages)
    vectors = pointing(comments, [int(place) for place in random.integers(-1, 120, size=4_000)])
    found = emerging(all_unclear(comments), comments, vectors, themes=themes)
    assert found.height > 50


# --- grouping -------------------------------------------------------------------------------------------------------


@given(st.lists(st.integers(-1, 4), max_size=60), st.integers(1, 6))
def test_every_row_is_in_one_group_at_most_and_groups_are_large_enough(places: list[int], least: int) -> None:
    matrix = np.zeros((len(places), 8), dtype=np.float32)
    for row, place in enumerate(places):
        if place >= 0:
            matrix[row, place] = 1
    found = groups(matrix, np.zeros((len(places), 4), dtype=np.float32), least=least)
    expected = [[row for row, at in enumerate(places) if at == place] for place in range(5)]
    wanted = sorted((group for group in expected if len(group) >= least), key=lambda group: (-len(group), group))
    assert [group for group in found if places[group[0]] >= 0] == wanted


def test_those_that_are_near_to_the_leader_only_are_no_group() -> None:
    star = np.zeros((9, 9), dtype=np.float32)
    star[0] = 1 / 3
    star[1:, 1:] = np.eye(8) * math.sqrt(1 - 0.45**2)
    star[1:, 0] = 0.45
    spokes = star @ star[0]
    assert (spokes >= 0.4).all()
    assert (star[1:] @ star[1:].T)[0, 1] < 0.4
    assert groups(star, np.zeros_like(star), least=5) == []


def test_words_with_other_endings_are_alike_by_letters() -> None:
    grams = gram_vectors([["parcare", "conferinta"], ["parcarea", "conferintei"], ["salutari", "cluj"], []])
    assert grams[0] @ grams[1] > 0.5
    assert abs(grams[0] @ grams[2]) < 0.2
    assert not grams[3].any()


# --- words and languages --------------------------------------------------------------------------------------------


def slow_log_odds(word: str, here: dict[str, int], everywhere: dict[str, int], prior: float) -> float:
    """Equations 15, 16, 19 and 22 of Monroe, Colaresi and Quinn, step by step."""
    rest = {name: count - here.get(name, 0) for name, count in everywhere.items()}
    alpha = {name: prior * count / sum(everywhere.values()) for name, count in everywhere.items()}
    n_i = n_j = alpha_0 = 0.0
    for name in everywhere:
        n_i += here.get(name, 0)
        n_j += rest[name]
        alpha_0 += alpha[name]
    y_i, y_j, a = here[word], rest[word], alpha[word]
    delta = math.log((y_i + a) / (n_i + alpha_0 - y_i - a)) - math.log((y_j + a) / (n_j + alpha_0 - y_j - a))
    return delta / math.sqrt(1 / (y_i + a) + 1 / (y_j + a))


@given(
    st.dictionaries(st.sampled_from("abcdefgh"), st.tuples(st.integers(0, 20), st.integers(0, 200)), min_size=2),
    st.floats(1, 200),
)
def test_log_odds_are_those_of_the_published_formula(counts: dict[str, tuple[int, int]], prior: float) -> None:
    here = {word: inside for word, (inside, _) in counts.items() if inside}
    everywhere = {word: inside + outside for word, (inside, outside) in counts.items() if inside + outside}
    if len(everywhere) < 2:
        return
    found = log_odds(here, everywhere, total=sum(everywhere.values()), prior=prior)
    assert found == pytest.approx({word: slow_log_odds(word, here, everywhere, prior) for word in here})


def test_one_comment_that_repeats_a_word_does_not_name_the_group() -> None:
    comments = ["spam " * 500, "the owl is odd", "an owl again", "owls, owl", "no owl please"]
    here = [words(text, frozenset({"the", "is", "no"})) for text in comments]
    rest = [words(f"something about topic{number} again please", frozenset()) for number in range(40)]
    everywhere = Counter(word for told in (*here, *rest) for word in told)
    assert telling(here, everywhere) == ["owl"]


def test_chinese_names_are_the_longest_runs_without_stop_words() -> None:
    texts = ["用户大会的停车位", "没有停车位", "停车位在哪里", "我们想要停车位"]
    here = [words(text, frozenset({"的", "我们"})) for text in texts]
    everywhere = Counter(word for told in here for word in told)
    everywhere.update({f"词{number}": 5 for number in range(40)})
    assert telling(here, everywhere)[:1] == ["停车位"]
    assert not any("的" in word or "我们" in word for word in everywhere)


@pytest.mark.parametrize(
    ("text", "declared", "language"),
    [
        ("Liftul e stricat", None, "ro"), ("Mal sehen", None, "de"),
        ("The lift is broken and we are not happy with it", "de", "en"), ("ok", "fr-CA", "fr"),
        ("Va bene così", "it", "it"), ("Посмотрим", None, "ru"), ("大会", "en", "zh"),
        ("مرحبا", None, None), ("12", None, None), ("", "es", None), ("<>", "!!", None),
    ],
)  # fmt: skip
def test_the_language_of_a_few_words_is_told(
    themes: Themes, text: str, declared: str | None, language: str | None
) -> None:
    assert Languages(themes).of(text, declared) == language


# --- a group as a theme ---------------------------------------------------------------------------------------------


def a_group(**changed: object) -> dict[str, object]:
    return {
        "name": "owl, mascot", "words": ["owl", "mascot"],
        "examples": ["The owl is creepy"], "example_languages": ["en"],
    } | changed  # fmt: skip


def test_a_group_copied_to_the_end_of_the_file_is_a_theme_that_finds_its_comments(themes: Themes) -> None:
    comments = as_comments([*OWL, *NOISE])
    vectors = sentence_vectors(comment_sentences(comments)["sentence"])
    group = emerging(all_unclear(comments), comments, vectors, themes=themes).row(0, named=True)
    longer = load_themes(CONFIG.read_text(encoding="utf-8") + "\n" + as_toml(group, taken=[t.id for t in themes.all]))
    new = longer.all[-1]
    assert new.id.startswith("owl")
    assert (new.regrettable, new.play) == (None, "one_question")
    alone = replace(longer, all=(new,))  # the other themes' examples take long to encode
    found = find_themes(comments, alone).filter(pl.col("theme") == new.id)["response_id"].to_list()
    owls = comments["response_id"].to_list()[: len(OWL)]
    assert len(set(found) & set(owls)) >= 5
    assert set(found) <= set(owls)


@given(
    st.lists(st.tuples(st.text(), st.sampled_from(["en", "zh", "ro", None])), max_size=4),
    st.text(),
    st.lists(st.text(), max_size=3),
)
def test_whatever_the_comments_hold_the_block_is_one_theme_of_them(
    told: list[tuple[str, str | None]], name: str, telling_words: list[str]
) -> None:
    block = as_toml(
        a_group(
            name=name, words=telling_words,
            examples=[text for text, _ in told], example_languages=[code for _, code in told],
        )
    )  # fmt: skip
    (theme,) = tomllib.loads(block)["themes"]
    read = [(text, code) for code, texts in theme.get("examples", {}).items() for text in texts]
    assert sorted(read) == sorted((text, code) for text, code in told if code is not None)
    assert load_themes('[languages.en]\nscript = "latin"\n[languages.zh]\nscript = "han"\n[languages.ro]\n'
                       'script = "latin"\n' + block).all[0].name == theme["name"]  # fmt: skip


@pytest.mark.parametrize(
    "text",
    ['a "quoted" \\ text', "two\nlines\r\n\ttabbed", "\x00\x1b[31m\x7f\x85", "\u202egnp.exe\u200b", "👩‍💻 😡",
     "'''\"\"\"", "]]\n[[themes]]\nid = \"price\"", "# no remark", "\u2028\ufeff", "${x} {{y}} %s"],
)  # fmt: skip
def test_awkward_examples_come_back_as_they_were_and_show_no_control_characters(text: str) -> None:
    block = as_toml(a_group(examples=[text, text], example_languages=["en", None]), id=text)
    (theme,) = tomllib.loads(block)["themes"]
    assert theme["examples"]["en"] == [text]
    assert theme["id"] == text
    assert not {"\x00", "\x1b", "\x7f", "\x85", "\u202e", "\u200b", "\r", "\t", "\u2028", "\ufeff"} & set(block)


def test_ids_come_from_the_words_or_a_hash_and_are_never_taken_twice() -> None:
    def id_of(group: dict[str, object], **options: object) -> str:
        return tomllib.loads(as_toml(group, **options))["themes"][0]["id"]

    assert id_of(a_group()) == "owl_mascot"
    assert id_of(a_group(words=["Réunion", "Über"])) == "reunion_uber"
    assert id_of(a_group(words=["сова"], name="сова")) == "theme_5799b78d"
    assert id_of(a_group(words=["price"]), taken=["price", "price_2"]) == "price_3"
    assert id_of(a_group(words=["unclear"])) == "unclear_2"
    assert id_of(a_group(), id="our_owl") == "our_owl"
    for wrong in ("", " ", "unclear", "no answer"):
        with pytest.raises(ValueError, match="cannot have the id"):
            as_toml(a_group(), id=wrong)


def test_half_a_character_cannot_break_the_file() -> None:
    assert tomllib.loads(as_toml(a_group(examples=["\ud83d owl"])))["themes"][0]["examples"] == {"en": ["\ufffd owl"]}
