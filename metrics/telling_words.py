"""Words that tell a group of comments from the rest: what the group is called by."""

from __future__ import annotations

import math
import re
import unicodedata
from collections import Counter
from collections.abc import Collection, Iterable, Mapping
from functools import lru_cache

from metrics.theme_text import fold

PRIOR = 100.0
"""Words of all comments that both sides are given, so that a word seen once tells little; of few, a quarter."""
TELLING = 1.3
"""Standard errors above nothing from which on a word is telling."""
LONGEST_WORD = 40
_WORD = re.compile(r"[^\W_]+(?:['’][^\W_]+)*")
_HAN = re.compile(r"[㐀-鿿]+")
_PARTS = re.compile(r"['’]")


def words(text: str, stop_words: frozenset[str]) -> dict[str, str]:
    """The words of a comment, folded, each once, with how it is written there.

    Left out: ``stop_words`` (folded), single letters, numbers, and English negations ("don't"). Chinese has no
    spaces between words, so there it is runs of two to four characters that hold no stop word.

    >>> words("Die Eule! L'application, don't", frozenset({"die"}))
    {'eule': 'Eule', 'application': 'application'}
    >>> words("停车位", frozenset())
    {'停车': '停车', '车位': '车位', '停车位': '停车位'}
    """
    found: dict[str, str] = {}
    for token in _WORD.findall(unicodedata.normalize("NFC", text)):
        if _HAN.search(token):
            found |= {gram: gram for run in _HAN.findall(token) for gram in _runs(run, stop_words)}
            continue
        parts = _PARTS.split(token)
        for part in parts if parts[-1].lower() != "t" or len(parts) == 1 else ():
            folded = _folded(part)
            if 1 < len(folded) <= LONGEST_WORD and folded not in stop_words and not folded.isdigit():
                found.setdefault(folded, part)
    return found


def telling(
    here: Iterable[Mapping[str, str]], everywhere: Mapping[str, int], *, total: int | None = None, most: int = 5
) -> list[str]:
    """The words by which comments stand out, the most telling first, as most often written and each in one form.

    ``here`` the ``words`` of each comment of the group, ``everywhere`` in how many comments of the language, the
    group's among them, a word is, ``total`` their sum. Only words of at least two comments of the group and
    of at least 1.3 standard errors; of Chinese runs that are parts of one another, the
    longest that nearly all of them belong to.
    """
    group = list(here)
    counts = Counter(word for comment in group for word in comment)
    total = sum(everywhere.values()) if total is None else total
    scores = log_odds(counts, everywhere, total=total, prior=min(PRIOR, total / 4))
    found = [word for word, score in scores.items() if score >= TELLING and counts[word] >= 2]
    chinese = [word for word in found if _HAN.match(word)]
    whole = [word for word in found if not (word in chinese and _is_part(word, chinese, counts))]
    written = {word: Counter(comment[word] for comment in group if word in comment) for word in whole}
    order = sorted(whole, key=lambda word: (-scores[word], word))
    chosen: list[str] = []
    for word in order:
        if len(chosen) < most and not any(_same_stem(word, other) for other in chosen):
            chosen.append(word)
    return [max(written[word], key=lambda form: (written[word][form], form)) for word in chosen]


def log_odds(
    here: Mapping[str, int], everywhere: Mapping[str, int], *, total: int, prior: float = PRIOR
) -> dict[str, float]:
    """How much more often each word of ``here`` is used than in the rest, in standard errors (z).

    Log-odds ratio with an informative Dirichlet prior (Monroe, Colaresi and Quinn 2008, Political Analysis 16): the
    prior spreads ``prior`` words over both sides as all comments use them. ``everywhere`` holds ``here``, and ``total``
    is the sum of its counts.

    >>> scores = log_odds({"owl": 4, "please": 2}, {"owl": 4, "please": 40, "thanks": 100}, total=144)
    >>> {word: round(score, 1) for word, score in scores.items()}
    {'owl': 2.5, 'please': 0.1}
    """
    inside = sum(here.values())
    scores = {}
    for word, count in here.items():
        outside = max(0, everywhere.get(word, 0) - count)
        expected = prior * max(count, everywhere.get(word, 0)) / max(1, total, inside)
        odds = _log_odds(count + expected, inside + prior) - _log_odds(outside + expected, total - inside + prior)
        scores[word] = odds / math.sqrt(1 / (count + expected) + 1 / (outside + expected))
    return scores


def _log_odds(count: float, total: float) -> float:
    return math.log(count / max(total - count, 1e-9))


def _is_part(word: str, others: Collection[str], counts: Mapping[str, int]) -> bool:
    """Whether a Chinese run is nearly always part of a longer one."""
    return any(word != longer and word in longer and counts[longer] >= 0.7 * counts[word] for longer in others)


def _same_stem(word: str, other: str) -> bool:
    """Whether one word is the other with an ending ("owl", "owls")."""
    return not _HAN.match(word) and (word.startswith(other) or other.startswith(word))


def _runs(characters: str, stop_words: frozenset[str]) -> Iterable[str]:
    for part in _chinese(stop_words).split(characters):
        for size in (2, 3, 4):
            yield from (part[start : start + size] for start in range(len(part) - size + 1))


@lru_cache(maxsize=8)
def _chinese(stop_words: frozenset[str]) -> re.Pattern[str]:
    """What parts Chinese text: its stop words."""
    chinese = sorted((word for word in stop_words if _HAN.fullmatch(word)), key=len, reverse=True)
    return re.compile("|".join(chinese) or r"(?!)")


@lru_cache(maxsize=50_000)
def _folded(word: str) -> str:
    folded = fold(word)
    return "" if " " in folded else folded
