"""What was measured, as a table, and whether the goals were met."""

from __future__ import annotations

from typing import Any

from bench import themes

NAMES = {
    "tenure": "Tenure, from its snapshot",
    "duckdb_rollup": "DuckDB, same files",
    "duckdb_raw": "DuckDB, raw Parquet",
    "postgres_raw": "PostgreSQL, its tables",
}
GOALS = {"postgres_raw": 100.0, "duckdb_raw": 10.0, "duckdb_rollup": 0.5}
"""How many times as long as ours the others must take for retention over :data:`AT_LEAST` events."""
AT_LEAST = 10_000_000


def ratios(row: dict[str, Any]) -> dict[str, float]:
    """How many times as long as ours each engine took."""
    ours = row["timings"]["tenure"]["seconds"]
    return {name: round(timing["seconds"] / ours, 2) for name, timing in row["timings"].items()}


def goals(size: dict[str, Any]) -> list[dict[str, Any]]:
    """The goals for one size with what was reached; none below :data:`AT_LEAST` events."""
    if size["events"] < AT_LEAST:
        return []
    return [
        {"question": row["question"], "against": name, "goal": goal, "reached": row["ratios"][name],
         "met": row["ratios"][name] >= goal}
        for row in size["questions"] if row["question"].startswith("retention")
        for name, goal in GOALS.items()
    ]  # fmt: skip


def lines(found: dict[str, Any]) -> list[str]:
    """Everything that was measured, line by line."""
    told = []
    for size in found["sizes"]:
        told += _of_size(size)
    if found.get("pages"):
        told += _of_pages(found["pages"])
    if found.get("themes"):
        told += themes.lines(found["themes"])
    return told


def _of_size(size: dict[str, Any]) -> list[str]:
    told = [f"{size['events']:,} events, {size['accounts']:,} accounts", *_of_refresh(size["refresh"])]
    told += _of_questions(size["questions"])
    for goal in size["goals"]:
        words = "met   " if goal["met"] else "MISSED"
        told.append(
            f"  {words} {goal['question']}: {NAMES[goal['against']]} takes {goal['reached']:g} × "
            f"(goal: at least {goal['goal']:g} ×)"
        )
    return told


def _of_questions(rows: list[dict[str, Any]]) -> list[str]:
    told = []
    for row in rows:
        agree = "all agree" if not row["differing"] else f"DIFFERENT: {', '.join(row['differing'])}"
        told.append(
            f"  {row['question']}: {row['cells']:,} numbers, {agree}; load {row['timings']['tenure']['load'][1]}"
        )
        for name, timing in row["timings"].items():
            times = f"{row['ratios'][name]:>9.1f} ×"
            told.append(f"    {NAMES[name]:<28}{timing['seconds'] * 1000:>11,.1f} ms {times}  best of {timing['runs']}")
    return told


def _of_refresh(row: dict[str, Any]) -> list[str]:
    copy = row["copy"]["seconds"]
    told = [f"  COPY of all events to nowhere: {copy:.2f} s, {row['copy']['megabytes']:,.0f} MB"]
    for name, key in (("first refresh", "first"), ("another day", "another_day"), ("nothing new", "nothing_new")):
        one = row[key]
        told.append(
            f"  {name:<14}{one['seconds']:>8.2f} s {one['seconds'] / copy:>7.2f} × COPY {one['peak_mb']:>6.0f} MB"
        )
    return told


def _of_book(book: dict[str, Any]) -> list[str]:
    told = [f"  {'the book':<20}{'cold':>9}{'warm':>12}{'peak':>12}   of the limit: cold, warm, peak"]
    part = {(limit["what"], limit["of"]): f"{limit['of_the_limit']:.2f} ×" for limit in book["limits"]}
    for row in book["rows"]:
        parts = [f"{part.get((row['what'], of), '–'):>9}" for of in ("cold", "warm", "peak_mb")]
        told.append(
            f"  {row['what']:<20}{row['cold'] * 1000:>6,.0f} ms{row['warm'] * 1000:>9,.0f} ms{row['peak_mb']:>9,.0f} MB"
            + "".join(parts)
        )
    for limit in book["limits"]:
        words, unit = "met   " if limit["met"] else "MISSED", "MB" if limit["of"] == "peak_mb" else "s"
        told.append(
            f"  {words} {limit['what']}, {limit['of']}: {limit['taken']:g} {unit} (goal: at most {limit['limit']:g})"
        )
    return told


def _of_pages(pages: dict[str, Any]) -> list[str]:
    first = pages["refresh"]
    told = [f"{pages['accounts']:,} accounts, {pages['monthly_rows']:,} rows by month"]
    told.append(f"  first refresh {first['seconds']:>8.2f} s {first['peak_mb']:>6.0f} MB")
    told += _of_book(pages["book"])
    told += _of_questions(pages["movements"])
    told.append(f"  {'what pages ask':<34}{'cold':>9}{'own part':>12}")
    for row in pages["questions"]:
        told.append(
            f"  {row['question']:<34}{row['cold'] * 1000:>6,.0f} ms{row['own'] * 1000:>9,.0f} ms {row['rows']:>9,} rows"
        )
    return told
