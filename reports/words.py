"""Numbers, dates and verdicts in words: what pages and reports write alike."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import date, datetime, timedelta

NOTHING = "–"
MINUS = "\u2212"
_SYMBOLS = {"EUR": "€", "USD": "$", "GBP": "£", "JPY": "¥", "INR": "₹"}
_SECONDS = ((86_400, "day"), (3_600, "hour"), (60, "minute"))
_VERDICTS = {
    "up": "a real rise",
    "down": "a real fall",
    "within noise": "within noise",
    "too few": "too few to tell",
}


def _grouped(value: float, digits: int) -> str:
    text = f"{abs(value):,.{digits}f}"
    return f"{MINUS}{text}" if value < 0 and text.strip("0.,") else text


def number(value: float | None, *, digits: int = 0, signed: bool = False) -> str:
    """A number with thousands separators and a real minus sign; a dash when it is not known.

    >>> number(1234.5), number(-3, signed=True), number(2, signed=True), number(None)
    ('1,234', '−3', '+2', '–')
    """
    if value is None:
        return NOTHING
    plus = "+" if signed and round(value, digits) > 0 else ""
    return plus + _grouped(value, digits)


def money(minor: float | None, currency: str, *, short: bool = False, signed: bool = False) -> str:
    """An amount in minor units (cents), written in its currency without cents; ``short`` as 1.2M or 34k.

    >>> money(123_456_00, "EUR"), money(-5_000_00, "CHF"), money(1_234_567_00, "USD", short=True)
    ('€123,456', '−CHF 5,000', '$1.23M')
    >>> money(950_00, "EUR", short=True, signed=True), money(0, "EUR"), money(None, "EUR")
    ('+€950', '€0', '–')
    >>> [money(minor * 100, "EUR", short=True) for minor in (999, 6_400, 14_831, 123_456, 999_700, 1_234_567)]
    ['€999', '€6.4k', '€15k', '€123k', '€1M', '€1.23M']
    """
    if minor is None:
        return NOTHING
    amount = abs(minor) / 100
    symbol = _SYMBOLS.get(currency, f"{currency} ")
    written = f"{symbol}{_short(amount) if short else f'{amount:,.0f}'}"
    if not re.search("[1-9]", written):
        return written
    return (MINUS if minor < 0 else "+" if signed else "") + written


def _short(amount: float) -> str:
    for size, letter, digits in ((1e9, "B", 2), (1e6, "M", 2), (1e3, "k", 1)):
        if amount >= size * 0.9995:
            scaled = amount / size
            written = f"{scaled:.{max(0, digits - (scaled >= 9.95) - (scaled >= 99.5))}f}"
            return (written.rstrip("0").rstrip(".") if "." in written else written) + letter
    return f"{amount:,.0f}"


def percent(rate: float | None, *, digits: int = 1) -> str:
    """A rate between 0 and 1 as a percentage; a dash when it was not observed.

    >>> percent(0.9214), percent(0.5, digits=0), percent(None)
    ('92.1%', '50%', '–')
    """
    return NOTHING if rate is None else f"{_grouped(rate * 100, digits)}%"


def points(change: float | None, *, digits: int = 1) -> str:
    """A difference of two rates (0..1) in percentage points, with its sign.

    >>> points(0.0134), points(-0.02), points(None)
    ('+1.3 pts', '−2.0 pts', '–')
    """
    return NOTHING if change is None else f"{number(change * 100, digits=digits, signed=True)} pts"


def score(value: float | None) -> str:
    """A score such as NPS or health, in whole points, with a minus sign where it is negative.

    >>> score(24.6), score(-8.2), score(None)
    ('25', '−8', '–')
    """
    return NOTHING if value is None else _grouped(value, 0)


def plural(n: int, one: str, many: str | None = None) -> str:
    """A count with its noun.

    >>> plural(1, "account"), plural(1200, "account"), plural(2, "company", "companies")
    ('1 account', '1,200 accounts', '2 companies')
    """
    return f"{n:,} {one if n == 1 else many or one + 's'}"


def between(low: float | None, high: float | None, write: Callable[[float | None], str] = percent) -> str:
    """An interval in words; says so when there is none.

    >>> between(0.901, 0.942), between(None, None)
    ('90.1% to 94.2%', 'no interval')
    """
    return "no interval" if low is None or high is None else f"{write(low)} to {write(high)}"


def day(value: date | None) -> str:
    """A day.

    >>> day(date(2026, 3, 7)), day(None)
    ('7 Mar 2026', '–')
    """
    return NOTHING if value is None else f"{value.day} {value:%b %Y}"


def month(value: date | None) -> str:
    """A month.

    >>> month(date(2026, 3, 1))
    'Mar 2026'
    """
    return NOTHING if value is None else f"{value:%b %Y}"


def moment(value: datetime) -> str:
    """A day and a time of day, in the value's own time zone.

    >>> moment(datetime(2026, 11, 21, 9, 5))
    '21 Nov 2026, 09:05'
    """
    return f"{day(value)}, {value:%H:%M}"


def age(value: timedelta) -> str:
    """How long ago, in the largest unit that fits.

    >>> age(timedelta(seconds=20)), age(timedelta(minutes=61)), age(timedelta(days=2))
    ('just now', '1 hour ago', '2 days ago')
    """
    for size, unit in _SECONDS:
        if value.total_seconds() >= size:
            return f"{plural(int(value.total_seconds() // size), unit)} ago"
    return "just now"


def verdict(value: str | None) -> str:
    """A verdict on a change, in words people use; anything unknown stays as it is.

    >>> verdict("up"), verdict("within noise"), verdict("too few"), verdict(None)
    ('a real rise', 'within noise', 'too few to tell', 'no verdict')
    """
    return "no verdict" if value is None else _VERDICTS.get(value, value)
