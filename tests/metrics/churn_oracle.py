"""Attribution and splitting of churn reasons in plain loops, written apart from the metric, to check it against."""

from __future__ import annotations

from collections import defaultdict
from datetime import date
from typing import Any

Row = dict[str, Any]


def belongs(answer: Row, ends: list[date], before: int, after: int) -> date | None:
    """The service end that an answer belongs to."""
    best: tuple[int, date] | None = None
    for end in ends:
        days = (answer["on"] - end).days
        if -before <= days <= after and (best is None or (abs(days), end) < best):
            best = (abs(days), end)
    return best[1] if best else None


def chosen(answers: list[Row], end: date) -> Row | None:
    """Of the answers that belong to an end, the one that counts."""
    best = None
    for answer in answers:
        mark = (
            bool(answer["reason"] or answer["comment"]),
            -abs((answer["on"] - end).days),
            answer["on"],
            answer["id"],
        )
        if best is None or mark > best[0]:
            best = (mark, answer)
    return best[1] if best else None


def stated(answer: Row, codes: dict[str, str]) -> list[str]:
    """What an answer says, declared code first, then complaints by score."""
    themes = []
    if answer["reason"] in codes:
        themes.append(codes[answer["reason"]])
    for theme, _, polarity in sorted(answer["tags"], key=lambda tag: (-tag[1], tag[0])):
        if polarity == "complaint" and theme not in themes and theme not in ("unclear", "no answer"):
            themes.append(theme)
    return themes


def attributed(churns: list[Row], answers: list[Row], codes: dict[str, str]) -> dict[tuple[str, date], Row]:
    """Per account and service end: status, themes and the answer's id."""
    found: dict[tuple[str, date], Row] = {}
    for churn in churns:
        ends = [other["end"] for other in churns if other["account"] == churn["account"]]
        own = [
            a
            for a in answers
            if a["account"] == churn["account"]
            and a["outcome"] not in ("stayed", "downgraded")
            and belongs(a, ends, 90, 60) == churn["end"]
        ]
        answer = chosen(own, churn["end"])
        if answer is None:
            status = "payment failed" if churn["failed"] else "not asked"
            themes = [status]
        elif not (answer["reason"] or answer["comment"]):
            status, themes = "no answer", ["no answer"]
        else:
            status, themes = "answered", stated(answer, codes) or ["unclear"]
        found[churn["account"], churn["end"]] = {
            "status": status,
            "themes": themes,
            "response_id": answer["id"] if answer else None,
        }
    return found


def money(churns: list[Row], told: dict[tuple[str, date], Row]) -> dict[str, int]:
    """Lost MRR per theme, cent by cent: dealt out in turns, like cards."""
    sums: dict[str, int] = defaultdict(int)
    for churn in churns:
        themes = told[churn["account"], churn["end"]]["themes"]
        for cent in range(churn["mrr"]):
            sums[themes[cent % len(themes)]] += 1
    return dict(sums)
