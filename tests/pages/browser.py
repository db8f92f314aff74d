"""A real server and a real Chromium, for tests that look at pages the way people do.

``serving(environment)`` starts ``streamlit run app.py`` on a free loopback port and stops it again;
``opened(url)`` is a page in Chromium that remembers what went wrong in it.
"""

from __future__ import annotations

import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

import pytest

ROOT = Path(__file__).resolve().parents[2]
DESK = (1440, 900)
PHONE = (390, 844)
ARGUMENTS = (
    "--no-sandbox",
    "--disable-gpu",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--no-first-run",
)


def needed(tool: str) -> str:
    """Where ``tool`` is; without it, a test skips on a person's machine and fails where CI=true."""
    found = shutil.which(tool)
    if found is None:
        message = f"{tool} is not installed"
        if os.environ.get("CI") == "true":
            pytest.fail(message)
        pytest.skip(message)
    return found


def thorough() -> bool:
    """Whether `make thorough` runs the tests: everything, on a machine that does nothing else."""
    return os.environ.get("TENURE_TESTS") == "all"


def some(every: Sequence[str], *usual: str) -> list[str]:
    """The ``usual`` ones of what could be looked at in Chromium; every one for `make thorough`."""
    assert set(usual) <= set(every)
    return list(every) if thorough() else list(usual)


def with_environment(more: Mapping[str, str]) -> dict[str, str]:
    """This process's environment with ``more`` on top."""
    return {**os.environ, **more}


def free_port() -> int:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        return int(taken.getsockname()[1])


def until(true: Callable[[], bool], *, seconds: float, what: str) -> None:
    """Wait until ``true`` is, at most ``seconds``."""
    end = time.monotonic() + seconds
    while not true():
        if time.monotonic() > end:
            raise AssertionError(f"after {seconds:.0f} s still waiting until {what}")
        time.sleep(0.1)


def status(url: str) -> int | None:
    """The status ``url`` answers with, None when nobody answers."""
    try:
        with urllib.request.urlopen(url, timeout=5) as response:
            return int(response.status)
    except urllib.error.HTTPError as error:
        return error.code
    except OSError:
        return None


@dataclass
class Server:
    """A running server: its address and what it has printed."""

    url: str
    process: subprocess.Popen[bytes]
    log: Path

    def printed(self) -> str:
        return self.log.read_text(encoding="utf-8", errors="replace")

    def answers(self) -> bool:
        if self.process.poll() is not None:
            raise AssertionError(f"the server ended with {self.process.returncode}:\n{self.printed()}")
        return status(f"{self.url}/_stcore/health") == 200


@contextmanager
def serving(environment: Mapping[str, str], *options: str, root: Path = ROOT, seconds: float = 60) -> Iterator[Server]:
    """``streamlit run app.py`` in ``root`` with ``environment`` added to this one's, ready to answer."""
    port = free_port()
    command = [sys.executable, "-m", "streamlit", "run", "app.py", "--server.port", str(port), *options]
    with tempfile.TemporaryDirectory() as folder, open(Path(folder) / "server.log", "wb") as log:
        process = subprocess.Popen(
            command,
            cwd=root,
            env=with_environment(environment),
            stdout=log,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
        server = Server(f"http://127.0.0.1:{port}", process, Path(log.name))
        try:
            until(server.answers, seconds=seconds, what="the server answers")
            yield server
        finally:
            _end(process)


def _end(process: subprocess.Popen[bytes]) -> None:
    if process.poll() is None:
        os.killpg(process.pid, signal.SIGTERM)
        try:
            process.wait(timeout=10)
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGKILL)
            process.wait(timeout=10)


@dataclass
class Opened:
    """A page in Chromium, and what its console complained about."""

    page: Any
    complaints: list[str] = field(default_factory=list)

    def settle(self, *, seconds: float = 30) -> None:
        """Wait until Streamlit has run the script to its end and every figure is drawn."""
        self.page.wait_for_function(_IDLE, timeout=seconds * 1000, polling=100)

    def go(self, url: str, *, seconds: float = 30) -> None:
        self.page.goto(url, timeout=seconds * 1000, wait_until="domcontentloaded")
        self.settle(seconds=seconds)

    def resize(self, size: tuple[int, int]) -> None:
        """The same page in a window of another size, drawn again."""
        self.page.set_viewport_size({"width": size[0], "height": size[1]})
        self.page.wait_for_timeout(300)  # what follows the window's width does so after a moment
        self.settle()

    def text(self) -> str:
        return str(self.page.locator('[data-testid="stMain"]').inner_text())

    def exceptions(self) -> list[str]:
        """Tracebacks that the page shows, and the calm messages that stand for one."""
        shown = self.page.locator('[data-testid="stException"], [data-testid="stAlert"]').all_inner_texts()
        return [str(text) for text in shown if any(message in text for message in FAILED)]

    def too_wide(self) -> bool:
        """Whether the page scrolls sideways, which a phone must not."""
        return bool(self.page.evaluate(_TOO_WIDE))

    def shoot(self, path: Path) -> Path:
        """A picture of the whole page, not only of what fits the window."""
        width, height = self.page.viewport_size["width"], self.page.viewport_size["height"]
        tall = int(self.page.evaluate("document.querySelector('[data-testid=stMain]').scrollHeight"))
        self.page.set_viewport_size({"width": width, "height": min(max(tall, height), 12_000)})
        self.page.wait_for_timeout(400)
        self.page.screenshot(path=str(path))
        self.page.set_viewport_size({"width": width, "height": height})
        return path


FAILED = ("Traceback", "could not be worked out", "cannot be shown")

_IDLE = """() => {
  const app = document.querySelector('[data-testid="stApp"]');
  if (!app || app.getAttribute('data-test-script-state') !== 'notRunning') return false;
  if (document.querySelector('[data-testid="stSkeleton"]')) return false;
  if (!document.querySelector('[data-testid="stMain"] [data-testid="stElementContainer"]')) return false;
  const drawn = [...document.querySelectorAll('[data-testid="stPlotlyChart"]')];
  return drawn.every(chart => chart.querySelector('.main-svg'));
}"""

_TOO_WIDE = """() => {
  const main = document.querySelector('[data-testid="stMain"]');
  return main.scrollWidth > main.clientWidth + 1;
}"""


@contextmanager
def opened(
    url: str | None = None,
    *,
    size: tuple[int, int] = DESK,
    theme: Literal["light", "dark"] = "light",
    touch: bool = False,
) -> Iterator[Opened]:
    """A fresh Chromium of this size and theme, with no memory of earlier visits, at ``url`` if one is given."""
    sync_api = pytest.importorskip("playwright.sync_api")
    chromium = needed("chromium")
    with sync_api.sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium, args=list(ARGUMENTS))
        try:
            context = browser.new_context(
                viewport={"width": size[0], "height": size[1]}, color_scheme=theme, has_touch=touch, locale="en-GB"
            )
            result = Opened(context.new_page())
            result.page.on("pageerror", lambda error: result.complaints.append(f"exception: {error}"))
            result.page.on("console", lambda line: _note(result.complaints, line))
            if url is not None:
                result.go(url)
            yield result
        finally:
            browser.close()


def _note(complaints: list[str], line: Any) -> None:
    if line.type == "error":
        complaints.append(f"console: {line.text}")
