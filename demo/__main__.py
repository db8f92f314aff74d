"""``python -m demo``: start the embedded PostgreSQL and load the made-up company, once."""

from __future__ import annotations

import argparse
import secrets
import sys
import time
from collections.abc import Sequence
from contextlib import closing
from datetime import date
from pathlib import Path

import settings
from demo import company, load, server
from records import migrate
from records.errors import RecordsError

ROOT = Path(__file__).resolve().parent.parent
DATABASE = "northwind"


def main(arguments: Sequence[str] | None = None) -> int:
    """Runs the command; 0 when all is well, 1 with a message otherwise."""
    options = _parser().parse_args(arguments)
    try:
        if options.unless_set and settings.environment().get("PRODUCT_DATABASE_URL", "").strip():
            return 0
        if options.action == "stop":
            _stop(options.folder)
        elif options.url:
            _fill(options.url, options)
        else:
            _start(options)
    except (server.ServerError, load.LoadError, RecordsError, settings.SettingsError) as error:
        print(error, file=sys.stderr)
        return 1
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m demo",
        description="Start the embedded PostgreSQL under .data/ and load a made-up company into it, once.",
    )
    parser.add_argument("action", nargs="?", choices=["start", "stop"], default="start", help="default: start")
    parser.add_argument("--accounts", type=_count, default=company.ACCOUNTS, metavar="N", help="default %(default)s")
    parser.add_argument(
        "--events", type=_count, default=company.EVENTS, metavar="N", help="about how many; default %(default)s"
    )
    parser.add_argument("--seed", type=int, default=company.SEED, help="another seed, another company")
    parser.add_argument("--today", type=date.fromisoformat, metavar="YYYY-MM-DD", help="the day the data ends on")
    parser.add_argument("--url", help="fill this PostgreSQL database instead of the embedded one")
    parser.add_argument("--reload", action="store_true", help="replace a company loaded earlier")
    parser.add_argument("--add-day", action="store_true", help="add one more day of events")
    parser.add_argument("--unless-set", action="store_true", help="do nothing where PRODUCT_DATABASE_URL is set")
    parser.add_argument("--folder", type=Path, default=ROOT / ".data", help="where the embedded server lives")
    return parser


def _count(text: str) -> int:
    value = int(text)
    if value < 1:
        raise argparse.ArgumentTypeError("must be 1 or more")
    return value


def _start(options: argparse.Namespace) -> None:
    """The embedded server, the company in it, and the address for the settings."""
    running = server.start(options.folder / "postgres", say=_say)
    load.make_database(running.url(), DATABASE)
    load.make_reader(running.url())
    load.make_writer(running.url())
    _fill(running.url(DATABASE), options)
    # Whatever company was loaded, what people wrote down stays.
    migrate.upgrade(running.url(DATABASE), writer=load.WRITER)
    address = running.url(DATABASE, load.READER)
    for name, url in (("demo.url", address), ("records.url", running.url(DATABASE, load.WRITER))):
        (options.folder / name).write_text(url + "\n", encoding="utf-8")
    _keep_a_secret(options.folder / "secret.key")
    _say(f"PostgreSQL runs: {address}")


def _keep_a_secret(path: Path) -> None:
    """The key that links in the demo's mail are signed with; made once, so that yesterday's links still work."""
    if not path.exists():
        path.touch(mode=0o600)
        path.write_text(secrets.token_urlsafe(32) + "\n", encoding="utf-8")


def _fill(url: str, options: argparse.Namespace) -> None:
    if options.add_day:
        load.add_day(url, say=_say)
        return
    started = time.monotonic()
    plan = company.Plan(options.today or date.today(), options.accounts, options.events, options.seed)
    if load.load(url, plan, reload=options.reload, say=_say):
        _say(f"Loaded in {time.monotonic() - started:.1f} s")
        if options.reload:
            _say("The snapshot is still the company before: python -m queries.refresh --full")
    else:
        _say(_already(url))


def _already(url: str) -> str:
    with closing(load._connect(url)) as connection, connection.cursor() as cursor:
        found = load.loaded(cursor)
    assert found is not None
    plan, _ = found
    return (
        f"A company is loaded already: {plan.accounts:,} accounts, {plan.events:,} events, up to {plan.today} "
        "(--reload makes it anew)"
    )


def _stop(folder: Path) -> None:
    _say("PostgreSQL has stopped" if server.stop(folder / "postgres") else "PostgreSQL was not running")


def _say(message: str) -> None:
    print(message, flush=True)


if __name__ == "__main__":
    sys.exit(main())
