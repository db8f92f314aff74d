"""The contract as data and as a page for people say the same."""

from __future__ import annotations

import re
from pathlib import Path

from queries import document
from queries.contract import SOURCES

ROOT = Path(__file__).parents[2]


def test_the_page_is_the_contract_s():
    written = (ROOT / "docs" / "data-contract.md").read_text(encoding="utf-8")
    assert written == document.document(), "run `python -m queries.document`"


def test_every_source_and_column_has_a_line():
    page = document.document()
    for source in SOURCES.values():
        section = page.split(f"\n## {source.name}")[1].split("\n## ")[0]
        assert re.findall(r"^\| `(\w+)` \|", section, re.MULTILINE) == list(source.names)


def test_keys_and_newest_columns_exist_and_what_is_required_is_said():
    for source in SOURCES.values():
        assert {*source.key, *([source.newest] if source.newest else [])} <= set(source.names)
        for column in source.columns:
            assert ("**required**" in document._meaning(column)) == column.required


def test_every_required_value_s_column_is_required():
    odd = [(s.name, c.name) for s in SOURCES.values() for c in s.columns if c.not_null and not c.required]
    assert odd == []


def test_the_demo_maps_sources_of_the_contract_only():
    mapped = {path.stem for path in (ROOT / "config" / "sources").iterdir()}
    assert mapped <= set(SOURCES)
    assert {name for name, source in SOURCES.items() if not source.optional} <= mapped
