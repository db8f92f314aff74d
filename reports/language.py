"""A language a report is written in: how it writes numbers, days and amounts, and what it says."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime

from reports import words
from reports.quarters import Quarter

Texts = Mapping[str, str]
_MONTHS = {
    "en": ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"),
    "de": ("Jan.", "Feb.", "März", "Apr.", "Mai", "Juni", "Juli", "Aug.", "Sept.", "Okt.", "Nov.", "Dez."),
}
_TAGS = {"en": "en-GB", "de": "de-DE"}
_SWAPPED = str.maketrans(",.", ".,")
SHIPPED = tuple(_MONTHS)
"""The languages reports are written in."""


def choose(*wanted: str | None) -> str:
    """The first of the languages wanted (tags such as "de-AT" too) that reports are written in; English otherwise.

    >>> choose("fr", "de-AT"), choose(None, "zh")
    ('de', 'en')
    """
    codes = ((tag or "").strip().lower().replace("_", "-").split("-")[0] for tag in wanted)
    return next((code for code in codes if code in _MONTHS), "en")


@dataclass(frozen=True)
class Language:
    """One of ``SHIPPED`` with the texts of a report: call it with a text's name and what stands in its braces."""

    code: str
    texts: Texts

    def __call__(self, name: str, /, **values: object) -> str:
        """The text of that name, filled in."""
        return self.texts[name].format(**values)

    def count(self, name: str, n: int, /, **values: object) -> str:
        """A text with a number, as ``<name>_one`` or ``<name>_many``, where ``{n}`` is the number."""
        return self(f"{name}_{'one' if n == 1 else 'many'}", n=self.number(n), **values)

    @property
    def tag(self) -> str:
        """The language as a file names it."""
        return _TAGS[self.code]

    def number(self, value: float | None, *, digits: int = 0, signed: bool = False) -> str:
        """A number as it is written here; a dash when it is not known.

        >>> Language("de", {}).number(1234.5, digits=1), Language("en", {}).number(-1234.5, digits=1)
        ('1.234,5', '−1,234.5')
        """
        return self._here(words.number(value, digits=digits, signed=signed))

    @property
    def count_format(self) -> str:
        """The spreadsheet format of whole numbers, grouped as here whatever the reader's own language."""
        mark = "." if self.code == "de" else ","
        return f'[>=1000000]0"{mark}"000"{mark}"000;[>=1000]0"{mark}"000;0'

    @property
    def share_format(self) -> str:
        """The spreadsheet format of rates."""
        return '0" "%' if self.code == "de" else "0%"

    def money(self, minor: float | None, currency: str) -> str:
        """An amount in minor units, written without cents.

        >>> Language("de", {}).money(1234567_00, "EUR"), Language("en", {}).money(99_00, "CHF")
        ('1.234.567 €', 'CHF 99')
        """
        written = words.money(minor, currency)
        if self.code == "en" or minor is None:
            return written
        sign = words.money(0, currency).rstrip("0").strip()
        return f"{self._here(written.replace(sign, '').strip())} {sign}".replace(f"{words.MINUS} ", words.MINUS)

    def percent(self, rate: float | None, *, digits: int = 0, signed: bool = False) -> str:
        """A rate (0..1) as a percentage.

        >>> Language("de", {}).percent(0.125, digits=1), Language("en", {}).percent(0.5, signed=True)
        ('12,5 %', '+50%')
        """
        if rate is None:
            return words.NOTHING
        return self.number(rate * 100, digits=digits, signed=signed) + ("%" if self.code == "en" else " %")

    def day(self, value: date | None) -> str:
        """A day.

        >>> Language("de", {}).day(date(2026, 11, 21)), Language("en", {}).day(date(2026, 11, 21))
        ('21. Nov. 2026', '21 Nov 2026')
        """
        if value is None:
            return words.NOTHING
        return f"{value.day}{'.' if self.code == 'de' else ''} {self.month(value)}"

    def month(self, value: date) -> str:
        """A month.

        >>> Language("de", {}).month(date(2026, 3, 1))
        'März 2026'
        """
        return f"{self.month_name(value)} {value.year}"

    def month_name(self, value: date) -> str:
        """A month without its year."""
        return _MONTHS[self.code][value.month - 1]

    def moment(self, value: datetime) -> str:
        """A day and a time of day, in the value's own time zone."""
        return f"{self.day(value)}, {value:%H:%M}"

    def span(self, quarter: Quarter) -> str:
        """The months of a quarter.

        >>> from reports.quarters import quarter_of
        >>> Language("de", {}).span(quarter_of(date(2026, 9, 1)))
        'Juli–Sept. 2026'
        """
        return f"{self.month_name(quarter.first)}–{self.month(quarter.last)}"

    def listed(self, parts: list[str]) -> str:
        """Parts as people list them.

        >>> Language("de", {}).listed(["a", "b", "c"])
        'a, b und c'
        """
        joint = " und " if self.code == "de" else " and "
        return joint.join([", ".join(parts[:-1]), parts[-1]]) if len(parts) > 1 else "".join(parts)

    def _here(self, english: str) -> str:
        return english.translate(_SWAPPED) if self.code == "de" else english
