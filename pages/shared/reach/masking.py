"""Messages as somebody may read them who may not see people: what is said, without to whom."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import replace

import polars as pl

from queries.scope import NOT_SHOWN, stand_in
from records.campaigns import Campaign, Message

SOMEBODY = "[name]"
LINK = "[personal link]"
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


def _hiding(name: str | None, address: str | None) -> Callable[[str | None], str | None]:
    """What takes one person's names and address out of a text."""
    parts = {each for each in (name, address, *(name or "").split()) if each and len(each) > 1}
    either = "|".join(rf"(?<!\w){re.escape(each)}(?!\w)" for each in sorted(parts, key=len, reverse=True))
    names = re.compile(either, re.IGNORECASE) if parts else None

    def hide(text: str | None) -> str | None:
        if text is None:
            return None
        without = _PERSONAL_LINK.sub(LINK, text)
        return names.sub(SOMEBODY, without) if names else without

    return hide
