"""Comments as people type them, made ready for reading: cleaned, cut into sentences, folded, language guessed.

Work on one comment is bounded: of a longer one only the first and last ``HALF`` characters are read, and at most
``MOST_SENTENCES`` sentences of at most ``LONGEST_SENTENCE`` characters. Nothing here backtracks: Polars' regular
expressions are linear in the text, and the few of Python's only split at single characters.
"""

from __future__ import annotations

import html
import re
import unicodedata
from collections.abc import Iterable, Mapping

import polars as pl

HALF = 10_000
MOST_SENTENCES = 200
LONGEST_SENTENCE = 400

_SCRIPT = r"(?is)<(?:script|style)\b[^>]*>.*?</(?:script|style)\s*>"
_TAG = r"<[a-zA-Z/!][^<>]*>"
# Control characters, and the invisible ones that turn text around or hide in it.
_CONTROL = r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u00ad\u200b-\u200f\u202a-\u202e\u2060-\u2069\ufeff]"
_SENTENCE_END = re.compile(r"(?<=[.!?…])\s|(?<=[。！？；])|\n")
_PUNCTUATION = str.maketrans("«»„“”‘’ʼ`´–—‐‑，。！？；：（）、¿¡", "\"\"\"\"\"'''''----,.!?;:(),  ")
_KEPT_SYMBOLS = "%€$£+<>="
_ASCII_SYMBOLS = str.maketrans("".join(map(chr, range(32))) + "\x7f^|~`", " " * 36 + "'")


def clean(comments: pl.Series) -> pl.Series:
    """Comments without markup, scripts and control characters, white space collapsed; nulls become empty.

    Line breaks stay, because they end sentences. Of a comment longer than two ``HALF`` the middle is left out.

    >>> clean(pl.Series(["<p>Too&nbsp;expensive</p>", None, "5 < 6"])).to_list()
    ['Too expensive', '', '5 < 6']
    """
    long = comments.str.len_chars() > 2 * HALF
    shown = (
        pl.DataFrame({"text": comments, "long": long})
        .select(
            pl.when("long")
            .then(pl.concat_str(pl.col("text").str.head(HALF), pl.lit("\n"), pl.col("text").str.tail(HALF)))
            .otherwise("text")
            .fill_null("")
            .str.replace_all(_SCRIPT, " ")
            .str.replace_all(_TAG, " ")
        )
        .to_series()
    )
    plain = pl.Series([html.unescape(text) if "&" in text else text for text in shown], dtype=pl.String)
    return plain.str.replace_all(_CONTROL, "").str.replace_all(r"[^\S\n]+", " ").str.strip_chars().alias(comments.name)


def sentences(text: str) -> list[str]:
    """The sentences of one cleaned comment, bounded in number and length; none when it says nothing.

    >>> sentences("Too slow. Support never answered! 太贵了。客服不回复")
    ['Too slow.', 'Support never answered!', '太贵了。', '客服不回复']
    """
    found = [piece for raw in _SENTENCE_END.split(text) for piece in _pieces(raw.strip())]
    if len(found) > MOST_SENTENCES:
        half = MOST_SENTENCES // 2
        found = found[:half] + found[-half:]
    return found


def _pieces(sentence: str) -> Iterable[str]:
    """A sentence, or, when it is too long, pieces of it cut at a space where there is one."""
    while len(sentence) > LONGEST_SENTENCE:
        cut = sentence.rfind(" ", LONGEST_SENTENCE // 2, LONGEST_SENTENCE)
        cut = LONGEST_SENTENCE if cut < 0 else cut
        yield sentence[:cut].strip()
        sentence = sentence[cut:].strip()
    if sentence:
        yield sentence


def fold(text: str) -> str:
    """Text in the one form that patterns see: small letters, no accents, plain quotes, no emoji, one space.

    People leave accents out, most of all in Romanian, so neither texts nor patterns carry any.

    >>> fold("Prețul a crescut – PREA mult 😡")
    'pretul a crescut - prea mult'
    """
    if text.isascii():  # several times as fast, and most English is
        return " ".join(text.translate(_ASCII_SYMBOLS).lower().split())
    plain = unicodedata.normalize("NFKD", text.translate(_PUNCTUATION).casefold())
    kept = "".join(" " if _is_symbol(letter) else letter for letter in plain if not unicodedata.combining(letter))
    return " ".join(kept.split())


def fold_pattern(pattern: str) -> str:
    """A pattern without accents, like the folded text it is matched against; letters of escapes stay as they are.

    >>> fold_pattern(r"\\bпривет\\S|straße|й")
    '\\\\bпривет\\\\S|strasse|и'
    """
    plain = unicodedata.normalize("NFKD", pattern.replace("ß", "ss"))
    return "".join(letter for letter in plain if not unicodedata.combining(letter))


def _is_symbol(letter: str) -> bool:
    """Whether this is an emoji or a sign that says nothing here."""
    return not letter.isalnum() and unicodedata.category(letter)[0] in "SC" and letter not in _KEPT_SYMBOLS


def is_silent(text: str, no_answers: Iterable[str]) -> bool:
    """Whether a cleaned comment says nothing: empty, only punctuation, or one of ``no_answers`` ("n/a").

    An emoji says something, if not what.

    >>> is_silent(" - ", []), is_silent("n/a", ["n/a"]), is_silent("🙃", []), is_silent("ok", [])
    (True, True, False, False)
    """
    if not any(letter.isalnum() or unicodedata.category(letter) == "So" for letter in text):
        return True
    return fold(text).strip(" .!-") in no_answers


def script(text: str) -> str | None:
    """The script most letters of ``text`` are in: ``latin``, ``cyrillic``, ``han``; None when another or none.

    >>> script("дорого"), script("太贵了 CRM"), script("price"), script("غالي")
    ('cyrillic', 'han', 'latin', None)
    """
    counts = dict.fromkeys(("latin", "cyrillic", "han", "other"), 0)
    for letter in text:
        if letter.isalpha():
            point = ord(letter)
            if point < 0x0250 or 0x1E00 <= point < 0x1F00:
                counts["latin"] += 1
            elif 0x0400 <= point < 0x0530:
                counts["cyrillic"] += 1
            elif 0x3400 <= point < 0xA000 or 0x20000 <= point < 0x32000:
                counts["han"] += 3  # a Chinese character is about a word's worth of Latin letters
            else:
                counts["other"] += 1
    most = max(counts, key=lambda name: counts[name])
    return most if counts[most] and most != "other" else None


def guess_language(
    text: str, function_words: Mapping[str, frozenset[str]], scripts: Mapping[str, str], declared: str | None
) -> tuple[str, ...]:
    """The languages a cleaned comment may be in: one where that is clear, else those as likely.

    Told by script and by common small words; ``declared`` (a tag such as ``de-AT``) counts as one such word. No
    language when the script is none of ours.

    >>> words = {"en": frozenset({"is", "the", "too"}), "de": frozenset({"ist", "der", "zu"})}
    >>> guess_language("der Preis ist zu hoch", words, {"en": "latin", "de": "latin"}, None)
    ('de',)
    >>> guess_language("Preis", words, {"en": "latin", "de": "latin"}, None)
    ('en', 'de')
    """
    written = script(text)
    possible = tuple(language for language, name in scripts.items() if name == written)
    if len(possible) <= 1:
        return possible
    words = re.split(r"[^\w]+", fold(text[:2000]))
    counts = {language: sum(word in function_words[language] for word in words) for language in possible}
    spoken = (declared or "").lower()[:2]
    if spoken in counts:
        counts[spoken] += 1
    most = max(counts.values())
    return tuple(language for language in possible if most < 3 or counts[language] > most * 2 / 3)
