"""Checks how the product database is mapped, without writing anything: ``python -m queries.check``."""

from __future__ import annotations

import argparse
import sys
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import polars as pl
import sqlalchemy as sa

import settings as configuration
from queries import cast, checks, events, mapping, readings, sources
from queries.checks import Accounts
from queries.contract import SOURCES, Source
from queries.database import Session, session
from queries.errors import DatabaseError, MappingError, QueryError, SourceError
from queries.events import Events
from queries.mapping import Mapping
from queries.readings import Reading
from queries.sources import Reader
from settings import Settings, SettingsError

_CARRIED = (
    "counted on the coordinator, not on the workers: distribute events by the account, and map account_id as that "
    "very column (docs/scaling.md)"
)


@dataclass
class Finding:
    """What a check found in one source. ``problem`` is set when it cannot be read.

    ``carried``: the database shards, and brings events to its coordinator instead of counting them where they are.
    """

    source: Source
    file: str | None = None
    rows: int = 0
    newest: str | None = None
    rejected: dict[str, int] = field(default_factory=dict)
    flagged: dict[str, int] = field(default_factory=dict)
    do_not_cast: dict[str, str] = field(default_factory=dict)
    carried: bool = False
    absent: tuple[str, ...] = ()
    problem: QueryError | None = None

    @property
    def fails(self) -> bool:
        """Whether a required source cannot be used."""
        return not self.source.optional and (self.file is None or self.problem is not None)

    def lines(self) -> list[str]:
        """The finding in words."""
        name = f"{self.source.name:<14}"
        if self.problem is not None:
            return [f"{name} FAILS  {self.problem.message}", *self._hint()]
        if self.file is None:
            words = "optional, not mapped" if self.source.optional else "MISSING, and required"
            return [f"{name} {words}: add config/sources/{self.source.name}.sql ({self.source.grain})"]
        newest = f", newest {self.newest}" if self.newest else ""
        lines = [f"{name} {self.rows:>10,} rows{newest}  ({self.file})"]
        lines += [f"{'':14} does not cast: {column} ({why})" for column, why in self.do_not_cast.items()]
        lines += [f"{'':14} {_CARRIED}"] * self.carried
        lines += [f"{'':14} {count:>10,} rejected: {why}" for why, count in self.rejected.items()]
        lines += [f"{'':14} {count:>10,} kept, flagged: {why}" for why, count in self.flagged.items()]
        if self.absent:
            lines.append(f"{'':14} optional columns not mapped: {', '.join(self.absent)}")
        return lines

    def _hint(self) -> list[str]:
        assert self.problem is not None
        return [f"{'':14} Hint: {self.problem.hint}"] if self.problem.hint else []


def check(settings: Settings) -> list[Finding]:
    """One finding per source of the contract; DatabaseError when the database cannot be reached."""
    if settings.product_database_url is None:
        raise DatabaseError("No product database is set.", "set PRODUCT_DATABASE_URL, or run `make run` for the demo")
    with session(settings.product_database_url, statement_timeout=settings.refresh.statement_timeout) as opened:
        reader = Reader(opened, settings.organisation.time_zone, datetime.now(UTC))
        findings: list[Finding] = []
        accounts: Accounts | None = None  # while they cannot be read, no account is called unknown
        for source in SOURCES.values():
            finding = Finding(source)
            try:
                found = mapping.find(settings.sources, source)
                if found is not None:
                    finding.file = found.file
                    kept = _look(reader, found, finding, accounts)
                    accounts = _accounts(kept) if source.name == "accounts" else accounts
            except (MappingError, SourceError) as error:
                finding.problem = error
            findings.append(finding)
        return findings


def _accounts(kept: pl.DataFrame) -> Accounts:
    left_out = pl.col("status").is_in(["test", "mistake"]).fill_null(False)
    ids = [kept.filter(test).get_column("account_id") for test in (~left_out, left_out)]
    return Accounts(known=ids[0], left_out=ids[1])


def _look(reader: Reader, found: Mapping, finding: Finding, accounts: Accounts | None) -> pl.DataFrame:
    columns = reader.columns(found)
    finding.absent = tuple(name for name in found.source.names if name not in columns)
    if found.source.name == "events":
        return _look_at_events(reader, found, columns, finding, accounts)
    if found.sql is not None:
        finding.do_not_cast = _do_not_cast(reader, found, found.sql, columns)
    checked = reader.read(found, accounts)
    finding.rows, finding.newest = checked.kept.height, sources.newest(checked.kept, found.source, reader.zone)
    finding.rejected, finding.flagged = checked.rejected_by_reason, checked.flagged
    return checked.kept


def _do_not_cast(reader: Reader, found: Mapping, sql: str, columns: dict[str, str]) -> dict[str, str]:
    """Columns in which some value does not cast in the database, with what it says."""
    failing = {}
    for column in found.source.columns:
        if column.name not in columns or column.kind == "text":
            continue
        value = cast.typed(column, columns[column.name], reader.zone)
        try:
            with reader.session.savepoint(found.file):
                reader.session.frame(sa.select(sa.func.count(value)).select_from(cast.wrapped(sql)))
        except SourceError as error:
            failing[column.name] = error.message.removeprefix(f"{found.file} failed: ").rstrip(".")
    return failing


def _look_at_events(
    reader: Reader, found: Mapping, columns: dict[str, str], finding: Finding, accounts: Accounts | None
) -> pl.DataFrame:
    """Counts events and looks closely at the newest 28 days, so that a big table is checked in seconds."""
    looking = Events(reader.session, found, columns, reader.zone, reader.as_of)
    if found.sql is None:
        reading = readings.from_text(sources.text_of(found), reader.zone, looking.last)
        finding.rows = int(reading.daily.get_column("uses").sum())
        finding.newest = str(reading.daily.get_column("day").max()) if finding.rows else None
    else:
        reading = _newest_events(looking, finding)
    for item in reading.bad:
        finding.rejected[item.reason] = finding.rejected.get(item.reason, 0) + item.events
    if accounts is not None:
        strangers = ~pl.col("account_id").is_in(pl.concat([accounts.known, accounts.left_out]).implode())
        unknown = int(reading.daily.filter(strangers).get_column("uses").sum())
        finding.rejected |= {readings.UNKNOWN_ACCOUNT: unknown} if unknown else {}
    return checks.empty(found.source)


def _newest_events(looking: Events, finding: Finding) -> Reading:
    try:
        with looking.session.savepoint(looking.mapping.file):
            span, lost = events.span(looking), events.out_of_time(looking)
            if span is None:
                return lost
            end = span[1] + timedelta(days=1)
            finding.rows, finding.newest = events.count(looking, span[0], end), str(span[1])
            finding.carried = _shards(looking.session) and _is_carried(looking, span[1])
    except SourceError as error:
        if looking.time_type.startswith("timestamp") or error.timed_out:
            raise
        finding.do_not_cast["occurred_at"] = error.message.removeprefix(f"{looking.mapping.file} failed: ").rstrip(".")
        return events.read_as_text(looking)
    return readings.merged([lost, events.read(looking, max(span[0], end - timedelta(days=28)), end)])


def _shards(opened: Session) -> bool:
    """Whether the database is one of a Citus cluster."""
    return bool(opened.frame("SELECT count(*) AS many FROM pg_extension WHERE extname = 'citus'").item())


def _is_carried(looking: Events, day: date) -> bool:
    """Whether the coordinator would do more than collect what the workers have counted."""
    plan = looking.session.plan(events.counting(looking, day, day + timedelta(days=1)))
    return not plan[0].startswith("Custom Scan (Citus") or any("Distributed Subplan" in line for line in plan)


def main(words: list[str] | None = None) -> int:
    """The command line; 1 when a required source fails, 2 when nothing can be checked."""
    parser = argparse.ArgumentParser(
        prog="python -m queries.check",
        description="Check the mappings in config/sources/ against the product database.",
        epilog="Exit code 1: a required source fails. 2: settings or database cannot be used.",
    )
    parser.parse_args(words)
    try:
        settings = configuration.get()
        findings = check(settings)
    except (SettingsError, QueryError) as error:
        print(error, file=sys.stderr)
        return 2
    for finding in findings:
        print("\n".join(finding.lines()))
    failing = [finding.source.name for finding in findings if finding.fails]
    if failing:
        print(f"\nRequired sources fail: {', '.join(failing)}")
        return 1
    today: date = datetime.now(ZoneInfo(settings.organisation.time_zone)).date()
    print(f"\nAll required sources can be used ({today}).")
    return 0


if __name__ == "__main__":
    sys.exit(main())
