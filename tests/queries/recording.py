"""Writes down what a database is asked, and from which line of the code; and finds the lines that ask."""

from __future__ import annotations

import ast
import re
import sys
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path
from typing import Any, NamedTuple

import polars as pl
import pytest

from queries import database
from queries.database import Session, render

ROOT = Path(__file__).resolve().parents[2]
ASKING = ("run", "frame", "pieces", "schema", "plan")
"""The methods of a Session that send a statement."""
_A_SESSION = re.compile(r"(^|[._])(session|opened)$")


class Place(NamedTuple):
    """A call that sends a statement: its file, and its first and last line."""

    file: str
    first: int
    last: int
    code: str

    def __str__(self) -> str:
        return f"{self.file}:{self.first} {self.code}"


def places() -> list[Place]:
    """Every call in the code that sends a statement to the product database."""
    found = []
    for path in sorted((ROOT / "queries").glob("*.py")):
        tree = ast.parse(path.read_text(encoding="utf-8"))
        own = _methods_of_session(tree)
        for node in ast.walk(tree):
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr in ASKING:
                receiver = ast.unparse(node.func.value)
                if _A_SESSION.search(receiver) or (receiver == "self" and node in own):
                    found.append(Place(path.name, node.lineno, node.end_lineno or node.lineno, ast.unparse(node)))
    return found


def _methods_of_session(tree: ast.Module) -> set[ast.AST]:
    classes = [node for node in tree.body if isinstance(node, ast.ClassDef) and node.name == "Session"]
    return {node for found in classes for node in ast.walk(found)}


def executed() -> list[str]:
    """Files of the code that reach the product database's driver themselves."""
    files = [path for path in ROOT.glob("*/*.py") if path.parent.name not in ("tests", "demo", "bench")]
    return sorted(
        str(path.relative_to(ROOT)) for path in files if "adbc_driver_postgresql" in path.read_text(encoding="utf-8")
    )


@dataclass
class Recording:
    """What was asked: SELECTs, each once, the commands of each connection, and the lines that asked."""

    selects: dict[str, None] = field(default_factory=dict)
    connections: list[list[str]] = field(default_factory=list)
    lines: set[tuple[str, int]] = field(default_factory=set)

    def command(self, sql: str) -> None:
        if sql.startswith("BEGIN ISOLATION LEVEL REPEATABLE READ"):
            self.connections.append([])
        self.connections[-1].append(sql)

    def asked_by(self, frame: Any) -> None:
        self.lines.add((Path(frame.f_code.co_filename).name, frame.f_lineno))

    def missed(self) -> list[str]:
        """Calls that send a statement, and sent none."""
        return [
            str(place)
            for place in places()
            if not any(file == place.file and place.first <= line <= place.last for file, line in self.lines)
        ]


@contextmanager
def recorded() -> Iterator[Recording]:
    """Within it, everything that goes to a product database is written down, and goes there."""
    recording = Recording()
    send = {name: getattr(Session, name) for name in (*ASKING, "_table")}

    def watched(name: str) -> Any:
        def call(self: Session, statement: Any) -> Any:
            recording.asked_by(sys._getframe(1))
            if name == "run":
                recording.command(statement)
            elif name == "pieces":
                recording.selects[render(statement)] = None
            return send[name](self, statement)

        return call

    def table(self: Session, sql: str) -> Any:
        recording.selects[sql] = None
        return send["_table"](self, sql)

    with pytest.MonkeyPatch.context() as patched:
        for name in ASKING:
            patched.setattr(database.Session, name, watched(name))
        patched.setattr(database.Session, "_table", table)
        yield recording


@dataclass
class Paper:
    """Stands for a Session, and only writes down what it is asked; it answers with one row, so that all is asked."""

    selects: list[str] = field(default_factory=list)

    def frame(self, statement: Any) -> pl.DataFrame:
        self.selects.append(render(statement))
        names = [column.name for column in statement.selected_columns]
        number = "count(" in self.selects[-1]
        return pl.DataFrame({name: [1] if number else _ANSWERS.get(name, ["x"]) for name in names})

    def pieces(self, statement: Any) -> Iterator[pl.DataFrame]:
        self.selects.append(render(statement))
        return iter(())

    def savepoint(self, file: str) -> Any:
        return nullcontext()


_ANSWERS: dict[str, Any] = {"value": [date(2026, 1, 2)]}
