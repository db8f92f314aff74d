"""What suits those who left, or complain, for a theme: the play that the theme names, with the theme's name."""

from __future__ import annotations

from metrics.churn_reasons import NO_REASON
from pages.shared.answers.comments import themes
from pages.shared.reach.chosen import GONE, To


def for_it(key: str | None, label: str) -> To:
    """Why leavers with this reason are written to; ``key`` is a theme's id, or no theme."""
    theme = next((theme for theme in themes().all if theme.id == key), None)
    if theme is None or key in NO_REASON:
        return GONE
    plays = tuple(dict.fromkeys((theme.play, "you_asked_we_shipped", *GONE.plays)))
    return To(plays, known={"theme": _within(label)})


def _within(label: str) -> str:
    """A label as it stands within a sentence; an acronym keeps its capitals."""
    return label[:1].lower() + label[1:] if label[1:2].islower() else label
