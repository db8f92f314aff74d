"""The merge fields a play may use, and how their values are made harmless before they stand in a message.

Values come from the product's database and from customers, so none is trusted: whatever one holds, it stays on its
line, keeps its direction of writing and its length, and is only ever text.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal
from urllib.parse import urlsplit

Kind = Literal["text", "number", "list", "link"]
Origin = Literal["person", "account", "use", "campaign", "settings", "message"]
Value = str | int | list[str]

LONGEST_TEXT = 400
LONGEST_NAME = 80
LONGEST_LINK = 2_000
LONGEST_LIST = 20
LARGEST = 10**15
_NAMES = ("first_name", "name")
_NO_NAME = re.compile(r"[@/\\<>{}\[\]|]|www\.|\w\.\w{2,}", re.IGNORECASE)
"""What no person is called; people who sign up as an address or an advertisement are greeted without a name."""


@dataclass(frozen=True)
class Field:
    """One merge field: what it holds, an example in English, and who fills it in.

    ``origin``: the person or account written to, their use of the product, the campaign (typed by whoever composes
    it, in the language of the message), the settings, or the message itself.
    """

    name: str
    kind: Kind
    origin: Origin
    meaning: str
    example: Value


def _fields(*fields: Field) -> dict[str, Field]:
    return {field.name: field for field in fields}


FIELDS: dict[str, Field] = _fields(
    Field("first_name", "text", "person", "their first name", "Ana"),
    Field("name", "text", "person", "their whole name", "Ana Weber"),
    Field("account", "text", "account", "the customer's name", "Brightside Dental"),
    Field("plan", "text", "account", "the plan they pay for", "Team"),
    Field("since", "text", "account", "the day they became a customer, written out", "5 March 2023"),
    Field("months_with_us", "number", "account", "whole months since then", 44),
    Field("ends_on", "text", "account", "the day their subscription ended or ends", "31 December 2026"),
    Field("renews_on", "text", "account", "the day it renews", "1 February 2027"),
    Field("notice_by", "text", "account", "the last day on which it can be cancelled before that", "1 January 2027"),
    Field("renewal_amount", "text", "account", "what it costs from then, with the currency", "€4,800 a year"),
    Field("people_active", "number", "use", "people who got value from it in the last 28 days", 14),
    Field("features", "list", "use", "names of the features they use, most used first", ["Invoices", "Reminders"]),
    Field("results", "list", "use", 'what came of it, each as "label: number"', ["Invoices sent, 12 months: 1,204"]),
    Field("unused", "list", "use", "names of features they pay for and do not use", ["Approval flow"]),
    Field("goal", "text", "account", "what they want to reach, as noted with them", "close the month in three days"),
    Field("step", "text", "campaign", "the step of the set-up they stand at", "Connect your bank"),
    Field("theme", "text", "campaign", "what they told us about, as a noun", "approving invoices by two people"),
    Field("solution", "text", "campaign", "the feature of their plan that solves it", "Approval flow"),
    Field("shipped", "list", "campaign", "names of what was shipped", ["Approval by two people"]),
    Field("topic", "text", "campaign", "what we would like to hear about, as a noun", "the new approval flow"),
    Field("incident", "text", "campaign", "what went wrong, in whole sentences",
          "On 3 November invoices could not be sent between 9:10 and 13:25."),
    Field("remedy", "text", "campaign", "what was changed since, in whole sentences",
          "The sending now runs in two places, and one takes over from the other."),
    Field("offer", "text", "campaign", "what is offered, as a noun", "20% off the next twelve months"),
    Field("offer_until", "text", "campaign", "the day until which it can be taken, written out", "31 January 2027"),
    Field("data_until", "text", "campaign", "the day until which their data is kept, written out", "31 March 2027"),
    Field("company", "text", "settings", "our name", "Northwind Signals"),
    Field("sender_name", "text", "settings", "the name in the sender's address", "The Northwind team"),
    Field("csm_name", "text", "account", "who of us looks after them", "Jonas Berg"),
    Field("signer", "text", "settings", "who signs: the play's `signer`, else `csm_name`, else `sender_name`",
          "Jonas Berg"),
    Field("export_link", "link", "settings", "where they take their data along", "https://app.example/export"),
    Field("return_link", "link", "settings", "where they come back", "https://app.example/return"),
    Field("help_link", "link", "settings", "where help is written down", "https://app.example/help"),
    Field("product_link", "link", "settings", "where they sign in", "https://app.example"),
    Field("meeting_link", "link", "settings", "where they choose a time to talk", "https://app.example/meet"),
    Field("answer_link", "link", "message", "where they answer the play's question", "https://t.example/answer/1a2b"),
    Field("unsubscribe_link", "link", "message", "where they opt out; only in `_footer.md`",
          "https://t.example/unsubscribe/1a2b"),
)  # fmt: skip
"""Every merge field by its name."""


def clean(fields: Mapping[str, object]) -> dict[str, Value]:
    """The fields that are known, harmless: what is empty, null or no name is left out, so that a play can ask for it.

    Raises ValueError for a field that is not one of ``FIELDS`` or not of its kind.

    >>> clean({"first_name": "Ana\\u202e\\nBcc: x", "plan": " ", "features": ["A", None], "people_active": 14})
    {'first_name': 'Ana Bcc: x', 'features': ['A'], 'people_active': 14}
    >>> clean({"first_name": "www.win-a-prize.example"})
    {}
    """
    cleaned = {name: _clean(name, value) for name, value in fields.items()}
    return {name: value for name, value in cleaned.items() if value is not None and value != "" and value != []}


def _clean(name: str, value: object) -> Value | None:
    if name not in FIELDS:
        raise ValueError(f'there is no merge field "{name}"')
    if value is None or value == "":
        return None
    kind = FIELDS[name].kind
    if kind == "number" and isinstance(value, int) and not isinstance(value, bool):
        return value if abs(value) < LARGEST else None
    if kind == "list" and isinstance(value, list | tuple):
        texts = [one_line(item, LONGEST_TEXT) for item in value[:LONGEST_LIST] if isinstance(item, str)]
        return [text for text in texts if text]
    if kind == "link" and isinstance(value, str):
        return _link(value)
    if kind == "text" and isinstance(value, str):
        return _name(value) if name in _NAMES else one_line(value, LONGEST_TEXT)
    raise ValueError(f"{name} is a {kind}, not {type(value).__name__}")


def _name(value: str) -> str:
    text = one_line(value, LONGEST_NAME)
    return "" if _NO_NAME.search(text) else text


def _link(value: str) -> str | None:
    """The link as it is; None unless it is a plain http(s) address."""
    if len(value) > LONGEST_LINK or not value.isascii() or re.search(r"[\s<>\"'\\()\[\]]", value):
        return None
    try:
        parts = urlsplit(value)
    except ValueError:
        return None
    return value if parts.scheme in ("https", "http") and parts.hostname else None


def one_line(text: str, longest: int) -> str:
    r"""The text on one line of at most ``longest`` characters, without what is not seen or turns text around.

    >>> one_line("a\u2028b\x00\u200b  c\t", 80), one_line("abcdef", 4)
    ('a b c', 'abc…')
    """
    kept = "".join(_seen(character) for character in text[: 4 * longest])
    line = " ".join(kept.split())
    return line if len(line) <= longest else line[: longest - 1].rstrip() + "…"


_JOINERS = "\u200c\u200d"
"""Unseen, but letters of some scripts and emoji are written with them."""


def _seen(character: str) -> str:
    category = unicodedata.category(character)
    if category in ("Zl", "Zp", "Zs") or character in "\t\n\r\v\f\x1c\x1d\x1e\x1f\x85":
        return " "
    if category in ("Cc", "Cs", "Co", "Cn") or (category == "Cf" and character not in _JOINERS):
        return ""
    return character
