"""What README and docs name is there: files, headings, commands, variables."""

from __future__ import annotations

import importlib.util
import re
from pathlib import Path

import pytest

import settings
from settings import ROOT

PAGES = sorted([ROOT / "README.md", ROOT / "CHANGELOG.md", *(ROOT / "docs").rglob("*.md")])
README = (ROOT / "README.md").read_text(encoding="utf-8")
LINK = re.compile(r"\]\((?!https?:|mailto:)([^)\s]+)\)")


def anchors(page: Path) -> set[str]:
    """The headings of a page, as addresses within it."""
    titles = re.findall(r"^#+ (.+)$", page.read_text(encoding="utf-8"), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", title.lower()).replace(" ", "-") for title in titles}


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_every_link_to_a_file_or_a_heading_leads_somewhere(page: Path) -> None:
    for link in LINK.findall(page.read_text(encoding="utf-8")):
        name, _, heading = link.partition("#")
        there = page.parent / name if name else page
        assert there.exists(), link
        assert not heading or heading in anchors(there), link


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_every_command_is_there(page: Path) -> None:
    """``python -m x`` is a module with a command line, or a package of our own; ``make x`` is a target."""
    text = page.read_text(encoding="utf-8")
    for name in re.findall(r"python -m ((?:bench|demo|outreach|queries|records|reports)[\w.]*)", text):
        found = importlib.util.find_spec(f"{name}.__main__" if (ROOT / name).is_dir() else name)
        assert found is not None, name
        assert "__main__" in Path(str(found.origin)).read_text(encoding="utf-8"), name
    targets = set(re.findall(r"^([a-z]+):|(?<= )([a-z]+)(?=[ :])", (ROOT / "Makefile").read_text(encoding="utf-8")))
    for name in re.findall(r"`make ([a-z]+)`", text):
        assert name in {each for pair in targets for each in pair}, name


def test_every_variable_that_settings_read_is_explained() -> None:
    missing = [name for name in settings._FROM_ENVIRONMENT.values() if f"`{name}`" not in README]
    assert not missing


def test_every_variable_of_the_example_is_explained() -> None:
    example = (ROOT / ".streamlit" / "secrets.example.toml").read_text(encoding="utf-8")
    names = set(re.findall(r"^(?:# )?([A-Z_]{6,}) = ", example, re.MULTILINE))
    assert names
    assert not [name for name in names if f"`{name}`" not in README]
