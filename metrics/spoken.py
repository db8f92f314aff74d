"""The language a comment is in, down to a few words: by what it is declared, small words, and letters."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Mapping

from metrics.theme_file import Themes
from metrics.theme_text import guess_language

READ = 300
"""Characters of a comment that its language is told from."""


class Languages:
    """Tells languages apart by the examples of the themes file.

    >>> from metrics.theme_file import load_themes
    >>> heads = "".join(f'[languages.{code}]\\nscript = "latin"\\n' for code in ("en", "de"))
    >>> examples = 'examples.en = ["We are waiting"]\\nexamples.de = ["Wir warten noch"]'
    >>> languages = Languages(load_themes(heads + '[[themes]]\\nid = "slow"\\n' + examples))
    >>> languages.of("Wartet!"), languages.of("Are waiting"), languages.of("12"), languages.of("Hm", declared="it-IT")
    ('de', 'en', None, 'it')
    """

    def __init__(self, themes: Themes) -> None:
        self._words = {code: language.words for code, language in themes.languages.items()}
        self._scripts = {code: language.script for code, language in themes.languages.items()}
        self._grams = {code: _likelihoods(themes, code) for code in themes.languages}

    def of(self, text: str, declared: str | None = None) -> str | None:
        """The language of a cleaned comment, as two letters; None when it is in none of ours and declared as none.

        A ``declared`` tag ("de-AT") holds unless the file has this language and the text is clearly in another.
        """
        tag = (declared or "").lower()[:2]
        possible = guess_language(text, self._words, self._scripts, tag)
        if tag.isalpha() and (tag in possible or tag not in self._words):
            return tag
        if len(possible) <= 1:
            return possible[0] if possible else None
        grams = _grams(text[:READ])
        scores = {code: _score(grams, *self._grams[code]) for code in possible}
        return max(scores, key=lambda code: scores[code]) if grams else None


def _likelihoods(themes: Themes, code: str) -> tuple[Mapping[str, float], float]:
    """The logarithm of the share of each n-gram in the language's examples and small words, and of an unseen one."""
    told = [text for theme in themes.all for text in theme.examples.get(code, ())]
    counts = _grams(" ".join([*told, *sorted(themes.languages[code].words)]))
    total = sum(counts.values()) + 5_000  # as if so many n-grams had been seen less than once
    return {gram: math.log((count + 0.5) / total) for gram, count in counts.items()}, math.log(0.5 / total)


def _score(grams: Counter[str], likelihoods: Mapping[str, float], unseen: float) -> float:
    return sum(count * likelihoods.get(gram, unseen) for gram, count in grams.items())


def _grams(text: str) -> Counter[str]:
    """Two and three letters of each word, with its borders; accents stay, as they tell languages apart."""
    found: Counter[str] = Counter()
    for word in "".join(letter if letter.isalpha() else " " for letter in text.lower()).split():
        edged = f" {word} "
        for size in (2, 3):
            found.update(edged[start : start + size] for start in range(len(edged) - size + 1))
    return found
