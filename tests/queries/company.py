"""A company of a test's own: a product database, the files that map it, and its snapshots."""

from __future__ import annotations

import shutil
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import polars as pl
import psycopg2
from psycopg2.extras import execute_batch

import settings
from queries import frames, refresh
from queries.contract import SOURCES
from queries.frames import Frames, Scope
from queries.store import Manifest, SourceState, Store, newest_manifest

ROOT = Path(__file__).resolve().parents[2]
NOON = datetime(2026, 3, 16, 12, tzinfo=UTC)
"""The instant at which these companies are looked at, unless a test says another: a Monday in March 2026."""

TYPES = {
    "text": "text",
    "integer": "integer",
    "number": "double precision",
    "money": "numeric",
    "boolean": "boolean",
    "date": "date",
    "timestamp": "timestamptz",
}


@dataclass
class Company:
    """``url`` names its database, ``config`` the folder with its settings.toml and sources/."""

    url: str
    folder: Path
    connection: Any = None

    def __post_init__(self) -> None:
        self.config = self.folder / "config"
        (self.config / "sources").mkdir(parents=True)
        shutil.copy(ROOT / "config" / "settings.toml", self.config)

    # --- its product database ------------------------------------------------------------------------------

    def sql(self, *statements: str, rows: list[tuple[Any, ...]] | None = None) -> list[tuple[Any, ...]]:
        """Runs statements, each on its own; returns what the last one gives.

        ``rows`` are the parameters of the one statement, which runs once for each.
        """
        if self.connection is None or self.connection.closed:
            self.connection = psycopg2.connect(self.url)
            self.connection.autocommit = True
        with self.connection.cursor() as cursor:
            for statement in statements:
                if rows is None:
                    cursor.execute(statement)
                else:
                    execute_batch(cursor, statement, rows)
            return cursor.fetchall() if cursor.description else []

    def empty(self) -> None:
        """Leaves nothing in its database but an empty schema ``public``."""
        names = self.sql("SELECT nspname FROM pg_namespace WHERE nspname !~ '^pg_' AND nspname <> 'information_schema'")
        self.sql(
            *(f'DROP SCHEMA "{name}" CASCADE' for (name,) in names),
            "CREATE SCHEMA public",
            "GRANT USAGE ON SCHEMA public TO public",
        )

    def close(self) -> None:
        """Ends its connection."""
        if self.connection is not None:
            self.connection.close()

    def table(self, source: str, *rows: dict[str, Any], **types: str) -> None:
        """Makes a table like the contract's source and maps it; ``types`` replaces column types."""
        names = SOURCES[source].names
        columns = {name: types.get(name, TYPES[SOURCES[source].column(name).kind]) for name in names}
        self.sql(f"CREATE TABLE {source} ({', '.join(f'{name} {kind}' for name, kind in columns.items())})")
        self.map(source, f"SELECT * FROM {source}")
        self.add(source, *rows)

    def add(self, source: str, *rows: dict[str, Any]) -> None:
        """Inserts rows; values are text that PostgreSQL reads."""
        for names in dict.fromkeys(tuple(row) for row in rows):
            values = ", ".join(["%s"] * len(names))
            alike = [tuple(row.values()) for row in rows if tuple(row) == names]
            self.sql(f"INSERT INTO {source} ({', '.join(names)}) VALUES ({values})", rows=alike)

    def customers(self, *ids: str, **columns: str) -> None:
        """Tables of accounts and subscriptions, each account with one plain subscription."""
        rows = [{"account_id": i, "name": i.title(), "signed_up_at": "2024-01-01 12:00Z", **columns} for i in ids]
        self.table("accounts", *rows)
        self.table("subscriptions", *[paying(i) for i in ids])

    # --- its mapping ---------------------------------------------------------------------------------------

    def map(self, source: str, text: str, suffix: str = ".sql") -> Path:
        """Writes the mapping of a source."""
        path = self.config / "sources" / f"{source}{suffix}"
        path.write_text(text, encoding="utf-8")
        return path

    def unmap(self, source: str) -> None:
        """Takes the mapping of a source away."""
        (self.config / "sources" / f"{source}.sql").unlink()

    def choose(self, **changes: str) -> None:
        """Replaces lines of settings.toml: ``choose(time_zone='"Asia/Tokyo"')``."""
        path = self.config / "settings.toml"
        lines = path.read_text(encoding="utf-8").splitlines()
        for key, value in changes.items():
            at = [number for number, line in enumerate(lines) if line.startswith(f"{key} =")]
            assert len(at) == 1, key
            lines[at[0]] = f"{key} = {value}"
        path.write_text("\n".join(lines), encoding="utf-8")

    @property
    def settings(self) -> settings.Settings:
        return settings.read(self.config, {"PRODUCT_DATABASE_URL": self.url, "SNAPSHOT_DIR": str(self.folder / "snap")})

    # --- its snapshots -------------------------------------------------------------------------------------

    def refresh(self, at: datetime = NOON, *, full: bool = False) -> refresh.Report:
        return refresh.run(self.settings, as_of=at, full=full)

    @property
    def store(self) -> Store:
        return Store(str(self.folder / "snap"))

    @property
    def manifest(self) -> Manifest:
        found = newest_manifest(self.store)
        assert found is not None
        return found

    def state(self, source: str) -> SourceState:
        return self.manifest.sources[source]

    def frames(self, csm_email: str | None = None) -> Frames:
        return frames.open_snapshot(frames.current_id(self.settings), Scope(csm_email), self.settings)

    def frame(self, name: str) -> pl.DataFrame:
        return self.frames().mapping()[name].collect()


def paying(account_id: str, **columns: Any) -> dict[str, Any]:
    """A row of subscriptions: 100 a month since 2024."""
    row = {
        "subscription_id": f"s-{account_id}",
        "account_id": account_id,
        "plan": "Team",
        "kind": "paid",
        "mrr": "100",
        "started_on": "2024-01-01",
    }
    return row | columns


def use(account_id: str, at: str | datetime, feature: str = "report", **columns: Any) -> dict[str, Any]:
    """A row of events."""
    return {"account_id": account_id, "feature": feature, "occurred_at": at, **columns}


def answers(company: Company) -> list[str]:
    return company.frame("nps").sort("response_id")["response_id"].to_list()
