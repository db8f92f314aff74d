"""Reads sources of a company three ways: from columns with types, from text, and from a file."""

from __future__ import annotations

import csv
from datetime import timedelta

import polars as pl

from queries import mapping
from queries.checks import REASON, Accounts, Checked
from queries.contract import SOURCES
from queries.database import session
from queries.sources import Reader
from tests.queries.company import NOON, TYPES, Company

KINDS = ("types", "text", "csv")
LABEL = {
    "nps": "comment",
    "subscriptions": "plan",
    "touches": "summary",
    "exit_surveys": "comment",
    "reach": "account_id",
}
ACCOUNTS = Accounts(pl.Series(["a", "b"]), pl.Series(["test"]))


class Reading:
    """Reads and checks sources of a company, each with one look at its database."""

    def __init__(self, company: Company) -> None:
        self.company = company

    def __call__(self, source: str, zone: str = "Europe/Berlin") -> Checked:
        """What the source's mapping gives now."""
        return self._look(source, zone, [None])[0]

    def every(self, source: str, selects: dict[str, str]) -> dict[str, Checked]:
        """What each SELECT would give as the source's mapping."""
        results = self._look(source, "Europe/Berlin", list(selects.values()))
        self.company.unmap(source)
        return dict(zip(selects, results, strict=True))

    def _look(self, source: str, zone: str, selects: list[str | None]) -> list[Checked]:
        results = []
        with session(self.company.url, statement_timeout=timedelta(minutes=1)) as opened:
            for select in selects:
                if select is not None:
                    self.company.map(source, select)
                found = mapping.find(self.company.config / "sources", SOURCES[source])
                results.append(Reader(opened, zone, NOON).read(found, ACCOUNTS))
        return results


def put(company: Company, source: str, kind: str, rows: list[dict[str, str | None]], **types: str) -> None:
    names = list(dict.fromkeys(name for row in rows for name in row))
    for old in (company.config / "sources").glob(f"{source}.*"):
        old.unlink()
    if kind == "csv":
        with (company.config / "sources" / f"{source}.csv").open("w", newline="", encoding="utf-8") as file:
            writer = csv.DictWriter(file, names)
            writer.writeheader()
            writer.writerows(rows)
        return
    natural = {name: TYPES[SOURCES[source].column(name).kind] for name in names} | {"score": "numeric"} | types
    kinds = {name: natural[name] if kind == "types" else "text" for name in names}
    marks = ", ".join(f"%s::{kinds[name]}" for name in names)
    company.sql(
        f"DROP TABLE IF EXISTS {source}", f"CREATE TABLE {source} ({', '.join(f'{n} {kinds[n]}' for n in names)})"
    )
    company.sql(f"INSERT INTO {source} VALUES ({marks})", rows=[tuple(row.get(n) for n in names) for row in rows])
    company.map(source, f"SELECT * FROM {source};  -- as it is")


def verdicts(checked: Checked, source: str) -> dict[str, str | None]:
    label = LABEL[source]
    kept = dict.fromkeys(checked.kept.get_column(label), None)
    return kept | dict(checked.rejected.select(label, REASON).iter_rows())


ANSWER = {"response_id": "", "account_id": "a", "sent_at": None, "responded_at": "2026-03-01 10:00:00+00", "score": "9"}


def answers(cases: dict[str, dict[str, str | None]]) -> list[dict[str, str | None]]:
    return [ANSWER | {"response_id": name} | case | {"comment": name} for name, case in cases.items()]


STRETCH = {
    "subscription_id": "", "account_id": "a", "kind": "paid", "mrr": "100", "started_on": "2026-01-01",
    "ended_on": None, "renews_on": None, "billing_months": "1",
}  # fmt: skip
