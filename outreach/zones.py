"""Time zones: which one a country keeps, where nobody says it for the person."""

from __future__ import annotations

from functools import cache
from importlib import resources
from zoneinfo import available_timezones

_MOST_PEOPLE = {
    "AQ": "Antarctica/McMurdo",
    "AR": "America/Argentina/Buenos_Aires",
    "AU": "Australia/Sydney",
    "BR": "America/Sao_Paulo",
    "CA": "America/Toronto",
    "CD": "Africa/Kinshasa",
    "CL": "America/Santiago",
    "CN": "Asia/Shanghai",
    "CY": "Asia/Nicosia",
    "DE": "Europe/Berlin",
    "EC": "America/Guayaquil",
    "ES": "Europe/Madrid",
    "FM": "Pacific/Pohnpei",
    "GL": "America/Nuuk",
    "ID": "Asia/Jakarta",
    "KI": "Pacific/Tarawa",
    "KZ": "Asia/Almaty",
    "MH": "Pacific/Majuro",
    "MN": "Asia/Ulaanbaatar",
    "MX": "America/Mexico_City",
    "MY": "Asia/Kuala_Lumpur",
    "NZ": "Pacific/Auckland",
    "PF": "Pacific/Tahiti",
    "PG": "Pacific/Port_Moresby",
    "PS": "Asia/Hebron",
    "PT": "Europe/Lisbon",
    "RU": "Europe/Moscow",
    "UA": "Europe/Kyiv",
    "UM": "Pacific/Wake",
    "US": "America/New_York",
    "UZ": "Asia/Tashkent",
}
"""Countries with several zones, and where most of their people live; the table lists zones by place, not by people."""


@cache
def _by_country() -> dict[str, str]:
    """The zone of every country that the tz database lists, by two-letter code."""
    found: dict[str, str] = {}
    table = resources.files("tzdata").joinpath("zoneinfo", "zone.tab").read_text(encoding="utf-8")
    for line in table.splitlines():
        if line and not line.startswith("#"):
            country, _, zone = line.split("\t")[:3]
            found.setdefault(country, zone)
    return {country: _MOST_PEOPLE.get(country, zone) for country, zone in found.items()}


@cache
def _known() -> frozenset[str]:
    return frozenset(available_timezones())


def of_country(country: str | None) -> str | None:
    """The time zone of a country by its two-letter code, where it has several that of most people; None: not known.

    >>> of_country("de"), of_country("RU"), of_country("Germany"), of_country(None)
    ('Europe/Berlin', 'Europe/Moscow', None, None)
    """
    zone = _by_country().get((country or "").strip().upper())
    return zone if zone in _known() else None


def zone_of(named: str | None, country: str | None, otherwise: str) -> str:
    """The name of a person's time zone: their own where it is one, else that of their country, else ``otherwise``.

    >>> zone_of("Asia/Tokyo", "DE", "UTC"), zone_of("../etc/passwd", "DE", "UTC"), zone_of(None, "XX", "UTC")
    ('Asia/Tokyo', 'Europe/Berlin', 'UTC')
    """
    own = (named or "").strip()
    return own if own in _known() else of_country(country) or otherwise
