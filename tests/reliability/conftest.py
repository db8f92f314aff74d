"""What the tests of faults share: figures that end in docs/reliability.md, and small disks."""

from __future__ import annotations

import os
import subprocess
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.pages import browser
from tests.records.conftest import empty, template

__all__ = ["empty", "template"]

Figures = Callable[[str, dict[str, float]], None]


@pytest.fixture
def figures(capsys: pytest.CaptureFixture[str]) -> Figures:
    """Prints what a test measured, also where nobody asked to see what tests print."""

    def tell(fault: str, seconds: dict[str, float]) -> None:
        told = ", ".join(f"{what} {number:.1f}" for what, number in seconds.items())
        with capsys.disabled():
            print(f"\n[seconds] {fault}: {told}")

    return tell


@contextmanager
def small_disk(folder: Path, size: str) -> Iterator[Path]:
    """``folder`` as a disk of its own, where this account may mount one; else the test is skipped.

    Where CI=true nothing is skipped: root may.
    """
    browser.needed("mount")
    if os.name != "posix" or os.geteuid() != 0:
        pytest.skip("only root may mount a small disk")
    folder.mkdir(parents=True, exist_ok=True)
    command = ["mount", "-t", "tmpfs", "-o", f"size={size}", "tmpfs", str(folder)]
    tried = subprocess.run(command, capture_output=True, text=True)
    if tried.returncode:
        pytest.skip(f"this machine allows no mount: {tried.stderr.strip()}")
    folder.chmod(0o755)
    try:
        yield folder
    finally:
        subprocess.run(["umount", "--lazy", str(folder)], check=True)


@contextmanager
def filled(folder: Path) -> Iterator[None]:
    """Within it, the disk that ``folder`` is on has no byte left."""
    path = folder / "other people's"
    with path.open("wb", buffering=0) as file:
        try:
            while file.write(b"x" * 65_536):
                pass
        except OSError:
            pass
        try:
            while file.write(b"x" * 512):
                pass
        except OSError:
            pass
    try:
        yield
    finally:
        path.unlink()


@pytest.fixture(scope="module")
def short_folder() -> Iterator[Path]:
    """A folder with a short path that PostgreSQL's own account can enter."""
    with tempfile.TemporaryDirectory(prefix="tenure-", ignore_cleanup_errors=True) as made:
        Path(made).chmod(0o755)
        yield Path(made)
