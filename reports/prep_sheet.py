"""The prep sheet: what whoever holds a business review should know before it, and the customer should not be shown."""

from __future__ import annotations

from reports import prep_slides
from reports.freshness import StaleSnapshot
from reports.prep_numbers import PrepNumbers, numbers
from reports.prep_texts import language
from reports.slides import Deck

__all__ = ["PrepNumbers", "StaleSnapshot", "numbers", "prep_sheet"]


def prep_sheet(prep: PrepNumbers) -> bytes:
    """A prep sheet as a PowerPoint file; each slide is marked as internal, as of when, and from which snapshot."""
    say, review = language(prep.language), prep.review
    source = say("source", company=review.company, moment=say.moment(review.taken_at), snapshot=review.snapshot_id)
    title = f"{say('prep')} {review.quarter}: {review.account}"
    deck = Deck(title, source, review.taken_at, language=say.tag, mark=say("mark"))
    prep_slides.overview(deck, prep, say)
    prep_slides.health(deck, prep, say)
    prep_slides.worth(deck, prep, say)
    prep_slides.voice(deck, prep, say)
    prep_slides.still_open(deck, prep, say)
    return deck.saved()
