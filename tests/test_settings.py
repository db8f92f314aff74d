"""The settings: read once, refused with the file, the key and what to do."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import pytest

import settings
from demo.__main__ import main
from settings import ROOT, SettingsError, duration, read

GOOD = (ROOT / "config" / "settings.toml").read_text(encoding="utf-8")


@pytest.fixture
def config(tmp_path: Path):
    """Writes settings.toml with some text replaced; gives the folder."""

    def write(*changes: tuple[str, str]) -> Path:
        text = GOOD
        for old, new in changes:
            assert text.count(old) == 1, old
            text = text.replace(old, new)
        (tmp_path / "settings.toml").write_text(text, encoding="utf-8")
        return tmp_path

    return write


def refused(config: Path, environment: dict[str, str] | None = None) -> str:
    with pytest.raises(SettingsError) as error:
        read(config, environment or {})
    return str(error.value)


def test_the_project_s_own_settings_can_be_used():
    found = read(ROOT / "config", {"PRODUCT_DATABASE_URL": "postgresql://db/product", "SNAPSHOT_DIR": "/snapshots"})
    assert found.organisation.currency == "EUR"
    assert found.refresh.every == timedelta(minutes=10)
    assert found.refresh.late_days == 3
    assert (found.product_database_url, found.snapshot_dir) == ("postgresql://db/product", "/snapshots")
    assert found.sources == ROOT / "config" / "sources"
    assert found.organisation.zone.key == "Europe/Berlin"


def test_without_an_environment_the_demo_company_stands_in(monkeypatch, tmp_path):
    monkeypatch.setattr(settings, "ROOT", tmp_path)
    assert read(ROOT / "config", {}).product_database_url is None
    (tmp_path / ".data").mkdir()
    (tmp_path / ".data" / "demo.url").write_text("postgresql://demo\n")
    assert read(ROOT / "config", {"PRODUCT_DATABASE_URL": " "}).product_database_url == "postgresql://demo"
    assert read(ROOT / "config", {}).snapshot_dir == str(tmp_path / ".data" / "snapshot")
    assert read(ROOT / "config", {}).records_database_url == "postgresql://demo"
    (tmp_path / ".data" / "records.url").write_text("postgresql://writer@demo\n")
    assert read(ROOT / "config", {}).records_database_url == "postgresql://writer@demo"
    assert read(ROOT / "config", {}).product_database_url == "postgresql://demo"


def test_what_the_environment_lacks_stands_in_the_secrets_file_outside_of_its_sections(monkeypatch, tmp_path):
    file = tmp_path / "secrets.toml"
    file.write_text("""
PRODUCT_DATABASE_URL = "postgresql://in.the.file/product"
SMTP_URL = "smtp://in.the.file"
SNAPSHOT_CACHE_BYTES = 1000
[auth]
client_id = "tenure"
""")
    monkeypatch.setenv("STREAMLIT_SECRETS_FILES", str(file))
    monkeypatch.setenv("SMTP_URL", "smtp://in.the.environment")
    monkeypatch.delenv("PRODUCT_DATABASE_URL", raising=False)
    found = settings.environment()
    assert found["SNAPSHOT_CACHE_BYTES"] == "1000"
    assert {"auth", "client_id"}.isdisjoint(found)
    held = settings.get.__wrapped__()
    assert held.product_database_url == "postgresql://in.the.file/product"
    assert held.smtp_url == "smtp://in.the.environment"
    assert main(["--unless-set"]) == 0  # no demo beside one's own database


def test_a_secrets_file_that_is_no_toml_is_named(monkeypatch, tmp_path):
    (tmp_path / "secrets.toml").write_text("PRODUCT_DATABASE_URL = postgresql://no.quotes")
    monkeypatch.setenv("STREAMLIT_SECRETS_FILES", str(tmp_path / "secrets.toml"))
    with pytest.raises(SettingsError, match=r"secrets\.toml is not valid TOML"):
        settings.environment()


@pytest.mark.parametrize(
    ("environment", "product", "records", "owner"),
    [
        ({"PRODUCT_DATABASE_URL": "postgresql://db/p"}, "postgresql://db/p", "postgresql://db/p", None),
        ({"PRODUCT_DATABASE_URL": "postgresql://db/p", "RECORDS_DATABASE_URL": " postgresql://w@db/p "},
         "postgresql://db/p", "postgresql://w@db/p", None),
        ({"PRODUCT_DATABASE_URL": "postgresql://db/p", "RECORDS_DATABASE_URL": "",
          "RECORDS_OWNER_URL": "postgresql://o@db/p"},
         "postgresql://db/p", "postgresql://db/p", "postgresql://o@db/p"),
        ({"RECORDS_DATABASE_URL": "postgresql://w@db/p"}, "postgresql://demo", "postgresql://w@db/p", None),
    ],
)  # fmt: skip
def test_records_go_beside_the_product_s_tables_unless_told_otherwise(
    monkeypatch, tmp_path, environment, product, records, owner
):
    monkeypatch.setattr(settings, "ROOT", tmp_path)
    (tmp_path / ".data").mkdir()
    (tmp_path / ".data" / "demo.url").write_text("postgresql://demo")
    (tmp_path / ".data" / "records.url").write_text("postgresql://writer@demo")
    found = read(ROOT / "config", environment)
    assert (found.product_database_url, found.records_database_url, found.records_owner_url) == (
        product,
        records,
        owner,
    )


def test_settings_do_not_change():
    found = read(ROOT / "config", {})
    with pytest.raises(ValueError, match="frozen"):
        found.organisation.currency = "USD"


def test_what_is_shown_of_settings_holds_no_password():
    names = ("PRODUCT_DATABASE_URL", "RECORDS_DATABASE_URL", "RECORDS_OWNER_URL")
    found = read(ROOT / "config", dict.fromkeys(names, "postgresql://u:top-secret@db/product"))
    assert "top-secret" not in repr(found) + str(found)


def test_a_file_saved_by_a_windows_editor_is_read(config):
    folder = config()
    (folder / "settings.toml").write_bytes(b"\xef\xbb\xbf" + GOOD.replace("\n", "\r\n").encode())
    assert read(folder, {}).organisation.currency == "EUR"


def test_a_missing_file_says_where_it_should_be(tmp_path):
    assert f"{tmp_path}/settings.toml is missing.\n\nHint: set TENURE_CONFIG" in refused(tmp_path)


def test_a_folder_in_the_file_s_place_is_named(tmp_path):
    (tmp_path / "settings.toml").mkdir()
    assert "settings.toml cannot be read: Is a directory" in refused(tmp_path)


def test_what_is_no_toml_is_named(config):
    assert "settings.toml is not valid TOML" in refused(config(("[refresh]", "[refresh")))


@pytest.mark.parametrize(
    ("old", "new", "says"),
    [
        ('"Europe/Berlin"', '"Berlin"', 'organisation.time_zone: "Berlin" is no IANA time zone; write for example'),
        ('currency = "EUR"', 'currency = "euro"', "organisation.currency: String should match pattern"),
        ('week_start = "monday"', 'week_start = "friday"', "organisation.week_start: Input should be 'monday'"),
        ("late_days = 3", "late_days = -1", "refresh.late_days: Input should be greater than or equal to 0"),
        ("late_days = 3", "late_days = 1000000", "refresh.late_days: Input should be less than or equal to 366"),
        ("late_days = 3", "late_day = 3", "refresh.late_day: Extra inputs are not permitted"),
        ('every = "10m"', 'every = "often"', 'refresh.every: "often" is no duration; write a number and a unit'),
        ('every = "10m"', 'every = "0m"', 'refresh.every: "0m" is no duration'),
        ('every = "10m"', 'every = "30d"', 'refresh.every: "30d" is too long; at most 20d'),
        ('every = "10m"', "every = 600", 'refresh.every: "600" is no duration'),
        ("USD = 0.92", "USD = 0", "currency_rates.USD: Input should be greater than 0"),
        ("USD = 0.92", "USD = nan", "currency_rates.USD: Input should be a finite number"),
        ("USD = 0.92", "usd = 0.92", "currency_rates.usd.[key]: String should match pattern"),
        ("[30, 60, 90]", "[60, 30, 90]", "value.silent_days: the three numbers of days must rise"),
        ("green = 70, yellow = 50", "green = 50, yellow = 70", "health.bands: green, yellow and red are each"),
        ("green = 70, yellow = 50, red = 0", "green = 70, red = 0", "health.bands: green, yellow and red are each"),
        ("momentum = 25", "momentum = 60", "health.weights: value and momentum together may hold at most 60%"),
        ("momentum = 25", "momentum = -1", "health.weights: weights must not be negative"),
        ("momentum = 25", "momentum = inf", "health.weights.momentum: Input should be a finite number"),
        ("momentum = 25", "mood = 25", "health.weights.mood.[key]: Input should be 'value', 'momentum'"),
        (
            "[health.weights]",
            "[health.segments.Enterprise]\nvalue = 60\n[health.weights]",
            'health.segments: of the segment "Enterprise", value and momentum together may hold at most 60%',
        ),
        (
            "[health.weights]",
            "[health.segments.Large]\nvoice = -1\n[health.weights]",
            'health.segments: of the segment "Large", weights must not be negative',
        ),
        ("[value]", "[valu]", "valu: Extra inputs are not permitted"),
        ("[health]\n", "[sickness]\n", "health.bands: Field required"),
    ],
)  # fmt: skip
def test_a_value_that_cannot_be_used_is_named_with_its_key(config, old, new, says):
    said = refused(config((old, new)))
    assert "settings.toml has values that cannot be used:\n" in said
    assert f"\n  {says}" in said


def test_a_segment_s_weights_are_completed_from_those_of_all(config):
    own = '[health.segments."Mid market"]\nvoice = 20\n[health.weights]'
    held = read(config(("[health.weights]", own)), {}).health
    assert held.segments == {"Mid market": {**held.weights, "voice": 20}}
    assert read(config(), {}).health.segments == {}


@pytest.mark.parametrize(
    ("key", "variable"),
    [
        ("product_database_url", "PRODUCT_DATABASE_URL"),
        ("records_database_url", "RECORDS_DATABASE_URL"),
        ("records_owner_url", "RECORDS_OWNER_URL"),
        ("snapshot_dir", "SNAPSHOT_DIR"),
        ("config", "TENURE_CONFIG"),
    ],
)
def test_what_belongs_to_the_environment_is_refused_in_the_file(config, key, variable):
    folder = config(("[organisation]", f'{key} = "postgresql://u:top-secret@db/p"\n[organisation]'))
    said = refused(folder)
    assert said.endswith(f"settings.toml sets {key}.\n\nHint: set {variable} in the environment.")
    assert "top-secret" not in said


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("90s", timedelta(seconds=90)),
        ("10m", timedelta(minutes=10)),
        (" 2 h ", timedelta(hours=2)),
        ("1d", timedelta(days=1)),
    ],
)
def test_durations_are_written_with_a_unit(text, value):
    assert duration(text) == duration(value) == value


@pytest.mark.parametrize("text", ["", "m", "10", "-1m", "1.5h", "1w", "10 minutes", "1e3s", "999999999999d", "٣m"])
def test_anything_else_is_no_duration(text):
    with pytest.raises(ValueError, match=r"no duration|too long"):
        duration(text)


def test_the_settings_of_the_process_are_read_once(monkeypatch, config):
    monkeypatch.setenv("TENURE_CONFIG", str(config(('name = "Northwind Signals"', 'name = "Ours"'))))
    settings.get.cache_clear()
    try:
        assert settings.get().organisation.name == "Ours"
        assert settings.get() is settings.get()
    finally:
        settings.get.cache_clear()
