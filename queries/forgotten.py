"""Comments of people who are left out: their themes go, and the vectors of sentences that nobody else wrote."""

from __future__ import annotations

import logging

import polars as pl

from metrics import themes as tagging
from metrics.theme_vectors import text_key
from metrics.themes import ThemesError
from queries import checks, vector_files
from queries.comments import KIND, NEEDED, comments_of
from queries.contract import SOURCES
from queries.store import Comments, Manifest, Store
from settings import Settings

_WHICH = ["source", "response_id"]
log = logging.getLogger("tenure.refresh")


def without_comments(
    store: Store, manifest: Manifest, files: dict[str, str], settings: Settings
) -> tuple[Comments, dict[str, str]]:
    """What the manifest says of comments, and the file of their themes, without those that ``files`` lack by now."""
    before, after = (_comments(store, held) for held in (manifest.files, files))
    gone = before.join(after, on=_WHICH, how="anti")
    if gone.is_empty() or KIND not in manifest.files:
        return manifest.comments, {}
    themes = store.scan(manifest.files[KIND]).join(after.lazy().select(_WHICH), on=_WHICH, how="semi").collect()
    return _forgotten(store, manifest.comments, gone, after, _titles(store, files), settings), {
        KIND: store.put_frame(KIND, themes)
    }


def _comments(store: Store, files: dict[str, str]) -> pl.DataFrame:
    held = {
        name: store.scan(files[name]).collect() if name in files else checks.empty(SOURCES[name]) for name in NEEDED
    }
    return comments_of(held)


def _titles(store: Store, files: dict[str, str]) -> list[str]:
    if "roadmap" not in files:
        return []
    return store.scan(files["roadmap"]).select("title").drop_nulls().collect().get_column("title").to_list()


def _forgotten(
    store: Store, comments: Comments, gone: pl.DataFrame, after: pl.DataFrame, titles: list[str], settings: Settings
) -> Comments:
    examples, key = _examples(settings), comments.key
    if examples is None:
        examples, key = [], ""  # the next refresh finds out what is missing
    needed = {*_keys(after), *map(text_key, [*titles, *examples])}
    dropped = [each for each in _keys(gone) if each not in needed]
    parts = vector_files.load(store, comments.vectors)
    kept = vector_files.rows(parts).filter(~pl.col("key").is_in(dropped))
    return comments.model_copy(update={"vectors": vector_files.put(store, parts, kept), "key": key})


def _keys(rows: pl.DataFrame) -> list[str]:
    texts = rows.select("text", response_id="said").unique("response_id")
    return tagging.comment_sentences(texts).get_column("key").unique().to_list()


def _examples(settings: Settings) -> list[str] | None:
    """The sentences of the themes file, whose vectors stay whoever wrote the same; None where it cannot be read."""
    try:
        return tagging.example_sentences(tagging.load_themes(settings.config / "themes.toml"))
    except (ThemesError, OSError) as error:
        log.warning("The themes file cannot be read: %s", error)
        return None
