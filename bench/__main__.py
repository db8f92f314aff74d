"""``python -m bench [--events 1000000 10000000] [--accounts 440]``: measures and writes ``bench/results.json``."""

from __future__ import annotations

import argparse
import json
import os
import platform
import sys
from datetime import UTC, datetime
from pathlib import Path

from bench import refresh

RESULTS = Path(__file__).resolve().parent / "results.json"


def main() -> int:
    """The command line."""
    parser = argparse.ArgumentParser(prog="python -m bench", description=__doc__)
    parser.add_argument("--events", type=int, nargs="+", default=[1_000_000, 10_000_000], metavar="N")
    parser.add_argument("--accounts", type=int, default=440, metavar="N")
    arguments = parser.parse_args()
    rows = [refresh.run(events, arguments.accounts) for events in arguments.events]
    machine = {"cores": os.cpu_count(), "python": platform.python_version(), "system": platform.system()}
    found = {"measured_at": datetime.now(UTC).isoformat(timespec="seconds"), "machine": machine, "refresh": rows}
    RESULTS.write_text(json.dumps(found, indent=1) + "\n", encoding="utf-8")
    print(f"{'events':>12} {'first':>9} {'peak':>9} {'another day':>12} {'nothing new':>12} {'day/first':>10}")
    for row in rows:
        first, day, idle = row["first"], row["another_day"], row["nothing_new"]
        print(
            f"{row['events']:>12,} {first['seconds']:>7.1f} s {first['peak_mb']:>6.0f} MB {day['seconds']:>10.2f} s "
            f"{idle['seconds']:>10.2f} s {row['another_day_to_first']:>10.1%}"
        )
    return 0


if __name__ == "__main__":
    sys.exit(main())
