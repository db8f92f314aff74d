"""The business review: what a customer got out of a quarter, as PowerPoint with native, editable charts.

For the customer's eyes. What is judged about them, what others pay and what was noted about them is in the prep sheet
(``reports/prep_sheet.py``), never in here, hidden parts included.
"""

from __future__ import annotations

import re
import unicodedata
from datetime import date

from reports import review_more, review_slides
from reports.freshness import StaleSnapshot
from reports.review_numbers import ReviewNumbers, UnknownAccount, numbers, quarters
from reports.review_texts import language
from reports.slides import Deck

__all__ = [
    "ReviewNumbers", "StaleSnapshot", "UnknownAccount", "business_review", "file_name", "numbers", "quarters",
    "safe_name",
]  # fmt: skip


def business_review(review: ReviewNumbers) -> bytes:
    """A business review as a PowerPoint file, without speaker notes; the same numbers give the same bytes."""
    say = language(review.language)
    source = say("source", company=review.company, quarter=review.quarter)
    title = f"{say('review')} {review.quarter}: {review.account}"
    deck = Deck(title, source, review.taken_at, author=review.company, language=say.tag)
    review_slides.cover(deck, review, say)
    review_slides.goal(deck, review, say)
    review_slides.results(deck, review, say)
    review_slides.use(deck, review, say)
    review_more.changed(deck, review, say)
    review_more.issues(deck, review, say)
    review_more.peers(deck, review, say)
    review_more.unused(deck, review, say)
    review_more.steps(deck, review, say)
    return deck.saved()


def safe_name(name: str) -> str:
    """A name as a part of a file's name: letters, digits and hyphens, at most 40 of them.

    >>> safe_name("Müller & Söhne/..\\\\GmbH"), safe_name("=cmd|' /C calc'!A0"), safe_name("株式会社"), safe_name("../")
    ('muller-sohne-gmbh', 'cmd-c-calc-a0', '株式会社', 'account')
    """
    plain = unicodedata.normalize("NFKD", name).encode("ascii", "ignore").decode() if name.isascii() else _latin(name)
    return re.sub(r"[\W_]+", "-", plain.lower()).strip("-")[:40].strip("-") or "account"


def _latin(name: str) -> str:
    """Letters without their accents; those of other scripts stay."""
    parts = unicodedata.normalize("NFKD", name)
    return unicodedata.normalize("NFC", "".join(letter for letter in parts if not unicodedata.combining(letter)))


def file_name(review: str, account: str, quarter: object, as_of: date, ending: str) -> str:
    """What a file is called: what it is, of whom, of which quarter, as of when.

    >>> file_name("business-review", "Müller GmbH", "Q3 2026", date(2026, 11, 21), "pptx")
    'business-review-muller-gmbh-q3-2026-2026-11-21.pptx'
    """
    return f"{review}-{safe_name(account)}-{safe_name(str(quarter))}-{as_of}.{ending}"
