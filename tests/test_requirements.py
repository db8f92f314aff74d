"""What is installed: exactly what was asked for, and nothing older than what is known to be mended."""

from __future__ import annotations

import re
from importlib.metadata import version
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.version import Version

ROOT = Path(__file__).resolve().parents[1]
FILES = ("requirements.txt", "requirements-dev.txt", "requirements-bench.txt", "requirements-audit.txt")
FLOORS = {"starlette": "1.3.1", "python-multipart": "0.0.31"}
"""What Streamlit brings along, with the oldest versions without a known hole (docs/security.md names them)."""
MENDED = {
    "streamlit": "1.54.0",
    "starlette": "1.3.1",
    "python-multipart": "0.0.31",
    "h11": "0.16.0",
    "authlib": "1.7.1",
    "cryptography": "46.0.6",
    "jinja2": "3.1.6",
    "nh3": "0.3.7",
    "pyarrow": "23.0.1",
    "lxml": "6.1.0",
    "pillow": "12.2.0",
    "mako": "1.3.12",
    "requests": "2.33.0",
    "urllib3": "2.7.0",
    "idna": "3.15",
    "protobuf": "6.33.5",
}
"""The versions in which the advisories of docs/security.md are mended."""


def asked(file: str) -> list[Requirement]:
    lines = (ROOT / file).read_text(encoding="utf-8").splitlines()
    return [Requirement(line) for line in lines if line and not line.startswith(("#", "-r "))]


@pytest.mark.parametrize("file", FILES)
def test_every_requirement_is_pinned_but_for_the_two_floors(file):
    assert asked(file)
    for requirement in asked(file):
        floor = FLOORS.get(requirement.name)
        expected = re.escape(f">={floor}") if floor else r"==\d[\d.]*"
        assert re.fullmatch(expected, str(requirement.specifier)), requirement


def test_both_floors_are_asked_for():
    assert FLOORS.keys() <= {requirement.name for requirement in asked("requirements.txt")}


@pytest.mark.parametrize("file", ["requirements.txt", "requirements-dev.txt"])
def test_what_is_asked_for_is_what_is_installed(file):
    found = {requirement.name: version(requirement.name) for requirement in asked(file)}
    assert {name: found[name] for name in found if not spec(file, name).contains(found[name])} == {}


def spec(file: str, name: str):
    return next(requirement.specifier for requirement in asked(file) if requirement.name == name)


@pytest.mark.parametrize(("name", "least"), MENDED.items())
def test_nothing_installed_is_older_than_its_last_known_mend(name, least):
    assert Version(version(name)) >= Version(least)
    text = (ROOT / "docs" / "security.md").read_text(encoding="utf-8")
    row = next(line for line in text.splitlines() if line.lower().startswith(f"| {name} "))
    assert least in row
