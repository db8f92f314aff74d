"""A message looks like something a person wrote, and only our own links are links."""

from __future__ import annotations

from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import hypothesis
import pytest
from hypothesis import strategies as st

from outreach import look
from tests.pages import browser

OURS = ["https://t.example/answer/1a2b", "https://app.example", "https://app.example/export"]


class Seen(HTMLParser):
    """The tags of a page's body, where its links lead, and its text."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.tags: set[str] = set()
        self.attributes: set[str] = set()
        self.links: list[str] = []
        self.text = ""
        self.feed(page.partition("<body>")[2])

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.add(tag)
        self.attributes |= {name for name, _ in attrs}
        self.links += [value or "" for name, value in attrs if name == "href"]

    def handle_data(self, data: str) -> None:
        self.text += data


def body(text: str, **how: Any) -> str:
    """What stands inside the page's only div."""
    page = look.html(text, **({"language": "en", "links": OURS} | how))
    return page.split("<div", 1)[1].split(">\n", 1)[1].rsplit("\n</div>", 1)[0]


def test_paragraphs_lists_and_lines_are_as_they_were_written():
    text = "Hello Ana,\n\nUsed most:\n- Invoices\n- Reminders\nand more\n\nBest regards,\nJonas"
    assert body(text).split("\n") == [
        "<p>Hello Ana,</p>",
        "<p>Used most:</p>",
        "<ul><li>Invoices</li><li>Reminders</li></ul>",
        "<p>and more</p>",
        "<p>Best regards,<br>Jonas</p>",
    ]


def test_our_addresses_are_links_and_no_others():
    assert body("[Write here](https://t.example/answer/1a2b)") == (
        '<p><a href="https://t.example/answer/1a2b">Write here</a></p>'
    )
    assert body("here: https://app.example/export.") == (
        '<p>here: <a href="https://app.example/export">https://app.example/export</a>.</p>'
    )
    for other in [
        "https://evil.example",
        "[Your account](https://evil.example)",
        "https://app.example.evil.example",
        "https://app.example/exports",
        "https://app.example@evil.example",
        "xhttps://app.example/export",
        "[x](javascript:alert(1))",
    ]:
        assert "<a" not in body(other), other


def test_markup_in_a_text_is_only_characters():
    text = '<a href="https://evil.example">Your account</a> <p>&amp;<b>'
    assert body(text) == (
        '<p>&lt;a href="https://evil.example"&gt;Your account&lt;/a&gt; &lt;p&gt;&amp;amp;&lt;b&gt;</p>'
    )
    assert "<a" not in body(f"- {text}")
    assert Seen(look.html(text, language="en", links=[])).text.strip() == text


def test_what_cannot_be_printed_or_encoded_is_left_out():
    assert look.plain("A\r\nB\x00\ud800\u2028C\t\n", links=[]) == "A\nB   C\n"
    assert body("A\ud800B\x1b") == "<p>A B</p>"


def test_chinese_may_follow_a_link_without_a_space():
    assert body("请看https://app.example/export。谢谢").count("<a ") == 1


def test_an_address_with_an_ampersand_stays_the_same_address():
    page = look.html("https://t.example/?a=1&b=2", language="en", links=["https://t.example/?a=1&b=2"])
    assert Seen(page).links == ["https://t.example/?a=1&b=2"]


def test_as_text_a_named_link_shows_its_address():
    text = "You can [write here](https://t.example/answer/1a2b)\n\n\n\n  \nBest regards,   \nJonas"
    assert look.plain(text, links=OURS) == (
        "You can write here: https://t.example/answer/1a2b\n\nBest regards,\nJonas\n"
    )


def test_a_chinese_label_has_a_chinese_colon():
    assert (
        look.plain("不想再收到？[在此退订](https://app.example)", links=OURS)
        == "不想再收到？在此退订：https://app.example\n"
    )


def test_a_full_stop_after_a_named_link_stands_in_html_and_not_behind_an_address():
    text = "Please [write here](https://app.example).\nThank you"
    assert body(text) == '<p>Please <a href="https://app.example">write here</a>.<br>Thank you</p>'
    assert look.plain(text, links=OURS) == "Please write here: https://app.example\nThank you\n"


def test_the_footer_stands_below_a_line_and_is_small():
    whole = look.with_footer("Hello\n", "[Unsubscribe here](https://app.example)\n")
    assert whole == "Hello\n\n-- \n[Unsubscribe here](https://app.example)"
    assert look.plain(whole, links=OURS) == "Hello\n\n-- \nUnsubscribe here: https://app.example\n"
    assert body(whole).split("\n") == [
        "<p>Hello</p>",
        '<p><small><a href="https://app.example">Unsubscribe here</a></small></p>',
    ]
    assert look.with_footer("Hello\n", "") == "Hello"


def test_the_page_names_its_language_and_direction_and_no_colours_or_images():
    page = look.html("Hello", language="de", links=[])
    assert '<html lang="de">' in page
    assert '<html lang="ar" dir="rtl">' in look.html("Hello", language="ar", links=[])
    assert '<meta name="color-scheme" content="light dark">' in page
    assert not any(part in page for part in ("color:", "background", "<img", "<style", "url("))


@hypothesis.settings(max_examples=150)
@hypothesis.given(
    st.text(
        st.one_of(
            st.sampled_from("<>&\"'[]()/:-\n https://app.example/export<a href=x onclick=y>&lt;"), st.characters()
        )
    ),
    st.sampled_from(["{}", "[{}](https://app.example)", "- {}", "Hello {},\nhttps://app.example", "a\n\n-- \n{}"]),
)
def test_no_text_makes_a_tag_or_a_link_elsewhere(value: str, around: str):
    seen = Seen(look.html(around.format(value), language="en", links=OURS))
    assert seen.tags <= {"div", "p", "br", "ul", "li", "a", "small"}
    assert seen.attributes <= {"style", "href"}
    assert set(seen.links) <= set(OURS)


@hypothesis.settings(max_examples=100)
@hypothesis.given(st.text(st.characters(exclude_categories=["Cc", "Cs", "Zs", "Zl", "Zp"]), min_size=1))
def test_html_says_what_the_text_says(value: str):
    hypothesis.assume(not value.startswith("-"))
    text = f"Hello {value},\n\nwell"
    said = Seen(look.html(text, language="en", links=[])).text.split()
    assert said == look.plain(text, links=[]).split()


@pytest.mark.browser
def test_a_message_is_readable_on_a_phone_at_night(tmp_path: Path):
    long = "https://t.example/answer/" + "1a2b" * 40
    page = tmp_path / "message.html"
    text = f"Hello Ana,\n\nUsed most:\n- {'Invoices' * 20}\n\n{long}\n\n[Write here](https://app.example)"
    page.write_text(look.html(text, language="en", links=[long, *OURS]), encoding="utf-8")
    with browser.opened(size=browser.PHONE, theme="dark") as seen:
        seen.page.goto(page.as_uri())
        wide, letters = seen.page.evaluate(
            "[document.documentElement.scrollWidth, getComputedStyle(document.body).color]"
        )
    assert (wide, letters) == (390, "rgb(255, 255, 255)")
