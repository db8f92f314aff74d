"""What a failure looks like to people: one calm sentence, what to do, and a reference to the log."""

from __future__ import annotations

import logging
import secrets
from collections.abc import Iterator
from contextlib import contextmanager

import polars as pl
import streamlit as st
from streamlit.runtime.scriptrunner_utils.exceptions import ScriptControlException

import settings
from metrics.themes import ThemesError
from pages.shared import words
from pages.shared.viewer import NotAllowed
from queries.errors import NoSnapshot, QueryError

_log = logging.getLogger("tenure.pages")


def tell(error: BaseException, what: str) -> None:
    """Log ``error`` with its traceback; show what it means for ``what``, without its details unless they help."""
    if isinstance(error, NoSnapshot):
        st.info(_said(error), icon=":material/hourglass_top:")
        return
    if isinstance(error, NotAllowed):
        _log.warning("refused: %s", error)
        st.warning(words.inert(str(error)), icon=":material/lock:")
        return
    reference = secrets.token_hex(3)
    _log.error("%s failed (reference %s)", what, reference, exc_info=error)
    if isinstance(error, QueryError | settings.SettingsError | ThemesError):
        st.warning(f"{_start(what)} cannot be shown.\n\n{_said(error)}", icon=":material/build:")
        return
    st.warning(
        f"{_start(what)} could not be worked out. The rest is not affected, and the log says why under reference "
        f"`{reference}`. Reload the page to try again.",
        icon=":material/error_outline:",
    )


def _start(what: str) -> str:
    return words.inert(what[:1].upper() + what[1:])


def _said(error: BaseException) -> str:
    """The message of an error of ours, and the hint after it as a sentence."""
    paragraphs = (part.removeprefix("Hint: ") for part in str(error).split("\n\n") if part.strip())
    return "\n\n".join(words.marked(part[:1].upper() + part[1:]) for part in paragraphs)


@contextmanager
def calm(what: str = "this page") -> Iterator[None]:
    """Turn a failure inside the block into a message, so that what stands around it still shows.

    Streamlit's own signals (rerun, stop, switch page) pass. Polars' panics are no ``Exception``, and are caught.
    """
    try:
        yield
    except ScriptControlException:
        raise
    except (Exception, pl.exceptions.PanicException) as error:
        tell(error, what)


def on_script_error(error: Exception) -> bool:
    """The last net, for callbacks: they run before any page, and so outside every block above."""
    tell(error, "this")
    return True
