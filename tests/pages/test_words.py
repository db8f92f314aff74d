from datetime import date, timedelta

import pytest

from pages.shared import definitions, words


def test_what_is_not_known_is_a_dash_never_a_zero():
    assert words.number(None) == words.percent(None) == words.money(None, "EUR") == words.points(None) == "–"
    assert words.day(None) == words.month(None) == words.score(None) == "–"
    assert words.percent(0.0) == "0.0%"


@pytest.mark.parametrize(
    ("minor", "currency", "expected"),
    [
        (1_234_567_89, "EUR", "€1,234,568"),
        (-40_00, "USD", "−$40"),
        (12_00, "CHF", "CHF 12"),
        (0, "GBP", "£0"),
    ],
)
def test_money_is_written_in_its_currency_without_cents(minor, currency, expected):
    assert words.money(minor, currency) == expected


@pytest.mark.parametrize(
    ("amount", "expected"),
    [
        (999, "€999"),
        (1_000, "€1k"),
        (9_949, "€9.9k"),
        (9_960, "€10k"),
        (99_960, "€100k"),
        (999_960, "€1M"),
        (2_345_678, "€2.35M"),
    ],
)
def test_short_money_never_shows_a_thousand_thousands(amount, expected):
    assert words.money(amount * 100, "EUR", short=True) == expected


def test_a_change_that_rounds_to_nothing_has_no_sign():
    assert words.points(-0.0001) == "0.0 pts"
    assert words.number(0.04, digits=1, signed=True) == "0.0"
    assert words.money(-20, "EUR") == "€0"


def test_an_interval_that_is_not_there_says_so():
    assert words.between(None, 0.4) == "no interval"
    assert words.between(0.2, 0.4) == "20.0% to 40.0%"


def test_verdicts_are_said_in_plain_words():
    said = [words.verdict(verdict) for verdict in ("up", "down", "within noise", "too few")]
    assert said == ["a real rise", "a real fall", "within noise", "too few to tell"]


@pytest.mark.parametrize(
    ("seconds", "expected"), [(59, "just now"), (60, "1 minute ago"), (7_200, "2 hours ago"), (90_000, "1 day ago")]
)
def test_age_is_told_in_the_largest_unit_that_fits(seconds, expected):
    assert words.age(timedelta(seconds=seconds)) == expected


def test_a_day_has_no_leading_zero():
    assert words.day(date(2026, 3, 7)) == "7 Mar 2026"


@pytest.mark.parametrize(
    "text",
    [
        "**bold** _italic_ ~~gone~~ `code`",
        "[click](https://evil.example) ![image](https://evil.example/x.png)",
        "https://evil.example www.evil.example someone@evil.example mailto:x@y.z",
        ":material/home: :smile: :red[red] :blue-badge[b]",
        "<img src=x onerror=alert(1)> <b>html</b> &lt;",
        "$x^2$ # heading\n- item\n1. item\n> quote\n| a | b |",
        "a -> b <- c -- d >= e <= f ~= g",
    ],
)
def test_untrusted_text_keeps_its_letters_and_loses_its_powers(text):
    harmless = words.inert(text)
    shown = harmless.replace("\\", "").replace("\u2060", "")
    assert shown == " ".join(text.split())
    assert "http:" not in harmless
    assert "https:" not in harmless
    assert "www." not in harmless
    assert "@evil" not in harmless
    assert "material/" not in harmless.replace("\u2060material/", "")


def test_untrusted_text_cannot_format_a_figure():
    assert words.in_figure("<a href='x'>R&D</a>") == "&lt;a href='x'&gt;R&amp;D&lt;/a&gt;"
    assert words.in_figure("x" * 100, longest=10) == "xxxxxxxxx…"


def test_untrusted_text_cannot_turn_the_words_around_it():
    assert words.inert("a\u202eb\u2066c") == words.in_figure("a\u202eb\u2066c") == "abc"


def sample():
    """Share of **everything**.

    Columns ``n`` and ``rate``.

    - left out: <b>tests</b>
    - counted: the rest

    >>> 1 + 1
    2
    """


def test_a_docstring_is_shown_as_text_with_names_and_examples_set_apart():
    assert [kind for kind, _ in definitions.parts(sample)] == ["text", "text", "list", "code"]
    assert words.marked("Share of **everything**.") == r"Share of \*\*everything\*\*\."
    assert words.marked("Columns ``n`` and ``rate``.") == r"Columns `n` and `rate`\."


def test_a_metric_without_a_docstring_says_so():
    assert definitions.parts(lambda: None) == [("text", "This has no description yet.")]
