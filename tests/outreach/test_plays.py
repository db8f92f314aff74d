"""Plays are read from files; the shipped thirteen speak five languages; what is wrong in a file is named."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

import settings
from metrics.theme_file import PLAYS
from outreach import play_document, plays
from outreach.merge_fields import FIELDS, clean
from outreach.plays import PlayError, read_folder, read_plays

ROOT = settings.ROOT
LANGUAGES = ["de", "en", "ro", "ru", "zh"]
PLAIN = """+++
title = "Hello"
cause = "They wait."
next_step = "Reply."
kind = "marketing"
+++
--- en
Subject: Hello {{ account }}

Hello{% if first_name %} {{ first_name }}{% endif %},

{% for feature in features %}
- {{ feature }}
{% endfor %}
--- de-AT
Subject: Guten Tag

Guten Tag
"""
FOOTER = "--- en\n{{ unsubscribe_link }}\n--- de-AT\n{{ unsubscribe_link }}\n"


@pytest.fixture(scope="module")
def shipped() -> dict[str, plays.Play]:
    return read_plays(settings.read(ROOT / "config", {}))


def folder_with(folder: Path, text: str, *, name: str = "hello.md", footer: str = FOOTER) -> Path:
    (folder / name).write_text(text, encoding="utf-8")
    (folder / "_footer.md").write_text(footer, encoding="utf-8")
    return folder


def test_the_thirteen_plays_are_there_each_in_five_languages(shipped: dict[str, plays.Play]):
    assert sorted(shipped) == sorted(PLAYS)
    assert len(shipped) == 13
    assert {tuple(sorted(play.languages)) for play in shipped.values()} == {tuple(LANGUAGES)}


def test_goodbye_outage_and_renewal_notice_are_service_and_everything_else_is_marketing(
    shipped: dict[str, plays.Play],
):
    assert {play.id for play in shipped.values() if play.kind == "service"} == {"goodbye", "sorry", "renewal_coming"}


def test_two_plays_ask_a_question_one_says_goodbye_and_one_may_follow_it(shipped: dict[str, plays.Play]):
    assert {play.id: play.question for play in shipped.values() if play.question} == {
        "one_question": "exit",
        "nps": "nps",
    }
    assert [play.id for play in shipped.values() if play.says_goodbye] == ["goodbye"]
    assert [play.id for play in shipped.values() if play.after_goodbye] == ["you_asked_we_shipped"]


def test_a_play_goes_to_the_owner_alone_unless_it_says_otherwise(shipped: dict[str, plays.Play]):
    others = {play.id: (play.to, play.most) for play in shipped.values() if (play.to, play.most) != ("owner", 1)}
    assert others == {"nps": ("everyone", 5), "help_us_shape_it": ("champion", 1)}


def test_every_shipped_body_has_a_greeting_that_works_without_a_name_and_is_signed(shipped: dict[str, plays.Play]):
    greetings = {
        "en": "Hello{% if first_name %} {{ first_name }}{% endif %},",
        "de": "Guten Tag{% if name %} {{ name }}{% endif %},",
        "ru": "Здравствуйте{% if first_name %}, {{ first_name }}{% endif %}!",
        "zh": "{% if name %}{{ name }}，{% endif %}您好：",
        "ro": "Bună ziua{% if first_name %}, {{ first_name }}{% endif %},",
    }
    for play in shipped.values():
        for language, body in play.languages.items():
            assert body.text.startswith(greetings[language] + "\n\n"), (play.id, language)
            assert "{{ signer }}" in body.text, (play.id, language)


def test_every_language_of_a_shipped_play_uses_the_same_fields(shipped: dict[str, plays.Play]):
    optional = {"first_name", "name", "account", "company"}  # a language may say it without them
    for play in shipped.values():
        used = {}
        for language, body in play.languages.items():
            braces = " ".join(re.findall(r"{[{%](.*?)[%}]}", body.subject + body.text))
            used[language] = set(re.findall(r"\w+", braces)) & FIELDS.keys() - optional
        assert all(found == used["en"] for found in used.values()), (play.id, used)


def test_readers_are_addressed_formally(shipped: dict[str, plays.Play]):
    informal = {
        "de": r"\b(?:du|dich|dir|dein\w*|euch|euer\w*)\b",
        "ru": r"\b(?:ты|тебя|тебе|тобой|твой|твоя|твоё|твои)\b",
        "zh": "你",
        "ro": r"\b(?:tu|ție|tău|ta|tine)\b",
    }
    formal = {
        "de": "Sie",
        "ru": r"\b(?:вы|вас|вам|ваш\w*)\b",
        "zh": "您",
        "ro": "dumneavoastră|puteți|doriți|trebuie să|vă ",
    }
    for play in shipped.values():
        for language, pattern in informal.items():
            text = play.languages[language].subject + play.languages[language].text
            assert not re.search(pattern, text, re.IGNORECASE), (play.id, language)
            assert re.search(formal[language], text, re.IGNORECASE), (play.id, language)


def test_the_goodbye_asks_nothing_offers_nothing_and_says_what_it_must(shipped: dict[str, plays.Play]):
    goodbye = shipped["goodbye"]
    for body in goodbye.languages.values():
        assert not re.search(r"[?？]", body.subject + body.text)
    assert {"ends_on", "export_link", "return_link"} <= goodbye.fields
    assert not {"offer", "offer_until", "answer_link"} & goodbye.fields


def test_messages_are_short(shipped: dict[str, plays.Play]):
    for play in shipped.values():
        for language, body in play.languages.items():
            written = re.sub(r"{%.*?%}|{{.*?}}", "", body.text)
            assert len(written) < 1_000, (play.id, language)
            assert len(body.subject) < 70, (play.id, language)


def test_marketing_has_a_footer_to_opt_out_and_service_has_none(shipped: dict[str, plays.Play]):
    for play in shipped.values():
        for body in play.languages.values():
            assert ("unsubscribe_link" in body.footer) == (play.kind == "marketing")


def test_a_play_is_read_as_it_is_written(tmp_path: Path):
    play = read_folder(folder_with(tmp_path, PLAIN))["hello"]
    assert (play.title, play.kind, play.channel, play.to, play.most) == ("Hello", "marketing", "email", "owner", 1)
    assert (play.holdout, play.signer, play.question) == (None, None, None)
    assert play.languages["en"].subject == "Hello {{ account }}"
    assert play.languages["de-AT"].text == "Guten Tag"
    assert play.fields == {"account", "first_name", "features"}


def test_the_version_changes_with_the_text_and_with_the_footer_and_only_then(tmp_path: Path):
    first = read_folder(folder_with(tmp_path, PLAIN))["hello"].version
    assert read_folder(folder_with(tmp_path, PLAIN))["hello"].version == first
    other = read_folder(folder_with(tmp_path, PLAIN.replace("Guten Tag\n", "Servus\n")))["hello"].version
    below = read_folder(folder_with(tmp_path, PLAIN, footer=FOOTER + "bye\n"))["hello"].version
    assert len({first, other, below}) == 3


def test_windows_line_ends_and_a_byte_order_mark_change_nothing(tmp_path: Path):
    folder = folder_with(tmp_path, PLAIN)
    (folder / "hello.md").write_bytes(b"\xef\xbb\xbf" + PLAIN.replace("\n", "\r\n").encode())
    assert "\r" not in read_folder(folder)["hello"].languages["en"].text


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (("+++\ntitle", "title"), "line 1: it does not start with settings"),
        (('kind = "marketing"', 'kind = "spam"'), "line 5: kind: Input should be 'service' or 'marketing'"),
        (('kind = "marketing"', 'kind = "marketing"\nsender = "x"'), "line 6: sender: Extra inputs are not permitted"),
        (('"They wait."', '"They wait.'), r"line 3: .*\(at line 3"),
        (('kind = "marketing"', 'kind = "service"\nquestion = "nps"'), 'a play with a question is of kind "marketing"'),
        (('kind = "marketing"', 'kind = "marketing"\nsays_goodbye = true'), 'a goodbye is of kind "service"'),
        (('kind = "marketing"', 'kind = "marketing"\nquestion = "nps"'), "line 10: .* has no answer_link"),
        (("--- en\n", "Hello\n--- en\n"), "line 7: this text belongs to no language"),
        (("--- de-AT", "--- en"), 'line 15: "en" stands here twice'),
        (("--- de-AT", "--- fr"), 'line 15: _footer.md has no text in "fr"'),
        (("Subject: Guten Tag\n", ""), "line 17: a subject is missing"),
        (("\nGuten Tag\n", "\n"), "line 16: there is no text below the subject"),
        (("{{ account }}", "{{ acount }}"), "line 8: there is no merge field acount here.\n\nHint: perhaps account is"),
        (("{{ feature }}", "{{ cycler }}"), "line 13: there is no merge field cycler here"),
        (("{{ feature }}", "{{ unsubscribe_link }}"), "line 13: there is no merge field unsubscribe_link here"),
        (("{{ feature }}", "{{ answer_link }}"), "has an answer_link but no question"),
        (("{% endfor %}", ""), "line 1[0-9]: Unexpected end of template"),
        (("{{ feature }}", "{{ " + "(" * 9999 + "1" + ")" * 9999 + " }}"), "nested too deeply"),
        (("Guten Tag\n", "x" * 64_000), "more than 64,000 characters"),
    ],
)
def test_what_is_wrong_is_named_with_its_line_and_what_to_do(tmp_path: Path, change: tuple[str, str], message: str):
    assert change[0] in PLAIN
    with pytest.raises(PlayError, match=message) as raised:
        read_folder(folder_with(tmp_path, PLAIN.replace(*change, 1)))
    assert "hello.md" in str(raised.value)
    assert "\n\nHint: " in str(raised.value)


def test_a_file_s_name_must_be_an_id_and_a_footer_must_let_people_out(tmp_path: Path):
    with pytest.raises(PlayError, match=r"My play\.md is no id"):
        read_folder(folder_with(tmp_path, PLAIN, name="My play.md"))
    (tmp_path / "My play.md").unlink()
    with pytest.raises(PlayError, match=r"_footer\.md, line 1: it does not say how to opt out"):
        read_folder(folder_with(tmp_path, PLAIN, footer="--- en\nBye"))


def test_reading_a_play_runs_nothing_of_it(tmp_path: Path):
    read_folder(folder_with(tmp_path, PLAIN.replace("{{ account }}", "{{ 'x' * 10 ** 12 }}{{ ''|center(10 ** 12) }}")))


def test_every_example_is_of_its_field_s_kind():
    examples = {name: field.example for name, field in FIELDS.items()}
    assert clean(examples) == examples


def test_the_page_about_plays_is_current():
    written = (ROOT / "docs" / "plays.md").read_text(encoding="utf-8")
    assert written == play_document.document(), "run `python -m outreach.play_document`"


def test_the_play_shown_in_the_page_can_be_used(tmp_path: Path):
    shown = re.search(r"```\n(\+\+\+.*?)```", play_document.document(), re.DOTALL)
    assert shown
    play = read_folder(
        folder_with(tmp_path, shown[1], footer="--- en\n{{ unsubscribe_link }}\n--- de\n{{ unsubscribe_link }}")
    )
    assert sorted(play["hello"].languages) == ["de", "en"]
