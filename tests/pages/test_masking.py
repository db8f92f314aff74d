"""What colleagues read of a message: never a link that acts for its reader, and names only where people are shown."""

from __future__ import annotations

from dataclasses import fields
from types import SimpleNamespace
from typing import Any

import pytest
from streamlit.testing.v1 import AppTest

from outreach import look
from pages.shared.answers import campaigns as answers
from pages.shared.reach import masking
from records.campaigns import Message

LINKS = "https://us.example/answer/abc.def?score=9 or https://us.example/unsubscribe/abc.def"


def message(**more: Any) -> Message:
    """A message that was sent."""
    values: dict[str, Any] = dict.fromkeys((each.name for each in fields(Message)), None)
    return Message(**values | {"subject": "Hello", "text": LINKS, "html": LINKS, "language": "en"} | more)


def test_links_that_act_for_their_reader_are_shown_to_nobody(monkeypatch):
    us = SimpleNamespace(sender_name="Us", sender_address="us@us.example")
    monkeypatch.setattr("settings.get", lambda: SimpleNamespace(outreach=us))
    monkeypatch.setattr(answers, "message", lambda view, id: message())
    monkeypatch.setattr(answers, "flags", lambda found: [])

    def page() -> None:
        from pages.shared.reach import letter

        letter.show(None, "id")

    seen = AppTest.from_function(page).run()
    assert [each.value for each in seen.text] == ["[personal link] or [personal link]"]


@pytest.mark.parametrize(
    ("name", "text", "shown"),
    [
        ("王 小明", "{name}，您好", "[name]，您好"),
        ("王 小明", "谢谢{name}先生", "谢谢[name]先生"),
        ("王小明", "谢谢{name}先生", "谢谢[name]先生"),
        ("田中 太郎", "{name}様", "[name]様"),
        ("김 민수", "{name}님", "[name]님"),
        ("Ana Weber", "您好{name}先生", "您好[name]先生"),
    ],
)
def test_a_name_is_hidden_where_words_are_written_together(name, text, shown):
    found = masking.message(message(name=name, text=look.fitted(text.format(name=name), "zh")))
    assert (found.text or "").replace(" ", "") == shown


def test_a_name_is_hidden_by_its_parts_and_not_in_the_middle_of_a_word():
    found = masking.message(message(name="Weber, Ana", text="Ana, Mrs Weber and Anastasia Weberling"))
    assert found.text == "[name], Mrs [name] and Anastasia Weberling"
