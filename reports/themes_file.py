"""The themes file as pages and reports read it: once, and again when it has changed."""

from __future__ import annotations

from functools import lru_cache
from pathlib import Path

from metrics.themes import Themes, ThemesError, load_themes
from settings import Settings


def themes_of(settings: Settings) -> Themes:
    """The themes of ``config/themes.toml``; ThemesError, naming the file, and OSError as ``load_themes`` raises them.

    Reading the file takes most of a second, so it is read again only when it was written again.
    """
    path = settings.config / "themes.toml"
    try:
        return _read(path, path.stat().st_mtime_ns)
    except ThemesError as error:
        raise ThemesError(f"config/themes.toml cannot be used: {error}") from error


@lru_cache(maxsize=2)
def _read(path: Path, changed: int) -> Themes:
    return load_themes(path)
