"""Many rows into a table at once, by PostgreSQL's COPY: thousands fit into one short transaction."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from datetime import datetime
from io import StringIO
from typing import Any
from uuid import UUID

import psycopg2
from sqlalchemy import Connection, Table, exc


def copied(rows: Sequence[Mapping[str, Any]], columns: Sequence[str]) -> str:
    r"""``rows`` as COPY reads them: a line each, texts, numbers, ids, moments and JSON apart by tabs.

    >>> copied([{"a": "one\ntwo", "b": None, "c": {"d": "\\"}}], ["a", "b", "c"])
    'one\\ntwo\t\\N\t{"d": "\\\\\\\\"}\n'
    """
    return "".join("\t".join([_field(row[name]) for name in columns]) + "\n" for row in rows)


def copy(connection: Connection, table: Table, columns: Sequence[str], lines: str) -> None:
    """Adds what :func:`copied` wrote; within the transaction of ``connection``, as any INSERT is."""
    names = ", ".join(f'"{table.c[name].name}"' for name in columns)
    driver: Any = connection.connection
    try:
        with driver.cursor() as cursor:
            cursor.copy_expert(f"COPY {table.fullname} ({names}) FROM STDIN", StringIO(lines))
    except psycopg2.Error as error:  # as SQLAlchemy would say it, which knows nothing of COPY
        raise exc.DBAPIError(f"COPY {table.fullname}", None, error) from error


def _field(value: Any) -> str:
    if value is None:
        return "\\N"
    if isinstance(value, str):
        return _escaped(value)
    if isinstance(value, datetime):
        return value.isoformat()
    if isinstance(value, UUID | int):
        return str(value)
    return _escaped(json.dumps(value, ensure_ascii=False, allow_nan=False))


def _escaped(text: str) -> str:
    return text.replace("\\", "\\\\").replace("\n", "\\n").replace("\r", "\\r").replace("\t", "\\t")
