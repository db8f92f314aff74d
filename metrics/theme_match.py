"""Which themes the patterns find in sentences, and whether as a complaint or as praise.

A sentence is read twice: whole, and clause by clause ("great support, but expensive"), because praise and denial
hold for a clause only, while many complaints need the whole sentence.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence

import polars as pl

from metrics.theme_file import Language, Themes
from metrics.theme_rules import Rule
from metrics.theme_text import clean, fold, guess_language, is_silent, sentences

COMPLAINT = "complaint"
PRAISE = "praise"
MATCHED = 0.9
"""The score of a pattern: it is written by a person, but not for this comment."""
PRAISED = 0.8
KEYS = ["sentence", "clause"]
WHOLE = -1
"""The clause that is the whole sentence; reading both at once compiles each pattern once."""


def split_comments(comments: pl.DataFrame, themes: Themes) -> tuple[pl.DataFrame, pl.DataFrame]:
    """The comments, one row each, and their sentences in each language they may be in.

    First ``comment`` (its position), ``silent`` (says nothing). Then ``sentence`` (a number), ``comment``,
    ``language``, ``text`` (as written, without markup), ``folded`` (as patterns see it).
    """
    words = {code: language.words for code, language in themes.languages.items()}
    scripts = {code: language.script for code, language in themes.languages.items()}
    no_answers = frozenset().union(*(language.no_answer for language in themes.languages.values()))
    declared = comments["language"] if "language" in comments.columns else [None] * comments.height
    silent: list[bool] = []
    rows: list[tuple[int, int, str, str, str]] = []
    number = 0
    for comment, (text, tag) in enumerate(zip(clean(comments["text"]), declared, strict=True)):
        silent.append(is_silent(text, no_answers))
        if silent[-1]:
            continue
        spoken = guess_language(text, words, scripts, tag)
        for sentence in sentences(text):
            folded = fold(sentence)
            rows += [(number, comment, language, sentence, folded) for language in spoken]
            number += 1
    read = pl.DataFrame({"comment": range(comments.height), "silent": silent}, schema_overrides={"silent": pl.Boolean})
    schema = {"sentence": pl.Int64, "comment": pl.Int64, "language": pl.String, "text": pl.String, "folded": pl.String}
    return read, pl.DataFrame(rows, schema=schema, orient="row")


def match(told: pl.DataFrame, themes: Themes) -> tuple[pl.DataFrame, pl.DataFrame]:
    """What patterns find in the sentences of ``split_comments``: ``sentence, theme, score, polarity``.

    With it the sentences (``sentence``) of which a clause denies something.

    The theme is null for praise of nothing in particular. A theme is found once per sentence and polarity. A topic
    that is only named ("great product, price, support") is no complaint in a sentence that praises, whatever language
    either was understood in.
    """
    spoken = set(told["language"].unique())
    found = [
        _in_language(told.filter(pl.col("language") == code), themes, code, language)
        for code, language in themes.languages.items()
        if code in spoken
    ]
    schema = {"sentence": pl.Int64, "theme": pl.String, "score": pl.Float64, "polarity": pl.String, "bare": pl.Boolean}
    rows = pl.concat([pl.DataFrame(schema=schema), *(rows for rows, _ in found)])
    denied = pl.concat([pl.DataFrame(schema={"sentence": pl.Int64}), *(denied for _, denied in found)]).unique()
    praised = rows.filter(pl.col("polarity") == PRAISE).select("sentence", bare=pl.lit(True))
    rows = rows.join(praised, on=["sentence", "bare"], how="anti").drop("bare")
    return rows.unique(["sentence", "theme", "polarity"], maintain_order=True), denied


def _in_language(
    told: pl.DataFrame, themes: Themes, code: str, language: Language
) -> tuple[pl.DataFrame, pl.DataFrame]:
    clauses = _clauses(told, language)
    patterns = {theme.id: theme.patterns[code] for theme in themes.all if code in theme.patterns}
    denied = clauses.filter(_any(themes.praise[code].denied)) if code in themes.praise else clauses.clear()
    read = pl.concat([told.select("sentence", clause=pl.lit(WHOLE, pl.Int64), folded="folded"), clauses])
    within = _find(read, _chosen(patterns, bare=False), KEYS)
    bare = _find(read, _chosen(patterns, bare=True), KEYS)
    whole = pl.concat([within, bare]).filter(pl.col("clause") == WHOLE).drop("clause").unique(maintain_order=True)
    within, bare = (
        found.filter(pl.col("clause") != WHOLE).join(denied, on=KEYS, how="anti") for found in (within, bare)
    )
    part = pl.concat([within, bare])
    praise = _praise(clauses, part, themes, code)
    complaint = {"score": pl.lit(MATCHED), "polarity": pl.lit(COMPLAINT)}
    found = pl.concat([
        _complaints(whole, within, part, praise, denied).select("sentence", "theme", **complaint, bare=pl.lit(False)),
        bare.select("sentence", "theme", **complaint, bare=pl.lit(True)),
        praise.select("sentence", "theme", score=pl.lit(PRAISED), polarity=pl.lit(PRAISE), bare=pl.lit(False)),
    ])  # fmt: skip
    return found, denied.select("sentence")


def _complaints(
    whole: pl.DataFrame, within: pl.DataFrame, part: pl.DataFrame, praise: pl.DataFrame, denied: pl.DataFrame
) -> pl.DataFrame:
    """Sentence and theme: found within a clause that does not deny it, or only by the sentence as a whole.

    What only the whole sentence says is no complaint where a clause praises the same or denies anything.
    """
    both = ["sentence", "theme"]
    across = whole.join(part, on=both, how="anti").join(praise, on=both, how="anti")
    return pl.concat([within.select(both), across.join(denied, on="sentence", how="anti").select(both)])


def _praise(clauses: pl.DataFrame, part: pl.DataFrame, themes: Themes, code: str) -> pl.DataFrame:
    """Sentence and theme of the clauses that praise it; the theme is null for praise as such."""
    if code not in themes.praise:
        return part.select("sentence", "theme").clear()
    telling = themes.praise[code]
    good = clauses.filter(_any(telling.good) & ~_any(telling.negated))
    about = _find(good, telling.about, KEYS)
    praised = pl.concat([_find(clauses, telling.praised, KEYS), about])
    praised = praised.join(part, on=[*KEYS, "theme"], how="anti")
    as_such = good.join(praised, on=KEYS, how="anti").join(part, on=KEYS, how="anti")
    return pl.concat([
        praised.select("sentence", "theme"),
        as_such.select("sentence", theme=pl.lit(None, pl.String)),
    ]).unique(maintain_order=True)  # fmt: skip


def _chosen(patterns: Mapping[str, Sequence[Rule]], *, bare: bool) -> dict[str, list[Rule]]:
    """The bare rules of each theme, or the others; themes without such rules are left out."""
    chosen = {theme: [rule for rule in rules if rule.bare is bare] for theme, rules in patterns.items()}
    return {theme: rules for theme, rules in chosen.items() if rules}


def _find(texts: pl.DataFrame, patterns: Mapping[str, Sequence[Rule]], keys: list[str]) -> pl.DataFrame:
    """``keys`` and theme of the texts that a theme's rules match."""
    if not patterns:
        return texts.select(keys).with_columns(theme=pl.lit(None, pl.String)).clear()
    matched = texts.select(*keys, **{theme: _any(rules) for theme, rules in patterns.items()})
    return matched.unpivot(index=keys, variable_name="theme").filter("value").drop("value")


def _any(rules: Sequence[Rule]) -> pl.Expr:
    return pl.any_horizontal(pl.lit(False), *(_all(rule) for rule in rules))


def _all(rule: Rule) -> pl.Expr:
    text = pl.col("folded").str
    return pl.all_horizontal(
        *(text.contains(pattern) for pattern in rule.every), *(~text.contains(pattern) for pattern in rule.never)
    )


def _clauses(told: pl.DataFrame, language: Language) -> pl.DataFrame:
    """``sentence``, ``clause`` (its position) and ``folded`` (its text)."""
    rows = [
        (sentence, position, clause)
        for sentence, folded in told.select("sentence", "folded").iter_rows()
        for position, clause in enumerate(_split(folded, _borders(language)))
    ]
    schema = {"sentence": pl.Int64, "clause": pl.Int64, "folded": pl.String}
    return pl.DataFrame(rows, schema=schema, orient="row")


def _borders(language: Language) -> re.Pattern[str]:
    """Where clauses end: punctuation and the words that join opposites."""
    words = "|".join(re.escape(word) for word in sorted(language.but, key=len, reverse=True))
    if language.script == "han":
        return re.compile(r"[,;:!?.()](?!\d)" + (f"|{words}" if words else ""))
    return re.compile(r"[,;:!?.()]+(?=\s|$)|\s-\s" + (rf"|\b(?:{words})\b" if words else ""))


def _split(folded: str, borders: re.Pattern[str]) -> Iterator[str]:
    return (piece.strip() for piece in borders.split(folded) if piece.strip())
