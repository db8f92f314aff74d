"""The commands as people start them: in a process, with an environment, ended by a signal."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

import settings
from queries import refresh
from tests.queries.company import Company, use

pytestmark = pytest.mark.postgres
ROOT = Path(__file__).parents[2]


@pytest.fixture
def shop(company: Company) -> Company:
    company.customers("a")
    company.table("events", use("a", "2026-03-01 10:00Z"))
    return company


def environment(company: Company, **changes: str) -> dict[str, str]:
    own = {"PRODUCT_DATABASE_URL": company.url, "SNAPSHOT_DIR": str(company.folder / "snap")}
    return os.environ | own | {"TENURE_CONFIG": str(company.config)} | changes


def run(company: Company, monkeypatch, capsys, *words: str, **changes: str) -> tuple[int, str, str]:
    """The command in this process: exit code, what it printed, and what it said beside."""
    for name, value in environment(company, **changes).items():
        monkeypatch.setenv(name, value)
    settings.get.cache_clear()
    try:
        code = refresh.main(list(words))
    finally:
        settings.get.cache_clear()
    return code, *capsys.readouterr()


def test_json_is_one_line_on_its_own_and_progress_goes_elsewhere(shop):
    command = [sys.executable, "-m", "queries.refresh", "--json"]
    done = subprocess.run(command, env=environment(shop), cwd=ROOT, capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stderr
    assert done.stdout.count("\n") == 1
    report = json.loads(done.stdout)
    assert (report["rows"]["events"], report["days_read"] > 28, report["id"]) == (1, True, shop.manifest.id)
    assert "Reading events 1/" in done.stderr


def test_words_say_what_was_read_and_what_failed(shop, monkeypatch, capsys):
    shop.map("nps", "SELECT x FROM y")
    code, printed, beside = run(shop, monkeypatch, capsys)
    assert code == 0
    assert re.match(r"Snapshot \S+: 3 rows, 0 rejected, in \d+\.\d s\n", printed)
    assert '  nps: config/sources/nps.sql failed: relation "y" does not exist.' in beside


@pytest.mark.parametrize("words", [[], ["--json"]])
def test_no_snapshot_is_1_and_the_password_is_not_told(shop, monkeypatch, capsys, words):
    url = "postgresql+psycopg2://reader:top-secret@/shop?host=/nowhere"
    code, printed, beside = run(shop, monkeypatch, capsys, *words, PRODUCT_DATABASE_URL=url)
    assert code == 1
    assert "top-secret" not in printed + beside
    if words:
        assert json.loads(printed)["error"].startswith("The product database at /nowhere:5432/shop cannot be reached")
    else:
        assert "cannot be reached" in beside
        assert "Hint: check that the server runs" in beside


def test_settings_that_cannot_be_used_are_2(shop, monkeypatch, capsys):
    shop.choose(time_zone='"Mars/Olympus"')
    code, _, beside = run(shop, monkeypatch, capsys)
    assert code == 2
    assert '"Mars/Olympus" is no IANA time zone' in beside


def test_an_odd_interval_is_refused(capsys):
    with pytest.raises(SystemExit) as refused:
        refresh.main(["--every", "often"])
    assert refused.value.code == 2
    assert "--every" in capsys.readouterr().err


def test_every_so_often_goes_on_after_a_failure_and_ends_when_asked(shop):
    shop.sql("ALTER TABLE accounts RENAME TO away")
    command = [sys.executable, "-m", "queries.refresh", "--every", "1s", "--json"]
    with subprocess.Popen(command, env=environment(shop), cwd=ROOT, stdout=subprocess.PIPE, text=True) as process:
        assert "accounts.sql failed" in json.loads(process.stdout.readline())["error"]
        shop.sql("ALTER TABLE away RENAME TO accounts")
        reports = []
        while len(reports) < 2:
            report = json.loads(process.stdout.readline())
            reports += [report] if "id" in report else []
        started = time.monotonic()
        process.send_signal(signal.SIGTERM)
        rest = process.stdout.read()
        assert process.wait(30) == 0
    assert time.monotonic() - started < 15
    assert reports[0]["id"] != reports[1]["id"]
    assert len(rest.splitlines()) <= 1
