"""Units of a figure's numbers: how a value is drawn, and how it is written."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from pages.shared import words


@dataclass(frozen=True)
class Unit:
    """How numbers of one kind are scaled on an axis, written on its ticks, and written beside a point."""

    scale: float
    write: Callable[[float | None], str]
    prefix: str = ""
    suffix: str = ""
    tick: str = ",.0f"

    def draw(self, value: float | None) -> float | None:
        """The value as it stands on the axis."""
        return None if value is None else value * self.scale


PERCENT = Unit(100, words.percent, suffix="%", tick=",.3~r")
POINTS = Unit(100, words.points, suffix=" pts", tick=",.3~r")
SCORE = Unit(1, words.score)
COUNT = Unit(1, words.number)
DAYS = Unit(1, lambda value: f"{words.number(value)} days" if value is not None else words.NOTHING)


def money(currency: str) -> Unit:
    """Amounts in minor units of ``currency``, written short."""
    sign = words.money(0, currency).rstrip("0")
    return Unit(0.01, lambda value: words.money(value, currency, short=True), prefix=sign, tick=",.3~s")
