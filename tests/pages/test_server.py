"""The server as it runs: readiness, headers, hosts, and every page opened cold by its own address."""

import asyncio
import json
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from datetime import timedelta
from pathlib import Path

import pytest

import settings
from pages.shared import readiness
from tests.pages import browser, snapshot

pytestmark = pytest.mark.slow

PAGES = sorted(p.stem for p in (browser.ROOT / "pages").glob("*.py") if p.stem not in ("__init__", "frame"))
NOBODY = "postgresql://nobody@127.0.0.1:1/none"
ACCOUNTS = [{"account_id": "a", "name": "Acme"}]


def environment(folder: Path, **more: str) -> dict[str, str]:
    return {"SNAPSHOT_DIR": str(folder), "PRODUCT_DATABASE_URL": NOBODY, "TENURE_JOBS": "off", **more}


def fetch(url: str, **headers: str) -> tuple[int, dict[str, str], str]:
    try:
        with urllib.request.urlopen(urllib.request.Request(url, headers=headers), timeout=10) as response:
            return response.status, dict(response.headers), response.read().decode()
    except urllib.error.HTTPError as error:
        return error.code, dict(error.headers), error.read().decode()


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return tmp_path_factory.mktemp("snapshot")


@pytest.fixture(scope="module")
def server(folder):
    with browser.serving(environment(folder)) as running:
        yield running


def test_ready_tells_database_snapshot_and_refresh_apart(server, folder):
    started = time.monotonic()
    status, headers, body = fetch(f"{server.url}/ready")
    assert time.monotonic() - started < 5
    assert (status, headers["cache-control"]) == (503, "no-store")
    assert json.loads(body) == {
        "ready": False,
        "degraded": [],
        "database": {"ok": False, "state": "does not answer"},
        "snapshot": {"ok": False, "state": "none yet"},
        "worker": {"ok": None, "state": "unknown"},
        "mail": {"ok": True, "state": "written to files"},
        "last_failed_refresh": None,
    }
    snapshot.write(folder, {"accounts": ACCOUNTS}, old=timedelta(hours=9), id="old")
    assert json.loads(fetch(f"{server.url}/ready")[2])["snapshot"]["state"] == "too old"
    snapshot.write(folder, {"accounts": ACCOUNTS}, id="young")
    found = json.loads(fetch(f"{server.url}/ready")[2])["snapshot"]
    assert (found["ok"], found["state"], found["id"]) == (True, "young enough", "young")


def test_a_database_that_accepts_and_then_says_nothing_holds_up_nobody(monkeypatch, folder):
    with socket.socket() as silent:
        silent.bind(("127.0.0.1", 0))
        silent.listen()
        url = f"postgresql://127.0.0.1:{silent.getsockname()[1]}/x?connect_timeout=30"
        urls = {"product_database_url": url, "records_database_url": None}
        held = snapshot.settings_for(folder).model_copy(update=urls)
        monkeypatch.setattr(settings, "get", lambda: held)
        monkeypatch.setattr(readiness, "_PATIENCE", {})
        monkeypatch.setattr(readiness, "_running", {})

        async def ask_twice() -> tuple[list[int], int]:
            answers = await asyncio.gather(readiness.ready(None), readiness.ready(None))
            return [answer.status_code for answer in answers], len(readiness._running)

        started = time.monotonic()
        statuses, probes = asyncio.run(ask_twice())
        assert statuses == [503, 503]
        assert probes == 4
        assert time.monotonic() - started < 4


def test_ready_says_nothing_a_stranger_could_use(server):
    body = fetch(f"{server.url}/ready")[2]
    assert not any(secret in body for secret in ("nobody", "127.0.0.1", "postgresql", "Traceback"))


@pytest.mark.parametrize("path", ["/", "/overview", "/_stcore/health", "/ready"])
def test_every_answer_carries_the_security_headers(server, path):
    headers = {name.lower(): value for name, value in fetch(server.url + path)[1].items()}
    policy = dict(part.split(" ", 1) for part in headers["content-security-policy"].split("; "))
    assert policy["frame-ancestors"] == "'none'"
    assert "unsafe" not in policy["script-src"]
    assert headers["x-content-type-options"] == "nosniff"
    assert headers["referrer-policy"] == "same-origin"


def test_a_foreign_host_is_refused(server):
    assert fetch(f"{server.url}/", Host="evil.example")[0] == 400
    assert fetch(f"{server.url}/", Host="localhost")[0] == 200


def test_a_public_link_gets_its_own_calm_page_and_not_the_app(server):
    for path in ("/answer/nonsense", "/unsubscribe/a/b", "/answer/"):
        status, headers, body = fetch(server.url + path, **{"Accept-Language": "de"})
        assert (status, "Dieser Link funktioniert nicht." in body) == (404, True)
        headers = {name.lower(): value for name, value in headers.items()}
        assert headers["content-security-policy"].startswith("default-src 'none'; style-src 'sha256-")
        assert (headers["referrer-policy"], headers["cache-control"]) == ("no-referrer", "no-store")
        assert "set-cookie" not in headers
    assert fetch(f"{server.url}/answer/x", Host="evil.example")[0] == 400


def start(*options: str, **more: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "streamlit", "run", "app.py", "--server.port", str(browser.free_port()), *options]
    return subprocess.run(
        command, cwd=browser.ROOT, env=browser.with_environment(more), capture_output=True, text=True, timeout=60
    )


def test_without_sign_in_any_other_address_is_refused(folder):
    ended = start("--server.address", "0.0.0.0", **environment(folder))
    assert ended.returncode != 0
    assert "serves this machine only" in ended.stdout + ended.stderr


def test_settings_that_cannot_be_used_end_with_their_name(tmp_path):
    ended = start(**environment(tmp_path, TENURE_CONFIG=str(tmp_path)))
    assert ended.returncode != 0
    assert "settings.toml is missing" in ended.stdout + ended.stderr
    assert "Traceback" not in ended.stdout + ended.stderr


@pytest.mark.browser
@pytest.mark.slow
@pytest.mark.parametrize("page", ["account"])  # one that is not the first
def test_a_page_opened_cold_by_its_address_runs_inside_the_frame(page, tmp_path):
    """A server that has shown nothing yet, and nobody knows the visitor: the frame must run before the page."""
    with browser.serving(environment(tmp_path)) as cold, browser.opened(f"{cold.url}/{page}") as seen:
        assert seen.page.url == f"{cold.url}/{page}"
        assert "There is no snapshot yet" in seen.text()
        assert seen.page.get_by_test_id("stSidebarNav").inner_text().count("\n") >= len(PAGES)
        assert (seen.exceptions(), seen.complaints) == ([], [])


@pytest.mark.browser
def test_the_bare_address_leads_to_the_overview(server):
    with browser.opened(server.url) as seen:
        seen.page.wait_for_url("**/overview", timeout=20_000)  # asking for the url again would wait for nothing
        assert seen.complaints == []


@pytest.mark.browser
@pytest.mark.parametrize(
    "size", [pytest.param(browser.DESK, id="desk", marks=pytest.mark.thorough), pytest.param(browser.PHONE, id="phone")]
)
def test_an_address_that_is_no_page_says_so_calmly(server, size):
    with browser.opened(f"{server.url}/no-such-page", size=size) as seen:
        assert seen.exceptions() == []
        assert not seen.too_wide()
