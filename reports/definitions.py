"""What a number means, in the words of the metric that works it out."""

from __future__ import annotations

import inspect
import re
from collections.abc import Callable
from typing import Any


def said(function: Callable[..., Any]) -> str:
    """The first paragraph of a metric's description, as one line.

    >>> def share():
    ...     '''Share of ``things``.
    ...
    ...     Null when there are none.
    ...     '''
    >>> said(share)
    'Share of things.'
    """
    first = (inspect.getdoc(function) or "This has no description yet.").split("\n\n")[0]
    return _one_line(first)


def measure(function: Callable[..., Any], name: str) -> str:
    """What a metric's description says of one of its measures: its entry in the list, else the first paragraph.

    >>> def rates():
    ...     '''Rates.
    ...
    ...     - ``grr``: gross revenue retention,
    ...       what is kept.
    ...     - ``nrr``: net.
    ...     '''
    >>> measure(rates, "grr"), measure(rates, "logo")
    ('gross revenue retention, what is kept.', 'Rates.')
    """
    found = re.search(rf"^- ``{re.escape(name)}``:(.*?)(?=^- |^\s*$|\Z)", inspect.getdoc(function) or "", re.S | re.M)
    return _one_line(found[1]) if found else said(function)


def _one_line(text: str) -> str:
    said = " ".join(text.replace(":func:", "").replace("`", "").split())
    return re.sub(r"\bas_of\b", "the day of the snapshot", said)
