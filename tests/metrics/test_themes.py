import time
from pathlib import Path

import polars as pl
import pytest

from bench import themes as bench
from demo import phrases
from metrics.theme_vectors import sentence_vectors, text_key
from metrics.themes import (
    Themes,
    ThemesError,
    comment_sentences,
    correct,
    find_themes,
    load_themes,
    reason_themes,
    tag_themes,
    theme_names,
)
from tests.metrics.theme_comments import COMMENTS

CONFIG = Path(__file__).parents[2] / "config" / "themes.toml"
LANGUAGES = ("en", "de", "fr", "es", "ru", "zh", "ro")
HEAD = '[languages.en]\nscript = "latin"\n[[themes]]\nid = "price"\nname = "Price"\n'


@pytest.fixture(scope="module")
def themes() -> Themes:
    return load_themes(CONFIG)


def tagged(themes: Themes, *texts: str | None, **options: pl.DataFrame) -> list[str]:
    """The themes of each text in one string; `+theme` is praise, `+` praise of nothing in particular."""
    ids = [str(number) for number in range(len(texts))]
    found = tag_themes(
        pl.DataFrame({"response_id": ids, "text": texts}, schema_overrides={"text": pl.String}), themes, **options
    )
    by_id: dict[str, list[str]] = {number: [] for number in ids}
    for number, theme, polarity in found.select("response_id", "theme", "polarity").iter_rows():
        name = theme if polarity != "praise" else "+" + ("" if theme == "unclear" else theme)
        by_id[number].append(name)
    return [" ".join(sorted(names)) for names in by_id.values()]


# --- what comments mean ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize("language", LANGUAGES)
def test_comments_of_every_language_have_the_themes_a_reader_would_give_them(themes: Themes, language: str) -> None:
    texts, expected = zip(*COMMENTS[language], strict=True)
    assert dict(zip(texts, tagged(themes, *texts), strict=True)) == {
        text: " ".join(sorted(names.split(" "))) for text, names in zip(texts, expected, strict=True)
    }


@pytest.mark.parametrize("language", LANGUAGES)
def test_at_least_six_in_ten_demo_comments_are_tagged_right(themes: Themes, language: str) -> None:
    # The demo's themes are coarser: it has no theme of its own for these.
    narrower = {
        "price": {"budget_cut"},
        "competitor": {"built_in_house", "champion_left"},
        "not_enough_value": {"champion_left", "wrong_size", "project_ended"},
        "missing_feature": {"wrong_size"},
    }
    book = phrases.book(language)
    truth = {text: key.split("+") for part in ("exit", "nps") for key in book[part] for text in book[part][key]}
    right = 0
    for wanted, names in zip(truth.values(), tagged(themes, *truth), strict=True):
        found = set(names.split(" "))
        complaints = {name for name in found if not name.startswith("+")} - {"unclear"}
        if wanted == ["praise"]:
            right += not complaints
        else:
            right += all(complaints & ({theme} | narrower.get(theme, set())) for theme in wanted)
    assert right / len(truth) >= 0.6, f"{right} of {len(truth)}"


def test_comments_that_nobody_tuned_on_are_understood(themes: Themes) -> None:
    comments = bench.read(bench.HELD_OUT)
    f1 = {name: row["f1"] for name, row in bench.agreement(comments, themes)["complaints"].items()}
    comments.clear()  # nobody shall read them in a failure either
    short = {name: (f1[name], goal) for name, goal in bench.GOALS.items() if f1[name] < goal}
    assert not short, f"F1 of complaints below the goal: {short}"


def test_comments_to_tune_on_are_understood_better_with_vectors_than_without(themes: Themes) -> None:
    comments = bench.read(bench.TUNING)
    with_vectors, without = (bench.agreement(comments, themes, encode=on)["complaints"] for on in (True, False))
    assert with_vectors["all"]["f1"] > without["all"]["f1"] > 0.75


def test_meaning_is_found_in_words_that_no_pattern_knows_and_languages_that_none_is_written_in(themes: Themes) -> None:
    expected = {
        "My tea goes cold while the screen loads.": "slow",
        "È troppo costoso per noi.": "price",
        "Het is veel te duur geworden.": "price",
        "O suporte nunca responde.": "slow_support",
    }
    assert dict(zip(expected, tagged(themes, *expected), strict=True)) == expected


def test_a_pattern_does_not_count_where_the_examples_say_something_else() -> None:
    other = '[[themes]]\nid = "champion_left"\n'
    text = HEAD + 'patterns.en = ["colleague"]\nexamples.en = ["It costs too much.", "The price went up."]\n' + other
    examples = 'examples.en = ["The woman who ran it has left.", "Nobody here knows it since she left."]\n'
    said = "The colleague who ran it has left us."
    assert tagged(load_themes(text), said) == ["price"]
    assert tagged(load_themes(text + examples), said) == ["champion_left"]


def test_a_denied_complaint_is_none(themes: Themes) -> None:
    texts = [
        "Nothing wrong with the price.", "Support was not the problem.", "Der Preis war nicht das Problem.",
        "Le prix n'est pas le problème.", "El precio no es el problema.", "Дело не в цене.", "价格不是问题。",
        "Nu prețul e problema.", "See you next spring!", "I will explain by phone.",
    ]  # fmt: skip
    assert tagged(themes, *texts) == ["unclear"] * len(texts)


def test_praise_is_told_from_complaint(themes: Themes) -> None:
    expected = {
        "Never had an outage in two years.": "+unreliable",
        "The price is fair and support answers in minutes.": "+price +slow_support",
        "Super Support, fairer Preis.": "+price +slow_support",
        "Nunca se cae, muy fiable.": "+unreliable",
        "Support isn't great.": "slow_support",
        "Not easy to use.": "hard_to_use",
        "Great support, slow app.": "+slow_support slow",
        "Great product, price, support.": "+",
        "Price, support.": "price slow_support",
        "Support used to be wonderful. Now nobody answers.": "slow_support",
        "Merci pour ces trois années.": "+",
    }
    assert dict(zip(expected, tagged(themes, *expected), strict=True)) == expected


def test_several_sentences_give_several_themes_each_with_the_sentence_that_says_it(themes: Themes) -> None:
    text = "We liked you.\nSupport never answered!  It is also far <b>too expensive</b>. Bye."
    found = tag_themes(pl.DataFrame({"response_id": ["a"], "text": [text]}), themes)
    complaints = found.filter(pl.col("polarity") == "complaint").sort("theme")
    assert complaints.select("theme", "evidence").rows() == [
        ("price", "It is also far too expensive ."),
        ("slow_support", "Support never answered!"),
    ]


def test_an_empty_comment_is_no_answer(themes: Themes) -> None:
    texts = ["", None, " ", "-", "n/a", "N/A.", "...", "keine", "Нет", "无", "<p></p>", "Nada."]
    assert tagged(themes, *texts) == ["no answer"] * len(texts)


def test_a_declared_language_helps_where_the_words_do_not_tell(themes: Themes) -> None:
    comments = pl.DataFrame({"response_id": ["a"], "text": ["Preis"], "language": ["de-AT"]})
    assert tag_themes(comments, themes)["theme"].to_list() == ["price"]


# --- corrections ----------------------------------------------------------------------------------------------------


def test_a_correction_wins_at_once_and_only_for_its_comment(themes: Themes) -> None:
    corrections = pl.DataFrame({"response_id": ["0", "0", "gone"], "theme": ["security", "price", "slow"]})
    assert tagged(themes, "Too expensive!", "Too expensive!", corrections=corrections) == ["price security", "price"]


def test_a_correction_can_say_unclear_and_reach_an_empty_comment(themes: Themes) -> None:
    corrections = pl.DataFrame({"response_id": ["0", "1"], "theme": ["unclear", "price"]})
    assert tagged(themes, "Too expensive!", "", corrections=corrections) == ["unclear", "price"]


def test_a_correction_keeps_the_evidence_and_scores_one(themes: Themes) -> None:
    comments = pl.DataFrame({"response_id": [7], "text": ["Hm. Too expensive!"]})
    corrections = pl.DataFrame({"response_id": [7, 7], "theme": ["price", "a theme of old"]})
    assert tag_themes(comments, themes, corrections=corrections).rows() == [
        (7, "price", 1.0, "Too expensive!", "complaint"),
        (7, "a theme of old", 1.0, None, "complaint"),
    ]


def test_finding_and_correcting_are_the_two_parts_of_tagging(themes: Themes) -> None:
    comments = pl.DataFrame({"response_id": ["a", "b"], "text": ["Too expensive!", "Hm."]})
    corrections = pl.DataFrame({"response_id": ["b"], "theme": ["slow"]})
    vectors = sentence_vectors(comment_sentences(comments)["sentence"])
    found = find_themes(comments, themes, vectors=vectors)
    assert found.equals(tag_themes(comments, themes))
    assert correct(found, comments, themes, corrections, vectors=vectors).equals(
        tag_themes(comments, themes, corrections=corrections)
    )


ANIMALS = [
    f"{who} {did} the {animal}." for who in ("We", "Our people", "Some of us")
    for did in ("saw", "fed", "painted") for animal in ("elephants", "giraffes", "zebras", "lions")
]  # fmt: skip
PLANTS = [
    f"{who} {did} the {plant}." for who in ("We", "Our people", "Some of us")
    for did in ("watered", "planted", "picked") for plant in ("roses", "tulips", "daisies", "lilies")
]  # fmt: skip


@pytest.mark.parametrize(("corrected", "theme"), [(28, "security"), (60, "security"), (60, "a theme of old")])
def test_from_thirty_corrected_comments_on_they_teach_about_the_unclear_ones(
    themes: Themes, corrected: int, theme: str
) -> None:
    new = ["The monkeys were fed by our people.", "Too expensive."]
    texts = [*ANIMALS, *PLANTS]
    texts = [text for pair in zip(ANIMALS, PLANTS, strict=True) for text in pair][:corrected] + new
    comments = pl.DataFrame({"response_id": range(len(texts)), "text": texts})
    chosen = [theme if number % 2 == 0 else "unclear" for number in range(corrected)]
    corrections = pl.DataFrame({"response_id": range(corrected), "theme": chosen})
    tags = tag_themes(comments, themes, corrections=corrections)
    last = tags.filter(pl.col("response_id") >= corrected).select("theme", "evidence", "polarity").rows()
    taught = corrected >= 30 and theme == "security"
    learned = (theme, new[0], "complaint") if taught else ("unclear", None, None)
    assert last == [learned, ("price", "Too expensive.", "complaint")]


# --- sentences ------------------------------------------------------------------------------------------------------


def test_the_sentences_of_comments_are_cleaned_and_named() -> None:
    texts = ["<b>Slow.</b> Very\x00 slow!", None, ":-(", "Slow.", "Bye"]
    found = comment_sentences(pl.DataFrame({"response_id": [1, 2, 3, 4, 1], "text": texts}))
    expected = [(1, "Slow."), (1, "Very slow!"), (1, "Bye"), (4, "Slow.")]
    assert found.rows() == [(response, text, text_key(text)) for response, text in expected]


# --- attacks --------------------------------------------------------------------------------------------------------


def test_a_million_characters_are_read_at_both_ends_and_quickly(themes: Themes) -> None:
    texts = [
        "Too expensive. " + "blah " * 200_000 + ". Support never answered.",
        "a" * 1_000_000,
        "(" * 1_000_000,
        "<" * 1_000_000,
        "&lt;" * 250_000,
        "太" * 1_000_000,
        "no, " * 250_000,
    ]
    start = time.perf_counter()
    found = tagged(themes, *texts)
    assert time.perf_counter() - start < 60  # it ends; how fast is for the benchmark
    assert found[0] == "price slow_support"
    assert found[1] == "unclear"


def test_evidence_is_short_however_long_the_comment(themes: Themes) -> None:
    text = "too expensive " * 80_000
    found = tag_themes(pl.DataFrame({"response_id": ["a"], "text": [text]}), themes)
    assert found["evidence"].str.len_chars().max() == 395


def test_markup_is_not_read_and_not_repeated(themes: Themes) -> None:
    text = '<script>too("expensive")</script><img src=x onerror=alert(1)>Too slow<b> to load</b>'
    found = tag_themes(pl.DataFrame({"response_id": ["a"], "text": [text]}), themes)
    assert found.select("theme", "evidence").rows() == [("slow", "Too slow to load")]


def test_strange_comments_are_unclear_or_no_answer(themes: Themes) -> None:
    expected = {
        "\x00": "no answer",
        "\u202e\u200b": "no answer",
        "😡😡😡": "unclear",
        "غالي جدا بالنسبة لنا": "unclear",
        "יקר מדי": "unclear",
        "=cmd|' /C calc'!A0": "unclear",
        "'; DROP TABLE users; --": "unclear",
        "{{ 7 * 7 }} ${x} %s \\": "unclear",
        "[.*+?^(": "no answer",
        "T\x00oo exp\u200bensive": "price",
        "\u202eToo expensive": "price",
    }
    assert dict(zip(expected, tagged(themes, *expected), strict=True)) == expected


def test_every_comment_is_in_the_result_once_per_theme_and_order_is_kept(themes: Themes) -> None:
    texts = ["Too expensive.", None, "So expensive! No answer from support.", "?"]
    comments = pl.DataFrame({"response_id": ["b", "a", "b", "c"], "text": texts})
    found = tag_themes(comments, themes)
    assert found["response_id"].unique(maintain_order=True).to_list() == ["b", "a", "c"]
    assert found.select("response_id", "theme").is_unique().all()
    assert found.columns == ["response_id", "theme", "score", "evidence", "polarity"]


def test_no_comments_have_no_themes(themes: Themes) -> None:
    nothing = pl.DataFrame(schema={"response_id": pl.String, "text": pl.String})
    assert tag_themes(nothing, themes).shape == (0, 5)


def test_what_others_say_changes_nothing(themes: Themes) -> None:
    text = "Our plans changed, and the menus are baffling."
    assert tagged(themes, text, *(["Too expensive."] * 50))[0] == tagged(themes, text)[0]


# --- the file -------------------------------------------------------------------------------------------------------


def test_there_are_25_themes_each_told_in_seven_languages(themes: Themes) -> None:
    assert len(themes.all) == 25
    for theme in themes.all:
        assert set(theme.patterns) == set(theme.examples) == set(LANGUAGES), theme.id
    assert set(themes.languages) == set(themes.praise) == set(LANGUAGES)


def test_the_reasons_of_the_demo_form_stand_for_themes(themes: Themes) -> None:
    found = reason_themes(themes)
    assert found["too_expensive"] == "price"
    assert {code: found.get(code) for code in ("price", "unreliable", "project_ended", "other")} == {
        "price": "price", "unreliable": "unreliable", "project_ended": "project_ended", "other": None,
    }  # fmt: skip


def test_names_are_for_people(themes: Themes) -> None:
    names = theme_names(themes)
    assert names["slow_support"] == "Support"
    assert names["no answer"] == "No answer"


def test_a_merged_theme_lives_on_in_the_other() -> None:
    old = '[[themes]]\nid = "dear"\nmerged_into = "price"\nreasons = ["dear"]\npatterns.en = ["dear"]\n'
    merged = load_themes(HEAD + 'patterns.en = ["expensive"]\n' + old)
    corrections = pl.DataFrame({"response_id": ["1"], "theme": ["dear"]})
    assert tagged(merged, "Dear and expensive.", "Hm.", corrections=corrections) == ["price", "price"]
    assert reason_themes(merged) == {"dear": "price"}


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (HEAD + "patterns.en = ['(open']", r'theme "price", patterns.en: the pattern \'\(open\''),
        (HEAD + "patterns.en = ['(?<!not )dear']", "look-around"),
        (HEAD + "patterns.en = ['x*']", "matches everything"),
        (HEAD + "patterns.en = [['!x']]", "only what must not match"),
        (HEAD + "patterns.xx = ['dear']", 'unknown key "xx"'),
        (HEAD + "paterns.en = ['dear']", 'unknown key "paterns"'),
        (HEAD + "play = 'bribe'", 'there is no play "bribe"'),
        (HEAD + "regrettable = 'perhaps'", "`regrettable` must be true, false"),
        (HEAD + "merged_into = 'gone'", 'into "gone", which does not exist'),
        (HEAD + "merged_into = 'price'", "in a circle: price -> price"),
        (HEAD + '[[themes]]\nid = "price"', 'two themes have the id "price"'),
        (HEAD + 'reasons = ["dear"]\n[[themes]]\nid = "b"\nreasons = ["dear"]', 'belongs to both "price" and "b"'),
        (HEAD + '[[themes]]\nid = "unclear"', "this id is kept"),
        (HEAD + "[[themes]]\nname = 'x'", "theme number 2 has no id"),
        (HEAD + "[praise.en.about]\nprise = ['x']", 'unknown key "prise"'),
        (HEAD + '[neutral]\nxx = ["Hm."]', 'unknown key "xx"'),
        (HEAD + '[neutral]\nen = "Hm."', "neutral.*expected a list of strings"),
        (HEAD + "[praise.en]\nexamples = [1]", "praise.en.examples: expected a list of strings"),
        ("not toml", "not TOML"),
        ("", "at least one"),
    ],
)
def test_a_wrong_file_says_what_is_wrong_and_where(text: str, message: str) -> None:
    with pytest.raises(ThemesError, match=message):
        load_themes(text)
