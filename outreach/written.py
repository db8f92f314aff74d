"""Days, numbers and amounts as the language of a message writes them, and the few words of the value summary.

How a language writes them comes from Babel (the Unicode CLDR), so that a language that a company adds by adding a body
is right without any code. What has words of ours in it, and none in that language, is written without them or left out.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import date
from functools import lru_cache

from babel import Locale, UnknownLocaleError, dates, numbers

_LAST_YEAR = {
    "en": "last 12 months",
    "de": "letzte 12 Monate",
    "ru": "последние 12 месяцев",
    "zh": "近12个月",
    "ro": "ultimele 12 luni",
}
_SINCE = {"en": "since {}", "de": "seit {}", "ru": "с {}", "zh": "自{}起", "ro": "din {}"}
_REACH = {
    "en": "Customers of yours served",
    "de": "Betreute Kunden",
    "ru": "Обслужено ваших клиентов",
    "zh": "服务的客户数",
    "ro": "Clienți deserviți",
}
_PERIODS: Mapping[str, Mapping[int, str]] = {
    "en": {1: "{} a month", 3: "{} a quarter", 12: "{} a year"},
    "de": {1: "{} im Monat", 3: "{} im Quartal", 12: "{} im Jahr"},
    "ru": {1: "{} в месяц", 3: "{} в квартал", 12: "{} в год"},
    "zh": {1: "每月 {}", 3: "每季度 {}", 12: "每年 {}"},
    "ro": {1: "{} pe lună", 3: "{} pe trimestru", 12: "{} pe an"},
}
_ABBREVIATED = re.compile(r"\sг\.$")


@lru_cache(maxsize=64)
def _locale(language: str) -> Locale:
    tag = "en_GB" if language.lower() == "en" else language.replace("-", "_")
    try:
        return Locale.parse(tag)
    except (ValueError, UnknownLocaleError):
        return Locale.parse("en_GB")


class Written:
    """One language, by its tag; one that nobody knows writes like English.

    >>> [Written(tag).day(date(2026, 3, 5)) for tag in ("en", "de", "ru", "zh", "ro", "pl")]
    ['5 March 2026', '5. März 2026', '5 марта 2026 года', '2026年3月5日', '5 martie 2026', '5 marca 2026']
    """

    def __init__(self, language: str) -> None:
        self._locale = _locale(language)
        self._words = self._locale.language

    def day(self, value: date) -> str:
        """A whole day, written out."""
        said = dates.format_date(value, "long", locale=self._locale)
        # The Russian abbreviation for "year" ends in a dot, which doubles at the end of a sentence.
        return _ABBREVIATED.sub(" года", said)

    def number(self, value: int) -> str:
        """A whole number.

        >>> Written("de").number(12345), Written("en").number(12345)
        ('12.345', '12,345')
        """
        return numbers.format_decimal(value, locale=self._locale)

    def amount(self, minor: int, currency: str, months: int) -> str | None:
        """An amount in minor units paid every so many months; None where we have no words for that.

        >>> Written("en").amount(480000, "EUR", 12), Written("de").amount(9950, "CHF", 1)
        ('€4,800 a year', '99,50\\xa0CHF im Monat')
        """
        form = _PERIODS.get(self._words, {}).get(months)
        if form is None:
            return None
        said = numbers.format_currency(
            minor / 100,
            currency,
            locale=self._locale,
            format=None if minor % 100 else self._whole,
            currency_digits=False,
        )
        return form.format(said)

    def used(self, name: str, uses: int, since: date, until: date, *, a_year: bool, running: bool) -> str:
        """How often something was used over a span: of the last year, since a day (``running``), or between two days.

        >>> span = (date(2025, 11, 22), date(2026, 11, 21))
        >>> Written("en").used("Invoices", 1204, *span, a_year=True, running=True)
        'Invoices, last 12 months: 1,204'
        >>> Written("zh").used("账单", 1204, *span, a_year=False, running=True)
        '账单（自2025年11月22日起）：1,204'
        >>> Written("fr").used("Factures", 12, *span, a_year=True, running=True)
        'Factures, 22 novembre 2025 – 21 novembre 2026: 12'
        """
        if running and a_year and self._words in _LAST_YEAR:
            span = _LAST_YEAR[self._words]
        elif running and not a_year and self._words in _SINCE:
            span = _SINCE[self._words].format(self.day(since))
        else:
            span = f"{self.day(since)} – {self.day(until)}"
        return self._label(name, span, uses)

    def reached(self, count: int, month: date) -> str | None:
        """How many end customers were served in a month; None where we have no words for that.

        >>> Written("en").reached(384, date(2026, 10, 1)), Written("de").reached(384, date(2026, 10, 1))
        ('Customers of yours served, October 2026: 384', 'Betreute Kunden, Oktober 2026: 384')
        """
        name = _REACH.get(self._words)
        if name is None:
            return None
        said = _ABBREVIATED.sub("", dates.format_skeleton("yMMMM", month, locale=self._locale))
        return self._label(name, said, count)

    @property
    def _whole(self) -> str:
        """How whole amounts are written: the locale's own way, without a fraction."""
        return str(self._locale.currency_formats["standard"].pattern).replace(".00", "")

    def _label(self, name: str, span: str, count: int) -> str:
        form = "{}（{}）：{}" if self._words == "zh" else "{}, {}: {}"
        return form.format(name, span, self.number(count))
