"""The settings: ``config/settings.toml`` and the environment, read once into one frozen, typed object."""

from __future__ import annotations

import os
import re
import tomllib
from collections.abc import Mapping
from datetime import time, timedelta
from functools import cache
from pathlib import Path
from typing import Annotated, Any, Literal, Self
from zoneinfo import ZoneInfo, available_timezones

from pydantic import (
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    FiniteFloat,
    ValidationError,
    ValidationInfo,
    field_validator,
    model_validator,
)

from queries import bucket_access

ROOT = Path(__file__).resolve().parent
LONGEST = timedelta(days=20)
"""No duration is longer: PostgreSQL counts a time-out in milliseconds, in 31 bits."""

_UNITS = {"s": "seconds", "m": "minutes", "h": "hours", "d": "days"}


class SettingsError(Exception):
    """The settings cannot be used; the message names the file, the key and what to do."""


def duration(text: object) -> timedelta:
    """A duration written like ``90s``, ``10m``, ``2h`` or ``1d``; ValueError when it is not."""
    if isinstance(text, timedelta):
        return text
    match = re.fullmatch(r"([0-9]{1,6})\s*([smhd])", str(text).strip())
    if match is None or int(match[1]) == 0:
        raise ValueError(f'"{text}" is no duration; write a number and a unit, for example "10m" or "2h"')
    value = timedelta(**{_UNITS[match[2]]: int(match[1])})
    if value > LONGEST:
        raise ValueError(f'"{text}" is too long; at most {LONGEST.days}d')
    return value


Weekday = Literal["monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday"]
Currency = Annotated[str, Field(pattern="^[A-Z]{3}$")]
WebLink = Annotated[str, Field(pattern=r"^https?://[^\s<>\"'\\()\[\]]+$")]
Duration = Annotated[timedelta, BeforeValidator(duration)]


class _Section(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


@cache
def _zones() -> set[str]:
    """Every IANA time zone; looking through the files of them takes longer than reading all settings."""
    return available_timezones()


class Organisation(_Section):
    """Who we are: time zone, reporting currency, first day of the week."""

    name: str
    time_zone: str
    currency: Currency
    week_start: Literal["monday", "sunday"] = "monday"
    language: str = "en"

    @field_validator("time_zone")
    @classmethod
    def _known_zone(cls, value: str) -> str:
        if value not in _zones():
            raise ValueError(f'"{value}" is no IANA time zone; write for example "Europe/Berlin"')
        return value

    @property
    def zone(self) -> ZoneInfo:
        """The organisation's time zone."""
        return ZoneInfo(self.time_zone)


class Refresh(_Section):
    """How the product database is read."""

    every: Duration = timedelta(minutes=10)
    late_days: int = Field(3, ge=0, le=366)
    statement_timeout: Duration = timedelta(minutes=10)
    keep_hours: int = Field(24, ge=1, le=24 * 366)
    stale_after: Duration = timedelta(hours=2)


class Revenue(_Section):
    """Limits of late renewals and pauses, in days."""

    grace_days: int = Field(30, ge=0, le=3660)
    pause_max_days: int = Field(90, ge=0, le=3660)


class Value(_Section):
    """When a paying account counts as silent."""

    silent_days: tuple[int, int, int] = (30, 60, 90)
    new_account_days: int = Field(30, ge=0, le=3660)

    @field_validator("silent_days")
    @classmethod
    def _rising(cls, value: tuple[int, int, int]) -> tuple[int, int, int]:
        if not 0 < value[0] < value[1] < value[2]:
            raise ValueError("the three numbers of days must rise, for example [30, 60, 90]")
        return value


Group = Literal["value", "momentum", "voice", "support", "relationship", "onboarding"]
"""A group of health measures."""


def _check_weights(weights: Mapping[Group, float]) -> None:
    """ValueError when weights cannot be used."""
    total = sum(weights.values())
    if total <= 0 or min(weights.values()) < 0:
        raise ValueError("weights must not be negative, and their sum must be above 0")
    if weights.get("value", 0) + weights.get("momentum", 0) > 0.6 * total * (1 + 1e-9):
        raise ValueError("value and momentum together may hold at most 60% of the weight; lower one")


class Health(_Section):
    """Bands (least score of each) and weights of the health groups; a segment may have weights of its own."""

    bands: dict[Literal["green", "yellow", "red"], FiniteFloat]
    weights: dict[Group, FiniteFloat]
    segments: dict[str, dict[Group, FiniteFloat]] = {}

    @field_validator("bands")
    @classmethod
    def _falling(cls, value: dict[str, float]) -> dict[str, float]:
        if (
            value.keys() != {"green", "yellow", "red"}
            or not 100 >= value["green"] > value["yellow"] > value["red"] == 0
        ):
            raise ValueError(
                "green, yellow and red are each the least score of a band: 100 >= green > yellow > red = 0"
            )
        return value

    @field_validator("weights")
    @classmethod
    def _use_is_not_everything(cls, value: dict[Group, float]) -> dict[Group, float]:
        _check_weights(value)
        return value

    @field_validator("segments")
    @classmethod
    def _of_segments_neither(
        cls, value: dict[str, dict[Group, float]], info: ValidationInfo
    ) -> dict[str, dict[Group, float]]:
        """Every set as it counts, completed from ``weights``; it must keep the same rule."""
        if "weights" not in info.data:  # refused already
            return value
        whole = {name: info.data["weights"] | own for name, own in value.items()}
        for name, weights in whole.items():
            try:
                _check_weights(weights)
            except ValueError as error:
                raise ValueError(f'of the segment "{name}", {error}') from None
        return whole


class Outreach(_Section):
    """Who sends, how often people are written to, when they are not, and how the outbox works."""

    sender_name: str = "Customer success"
    sender_address: str = "customer-success@example.org"
    reply_to: str | None = None
    most_per_person: int = Field(1, ge=0, le=100)
    contact_days: int = Field(14, ge=0, le=3660)
    account_contact_days: int = Field(7, ge=0, le=3660)
    quiet_from: time = time(19)
    quiet_until: time = time(8)
    quiet_weekdays: frozenset[Weekday] = frozenset({"saturday", "sunday"})
    holdout: float = Field(0.1, ge=0, le=0.9)
    draft_hours: int = Field(24, ge=1, le=24 * 30)
    window_hours: int = Field(72, ge=1, le=24 * 30)
    lease: Duration = timedelta(minutes=2)
    most_attempts: int = Field(6, ge=1, le=50)
    errors_pause: int = Field(10, ge=1, le=10_000)
    webhook_url: str | None = None
    webhook_hosts: frozenset[str] = frozenset()
    bounce_folder: Path | None = None
    links: dict[Literal["export", "return", "help", "product", "meeting"], WebLink] = {}

    @field_validator("quiet_weekdays")
    @classmethod
    def _some_day_is_left(cls, value: frozenset[Weekday]) -> frozenset[Weekday]:
        if len(value) == 7:
            raise ValueError("every weekday is quiet, so nothing would ever be sent; leave one out")
        return value

    @model_validator(mode="after")
    def _some_hour_is_left(self) -> Self:
        if self.quiet_from == self.quiet_until:
            raise ValueError("quiet_from and quiet_until must differ")
        return self


class Alerts(_Section):
    """What the team is told about an account, at most once a week each; nothing while ``ALERT_URLS`` is unset."""

    red: bool = True
    detractor: bool = True
    renewal_days: int = Field(30, ge=0, le=366)


class Digest(_Section):
    """The monthly mail to its subscribers: on which day of the month, and in which language."""

    enabled: bool = True
    day: int = Field(3, ge=1, le=28)


Role = Literal["executive", "product", "csm", "admin"]
"""What somebody is here for; what each may see and do is in pages/shared/roles.py."""


class Access(_Section):
    """Who has which role, by address or by a claim of the identity provider, and whose accounts a CSM sees."""

    role_claim: str = Field("roles", min_length=1)
    claims: dict[str, Role] = {}
    people: dict[str, Role] = {}
    csm_scope: Literal["all", "own"] = "all"
    sign_in_again: Duration = timedelta(hours=12)

    @field_validator("people")
    @classmethod
    def _addresses(cls, value: dict[str, Role]) -> dict[str, Role]:
        for address in value:
            if "@" not in address:
                raise ValueError(f'"{address}" is no address; write for example "ada@example.com" = "csm"')
        folded = {address.strip().casefold(): role for address, role in value.items()}
        if len(folded) < len(value):
            raise ValueError("an address stands there twice; addresses differ by more than upper case")
        return folded


class Settings(_Section):
    """All settings. ``config`` is the folder they came from."""

    config: Path
    organisation: Organisation
    currency_rates: dict[Currency, Annotated[FiniteFloat, Field(gt=0)]] = {}
    refresh: Refresh = Refresh()
    revenue: Revenue = Revenue()
    value: Value = Value()
    health: Health
    outreach: Outreach = Outreach()
    alerts: Alerts = Alerts()
    digest: Digest = Digest()
    access: Access = Access()
    product_database_url: str | None = Field(None, repr=False)
    records_database_url: str | None = Field(None, repr=False)
    records_owner_url: str | None = Field(None, repr=False)
    snapshot_dir: str
    smtp_url: str | None = Field(None, repr=False)
    public_url: str = "http://127.0.0.1:8501"
    secret_key: str | None = Field(None, repr=False)
    webhook_secret: str | None = Field(None, repr=False)
    alert_urls: str | None = Field(None, repr=False)

    @property
    def outbox_dir(self) -> Path:
        """Where mail is written as files while ``SMTP_URL`` is unset."""
        return ROOT / ".data" / "outbox"

    @property
    def plays(self) -> Path:
        """The folder of the plays."""
        return self.config / "plays"

    @property
    def sources(self) -> Path:
        """The folder of the source mappings."""
        return self.config / "sources"


_FROM_ENVIRONMENT = {
    "config": "TENURE_CONFIG",
    "product_database_url": "PRODUCT_DATABASE_URL",
    "records_database_url": "RECORDS_DATABASE_URL",
    "records_owner_url": "RECORDS_OWNER_URL",
    "snapshot_dir": "SNAPSHOT_DIR",
    "smtp_url": "SMTP_URL",
    "public_url": "PUBLIC_URL",
    "secret_key": "SECRET_KEY",
    "webhook_secret": "WEBHOOK_SECRET",
    "alert_urls": "ALERT_URLS",
}
"""What stands nowhere in a file: it differs from machine to machine, or is secret."""
_PLAIN = {
    name: _FROM_ENVIRONMENT[name] for name in ("smtp_url", "public_url", "secret_key", "webhook_secret", "alert_urls")
}


def _demo(name: str) -> str | None:
    """What ``python -m demo`` wrote down, an address of its database or its secret key; None when there is no demo."""
    path = ROOT / ".data" / name
    return path.read_text(encoding="utf-8").strip() if path.exists() else None


def _urls(environment: dict[str, str]) -> dict[str, str | None]:
    """Which databases to use. What the dashboard writes down goes beside the product's tables unless told otherwise."""

    def given(name: str) -> str | None:
        return environment.get(name, "").strip() or None

    product = given("PRODUCT_DATABASE_URL")
    demo = None if product else _demo("demo.url")
    return {
        "product_database_url": product or demo,
        "records_database_url": given("RECORDS_DATABASE_URL") or product or _demo("records.url") or demo,
        "records_owner_url": given("RECORDS_OWNER_URL"),
    }


def read(config: Path, environment: dict[str, str]) -> Settings:
    """Settings from ``config/settings.toml`` and ``environment``; SettingsError names what is wrong."""
    path = config / "settings.toml"
    try:
        values = tomllib.loads(path.read_text(encoding="utf-8-sig"))
    except FileNotFoundError:
        raise SettingsError(
            f"{path} is missing.\n\nHint: set TENURE_CONFIG to a folder that holds settings.toml."
        ) from None
    except OSError as error:
        raise SettingsError(f"{path} cannot be read: {error.strerror}.") from None
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise SettingsError(f"{path} is not valid TOML: {error}") from None
    secret = sorted(_FROM_ENVIRONMENT.keys() & values.keys())
    if secret:
        raise SettingsError(f"{path} sets {secret[0]}.\n\nHint: set {_FROM_ENVIRONMENT[secret[0]]} in the environment.")
    snapshot_dir = environment.get("SNAPSHOT_DIR") or str(ROOT / ".data" / "snapshot")
    try:
        bucket_access.read(snapshot_dir, environment)
    except ValueError as error:
        raise SettingsError(str(error)) from None
    given: dict[str, Any] = _urls(environment) | {"config": config, "snapshot_dir": snapshot_dir}
    given |= {name: environment[variable] for name, variable in _PLAIN.items() if environment.get(variable)}
    if not environment.get("PRODUCT_DATABASE_URL", "").strip():
        given.setdefault("secret_key", _demo("secret.key"))
    try:
        return Settings.model_validate(values | given)
    except ValidationError as error:
        lines = [
            f"  {'.'.join(map(str, item['loc']))}: {item['msg'].removeprefix('Value error, ')}"
            for item in error.errors()
        ]
        raise SettingsError("\n".join([f"{path} has values that cannot be used:", *lines])) from None


@cache
def _in_file(path: Path) -> dict[str, str]:
    """The plain values of a secrets file, read once; none where there is no such file."""
    try:
        values = tomllib.loads(path.read_text(encoding="utf-8-sig"))
    except (FileNotFoundError, NotADirectoryError):
        return {}
    except OSError as error:
        raise SettingsError(f"{path} cannot be read: {error.strerror}.") from None
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise SettingsError(f"{path} is not valid TOML: {error}") from None
    return {name: str(value) for name, value in values.items() if type(value) in (str, int, float)}


def environment() -> dict[str, str]:
    """This process's environment; what it lacks stands in ``.streamlit/secrets.toml``, outside of its sections.

    One file so sets up the server, the refresher, the worker and every command alike. ``STREAMLIT_SECRETS_FILES`` names
    another. SettingsError when it is there and cannot be read.
    """
    path = os.environ.get("STREAMLIT_SECRETS_FILES") or ROOT / ".streamlit" / "secrets.toml"
    return _in_file(Path(path)) | os.environ


@cache
def get() -> Settings:
    """The settings of this process, read once."""
    found = environment()
    return read(Path(found.get("TENURE_CONFIG") or ROOT / "config").resolve(), found)
