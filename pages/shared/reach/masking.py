"""Messages as colleagues may read them: without links that act for their reader, and for some without to whom."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import replace

import polars as pl

from queries.scope import NOT_SHOWN, stand_in
from records.campaigns import Campaign, Message

SOMEBODY = "[name]"
LINK = "[personal link]"
_SIGNS = r"\u3040-\u30ff\u3400-\u9fff\uac00-\ud7af"
_TOGETHER = re.compile(f"[{_SIGNS}]")
_LETTER = rf"[^\W{_SIGNS}]"
_PERSONAL_LINK = re.compile(r"https?://\S+/(?:answer|unsubscribe)/\S+")


def message(found: Message) -> Message:
    """A message without name, address and personal links; its words stay.

    Whoever a text calls by one part of their name is hidden too. A name that is a word of the text as well (May, Will)
    is hidden wherever that word stands: rather too much than somebody's name.
    """
    hide = _hiding(found.name, found.address)
    return replace(
        found,
        user_id=None,
        name=NOT_SHOWN if found.name or found.user_id else None,
        address=None,
        address_key="",
        subject=hide(found.subject),
        text=hide(found.text),
        html=None,
        payload=None,
        fields=None,
        detail=None,
    )


def campaign(found: Campaign) -> Campaign:
    """A campaign whose audience names people by stand-ins, from which it can be drafted again."""
    people = found.audience.get("user_ids")
    if people is None:
        return found
    seen = pl.DataFrame({"user_id": people}, schema={"user_id": pl.String}).select(stand_in(pl.col("user_id")))
    return replace(found, audience={**found.audience, "user_ids": seen.to_series().to_list()})


def rows(found: pl.DataFrame) -> pl.DataFrame:
    """Messages as ``records.campaigns.messages`` lists them, without who they are to.

    Why somebody gets none is our own words, and stays; what a mail server said of a message goes.
    """
    said = found.with_columns(detail=pl.when(pl.col("arm") != "contacted").then("detail"))
    told = [
        tuple(map(_hiding(name, address), texts))
        for name, address, *texts in said.select("name", "address", "subject", "detail").rows()
    ]
    somebody = pl.any_horizontal(pl.col("name", "user_id").is_not_null())
    nothing = [pl.lit(None, pl.String).alias(name) for name in ("user_id", "address")]
    return found.with_columns(
        pl.when(somebody).then(pl.lit(NOT_SHOWN)).alias("name"),
        pl.lit("").alias("address_key"),
        pl.Series("subject", [subject for subject, _ in told], pl.String),
        pl.Series("detail", [detail for _, detail in told], pl.String),
        *nothing,
    )


def without_links(text: str) -> str:
    """A text without the links that act for whoever got it: whoever opens one answers, or opts out, in their name."""
    return _PERSONAL_LINK.sub(LINK, text)


def _hiding(name: str | None, address: str | None) -> Callable[[str | None], str | None]:
    """What takes one person's names and address out of a text."""
    whole = name or ""
    together = "".join(whole.split())  # as a text has it whose words are
    parts = {each for each in (name, together, address, *re.split(r"[\s,]+", whole)) if each and len(each) > 1}
    either = "|".join(map(_bounded, sorted(parts, key=len, reverse=True)))
    names = re.compile(either, re.IGNORECASE) if parts else None

    def hide(text: str | None) -> str | None:
        if text is None:
            return None
        without = without_links(text)
        return names.sub(SOMEBODY, without) if names else without

    return hide


def _bounded(part: str) -> str:
    """A pattern of part of a name, which letters may go on from only where words are written together."""
    before = "" if _TOGETHER.match(part[0]) else rf"(?<!{_LETTER})"
    after = "" if _TOGETHER.match(part[-1]) else rf"(?!{_LETTER})"
    return f"{before}{re.escape(part)}{after}"
