"""Reads comments at refresh, so that no page has to: the vectors of their sentences, and the themes they are about.

Encoding a sentence is slow, so a vector is kept for as long as some comment holds the sentence. Themes are kept for as
long as neither the comment nor what finds them has changed.
"""

from __future__ import annotations

import hashlib
import logging
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

import polars as pl

from metrics import theme_vectors
from metrics import themes as tagging
from metrics.themes import Themes, ThemesError
from queries import vector_files
from queries.months import Progress
from queries.store import Comments, Manifest, Store

log = logging.getLogger("tenure.refresh")

THEMES: dict[str, Any] = {
    "source": pl.String,
    "response_id": pl.String,
    "theme": pl.String,
    "score": pl.Float64,
    "evidence": pl.String,
    "polarity": pl.String,
}
"""Columns of the themes, as pages see them."""

KEPT: dict[str, Any] = {"said": pl.String, "account_id": pl.String, **THEMES}
"""Columns of the file of themes: also whose the comment is, and a hash of it, by which the next refresh knows it."""

KIND = "comment_themes"
FORMAT = 1
"""Raised when the files are written in another way: the next refresh finds all themes again."""

_SOURCES = {
    "nps": ("response_id", "comment"),
    "exit_surveys": ("response_id", "comment"),
    "reviews": ("review_id", "text"),
}
NEEDED = ("accounts", "roadmap", *_SOURCES)
"""The sources that comments are read from."""
_FOUND = ["said", "theme", "score", "evidence", "polarity"]
_FILE = "config/themes.toml"


def comments_of(frames: Mapping[str, pl.DataFrame]) -> pl.DataFrame:
    """What people wrote: one row per survey answer, exit answer and review of the sources in ``frames``.

    ``source, response_id`` (of a review its id), ``account_id`` (null for most reviews), ``text`` (null where they
    wrote nothing), ``language`` of the account, and ``said``, a hash of text and language. Invitations that nobody
    answered are left out.
    """
    answered = pl.col("score").is_not_null() | pl.col("comment").is_not_null()
    given = {name: frames[name].filter(answered) if name == "nps" else frames[name] for name in _SOURCES}
    rows = pl.concat(
        given[name].select("account_id", source=pl.lit(name), response_id=identifier, text=text)
        for name, (identifier, text) in _SOURCES.items()
    ).join(frames["accounts"].select("account_id", "language"), on="account_id", how="left", maintain_order="left")
    spoken = rows.with_columns(pl.when(pl.col("text").is_not_null()).then("language"))
    texts = spoken.select("text", "language").unique(maintain_order=True)
    said = [_hash(repr((language, text)).encode()) for text, language in texts.iter_rows()]
    named = texts.with_columns(said=pl.Series(said, dtype=pl.String))
    return spoken.join(named, on=["text", "language"], how="left", nulls_equal=True, maintain_order="left")


def _hash(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()[:32]


@dataclass(frozen=True)
class Reading:
    """How comments are read: by the themes in ``file``, building on ``old``, the snapshot before.

    ``again`` asks for the themes of all comments anew, from the vectors there are.
    """

    store: Store
    file: Path
    old: Manifest | None
    again: bool
    progress: Progress

    def made(self, frames: Mapping[str, pl.DataFrame]) -> tuple[Comments, str]:
        """What the manifest says of the comments in ``frames`` (the sources), and the name of the file of their themes.

        What goes wrong with the themes file or the encoder stops no refresh: comments whose themes are not known have
        no row then, and the manifest says why.
        """
        rows, titles = comments_of(frames), frames["roadmap"].get_column("title").drop_nulls().unique().sort().to_list()
        wishes = _hash(repr(titles).encode())
        texts = rows.select("said", "text", "language").unique("said", keep="first", maintain_order=True)
        found, files, key = _nothing_found(), self.old.comments.vectors if self.old else (), ""
        error = hint = None
        try:
            text = self._text()
            key = _key(text)
            before = self._before(key)
            found = before.join(texts, on="said", how="semi", maintain_order="left")
            new = texts.join(found, on="said", how="anti", maintain_order="left")
            fewer = found.height < before.height
            if new.height or fewer or self.again or not self._same(key, wishes):
                themes = _themes(text)
                vectors, files = self._encoded(texts, [*titles, *_examples(texts, themes)], files, waiting=new.height)
                found = pl.concat([found, _found(new, themes, vectors)])
        except ThemesError as problem:
            key, (error, _, hint) = "", str(problem).partition("\n\nHint: ")
        except (Exception, pl.exceptions.PanicException) as problem:
            log.exception("Comments could not be read.")
            error, hint = f"Comments could not be read: {_words(problem)}.", "the next refresh tries again"
        if error is not None:
            files = self._still_said(texts, files)
        kept = rows.join(found, on="said", maintain_order="left_right").select(
            pl.col(n).cast(k) for n, k in KEPT.items()
        )
        state = Comments(vectors=files, key=key, titles="" if error else wishes, error=error, hint=hint or None)
        return state, self.store.put_frame(KIND, kept)

    def _text(self) -> str:
        """The themes file as it is."""
        try:
            return self.file.read_text(encoding="utf-8")
        except FileNotFoundError:
            hint = "take it from where Tenure came from; until then no comment has a theme"
            raise ThemesError(f"{_FILE} is missing.\n\nHint: {hint}") from None
        except (OSError, UnicodeDecodeError) as error:
            raise ThemesError(f"{_FILE} cannot be read: {_words(error)}.") from error

    def _same(self, key: str, wishes: str | None = None) -> bool:
        """Whether the snapshot before found themes in the same way, and knew the same roadmap (None: whichever)."""
        before = self.old.comments if self.old else Comments()
        return self.old is not None and before.key == key and wishes in (None, before.titles)

    def _before(self, key: str) -> pl.DataFrame:
        """The themes that the snapshot before found in each text, where it found them in the same way."""
        if self.again or self.old is None or not self._same(key):
            return _nothing_found()
        before = self.store.scan(self.old.files[KIND]).select(_FOUND).collect()
        return before.unique(["said", "theme"], keep="first", maintain_order=True)

    def _encoded(
        self, texts: pl.DataFrame, more: list[str], files: tuple[str, ...], *, waiting: int
    ) -> tuple[pl.DataFrame, tuple[str, ...]]:
        """The vectors of all sentences of ``texts`` and of ``more``, and the files that hold just these."""

        def progress(done: int, of: int) -> None:
            self.progress("comments", waiting * done // of, waiting)

        sentences = tagging.comment_sentences(texts.select("text", response_id="said"))["sentence"].to_list()
        parts = vector_files.load(self.store, files)
        known = vector_files.rows(parts)
        vectors = theme_vectors.sentence_vectors([*sentences, *more], known=known, progress=progress)
        return vector_files.rounded(vectors), vector_files.put(self.store, parts, vectors)

    def _still_said(self, texts: pl.DataFrame, files: tuple[str, ...]) -> tuple[str, ...]:
        """Files with those vectors of ``files`` whose sentences are in ``texts``: words that were erased leave none."""
        try:
            keys = tagging.comment_sentences(texts.select("text", response_id="said")).select("key")
        except (Exception, pl.exceptions.PanicException):
            log.exception("Sentences could not be told apart; all vectors are dropped.")
            return ()
        parts = vector_files.load(self.store, files)
        return vector_files.put(self.store, parts, vector_files.rows(parts).join(keys, on="key", how="semi"))


def _examples(texts: pl.DataFrame, themes: Themes) -> list[str]:
    """The sentences that comments are compared with; none where nobody wrote anything."""
    return tagging.example_sentences(themes) if texts["text"].drop_nulls().len() else []


def _key(text: str) -> str:
    """Changes with all that makes the same comment mean other themes; ``text`` is that of the themes file."""
    return _hash(repr((FORMAT, tagging.METHOD, theme_vectors.ENCODER, text)).encode())


@lru_cache(maxsize=1)
def _themes(text: str) -> Themes:
    """The themes of a file's text; checking its patterns takes a second, so a process that stays does it once."""
    try:
        return tagging.load_themes(text)
    except ThemesError as error:
        said, mark, hint = str(error).partition("\n\nHint: ")
        raise ThemesError(f"{_FILE} cannot be used: {said.rstrip('.')}.{mark}{hint}") from error


def _nothing_found() -> pl.DataFrame:
    return pl.DataFrame(schema={name: KEPT[name] for name in _FOUND})


def _found(texts: pl.DataFrame, themes: Themes, vectors: pl.DataFrame) -> pl.DataFrame:
    """``said, theme, score, evidence, polarity`` of ``texts``."""
    comments = texts.select("text", "language", response_id="said")
    found = tagging.find_themes(comments, themes, vectors=vectors)
    return found.rename({"response_id": "said"}).select(pl.col(name).cast(KEPT[name]) for name in _FOUND)


def _words(error: BaseException) -> str:
    """What an error says, on one line."""
    return " ".join(str(error).split()).rstrip(".") or type(error).__name__
