"""The board pack: retention an executive can take into a room, as PowerPoint with native, editable charts."""

from __future__ import annotations

from reports import board_risk, board_slides
from reports.board_numbers import BoardNumbers, numbers
from reports.board_words import where_from
from reports.slides import Deck

__all__ = ["POWERPOINT", "BoardNumbers", "board_pack", "file_name", "numbers"]

POWERPOINT = "application/vnd.openxmlformats-officedocument.presentationml.presentation"


def board_pack(pack: BoardNumbers) -> bytes:
    """A board pack as a PowerPoint file.

    One finding per slide, in its headline; charts are native, and the sheets behind them hold the metrics' numbers.
    Every slide says what it is as of and from which snapshot; its notes define what it shows. The same numbers give
    the same bytes.
    """
    deck = Deck(f"{pack.company}: board pack", where_from(pack), pack.taken_at)
    board_slides.cover(deck, pack)
    board_slides.one_page(deck, pack)
    board_slides.movements(deck, pack)
    board_slides.two_years(deck, pack)
    board_risk.renewals(deck, pack)
    board_risk.at_risk(deck, pack)
    board_risk.reasons(deck, pack)
    board_risk.definitions(deck, pack)
    return deck.saved()


def file_name(pack_as_of: object) -> str:
    """What the file is called.

    >>> from datetime import date
    >>> file_name(date(2026, 11, 21))
    'board-pack-2026-11-21.pptx'
    """
    return f"board-pack-{pack_as_of}.pptx"
