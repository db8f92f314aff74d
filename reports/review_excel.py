"""The numbers of a business review as an Excel file, for the same eyes: nothing stands in it that the review hides."""

from __future__ import annotations

import io
from collections.abc import Sequence
from datetime import date, datetime
from typing import Any

import xlsxwriter

from reports.fitting import plain
from reports.language import Language
from reports.review_numbers import ReviewNumbers
from reports.review_texts import language
from reports.review_use import Pair
from reports.spreadsheets import NEVER, guarded, write

Rows = Sequence[Sequence[Any]]


def review_excel(review: ReviewNumbers) -> bytes:
    """The review's numbers as an Excel file; its last sheet says of whom, of which quarter, as of when."""
    say, buffer = language(review.language), io.BytesIO()
    with xlsxwriter.Workbook(buffer, {"in_memory": True, **NEVER}) as book:
        book.set_properties(
            {
                "title": plain(f"{say('review')} {review.quarter}: {review.account}")[:250],
                "author": plain(review.company)[:250],
                "created": datetime(2000, 1, 1),  # not now: the same numbers give the same bytes
            }
        )
        forms = _Forms(book)
        for name, headings, rows in _sheets(review, say):
            forms.sheet(say(name), headings, rows)
    return buffer.getvalue()


class _Forms:
    """The formats of a workbook, and how a sheet is written with them."""

    def __init__(self, book: Any) -> None:
        self.book = book
        self.bold = book.add_format({"bold": True, "bottom": 1})
        self.number = book.add_format({"num_format": "#,##0.##"})
        self.count = book.add_format({"num_format": "#,##0"})
        self.day = book.add_format({"num_format": "yyyy-mm-dd"})

    def sheet(self, name: str, headings: Sequence[str], rows: Rows) -> None:
        """One table with its headings."""
        table = self.book.add_worksheet(name)
        table.freeze_panes(1, 0)
        for place, heading in enumerate(headings):
            table.set_column(place, place, 34 if place == 0 else max(14, len(heading) + 3))
            table.write_string(0, place, heading, self.bold)
        for line, row in enumerate(rows, start=1):
            for place, value in enumerate(row):
                write(table, line, place, guarded(plain(value)) if isinstance(value, str) else value, self._of(value))

    def _of(self, value: Any) -> Any:
        if isinstance(value, date):
            return self.day
        return self.number if isinstance(value, float) and not value.is_integer() else self.count


def _sheets(review: ReviewNumbers, say: Language) -> list[tuple[str, list[str], Rows]]:
    quarter, before = str(review.quarter), str(review.quarter.before)
    sheets: list[tuple[str, list[str], Rows]] = [
        ("sheet_results", ["", quarter, before, say("use_change")], _results(review, say)),
        ("sheet_months", [say("month"), *(say(name) for name in _months(review))], _by_month(review)),
        ("sheet_features", _feature_headings(review, say), review.use.by_feature.rows()),
        ("sheet_changed", [say("name"), say("kind"), say("day")], _changed(review, say)),
    ]
    if review.open_requests is not None:
        headings = [say("subject"), say("opened_on"), say("days_open")]
        sheets.append(("sheet_issues", headings, review.open_requests.rows()))
    if review.peers is not None:
        headings = [say("peers_measure"), say("peers_you"), say("peers_share"), say("peers_of")]
        sheets.append(("sheet_peers", headings, [(say(row[0]), *row[1:]) for row in review.peers.rows()]))
    if review.unused is not None:
        sheets.append(("sheet_unused", [say("feature"), say("unused_uses")], review.unused.rows()))
    return [*sheets, ("sheet_about", ["", ""], _about(review, say))]


def _results(review: ReviewNumbers, say: Language) -> Rows:
    pairs: dict[str, Pair] = {
        "people": review.use.people,
        "features": review.use.features,
        "uses": review.use.uses,
        "reach": review.reached,
        "opened": review.opened,
        "solved": review.solved,
        "days_to_solve": review.days_to_solve,
    }
    known = {name: pair for name, pair in pairs.items() if pair.now is not None or pair.before is not None}
    return [
        (say(name), pair.now, pair.before, pair.change if review.comparable else None) for name, pair in known.items()
    ]


def _months(review: ReviewNumbers) -> dict[str, list[Any]]:
    found = {"people": review.use.by_month["people"].to_list(), "reach": review.reach["end_customers"].to_list()}
    if review.requests is not None:
        found |= {name: review.requests[name].to_list() for name in ("opened", "solved")}
    return found


def _by_month(review: ReviewNumbers) -> Rows:
    return list(zip(review.reach["month"].to_list(), *_months(review).values(), strict=True))


def _feature_headings(review: ReviewNumbers, say: Language) -> list[str]:
    quarters = (review.quarter, review.quarter.before)
    return [say("feature"), *(say(name, quarter=q) for name in ("uses_in", "volume_in") for q in quarters)]


def _changed(review: ReviewNumbers, say: Language) -> Rows:
    parts = {"started": review.use.first_used, "joined": review.joined, "asked": review.shipped}
    return [(name, say(kind), day) for kind, rows in parts.items() for name, day in rows.rows()]


def _about(review: ReviewNumbers, say: Language) -> Rows:
    return [
        (say("account"), review.account),
        (say("quarter"), f"{review.quarter} ({say.span(review.quarter)})"),
        (say("goal"), review.goal),
        (say("as_of_label"), say.moment(review.taken_at)),
        (say("snapshot"), review.snapshot_id),
    ]
