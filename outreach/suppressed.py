"""Addresses that nothing is sent to: ``python -m outreach.suppressed [lift ADDRESS | block ADDRESS]``."""

from __future__ import annotations

import argparse
import getpass
import sys
from collections.abc import Sequence
from datetime import UTC, datetime

from sqlalchemy import Engine

import settings as configuration
from records import addresses
from records.database import engine
from records.errors import RecordsError
from settings import SettingsError


def main(words: Sequence[str] | None = None) -> int:
    """The command line; 1 when it cannot be done, 2 when the settings or the arguments are no good."""
    parser = _parser()
    chosen = parser.parse_args(words)
    if (chosen.action == "list") != (chosen.address is None):
        parser.error("say which address: lift ADDRESS or block ADDRESS")
    try:
        print(_run(engine(configuration.get()), chosen.action, chosen.address))
    except SettingsError as error:
        print(error, file=sys.stderr)
        return 2
    except RecordsError as error:
        print(error, file=sys.stderr)
        return 1
    return 0


def _run(here: Engine, action: str, address: str | None) -> str:
    if address is None:
        return listed(here)
    key, now, actor = addresses.address_key(address), datetime.now(UTC), getpass.getuser()
    if action == "block":
        addresses.suppress(here, key, reason="blocked", now=now, actor=actor)
        return f"Nothing is sent to {key} any more."
    if not addresses.suppressed(here, [key]):
        return f"{key} was not suppressed; nothing was changed."
    addresses.lift(here, key, actor=actor, now=now)
    return f"{key} may be written to again. Opt-outs stay as they are."


def listed(here: Engine) -> str:
    """One line per suppressed address, newest first: the address, since when, why, and what the server said."""
    lines = [
        "  ".join([row["address_key"], f"{row['at']:%Y-%m-%d}", row["reason"], row["detail"] or ""]).rstrip()
        for row in addresses.suppressions(here).iter_rows(named=True)
    ]
    return "\n".join(lines) or "No address is suppressed."


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m outreach.suppressed",
        description="List the addresses that nothing is sent to, not even service mail: mail to them came back for "
        "good, or somebody blocked them. Lift one when its mailbox works again, or block one.",
    )
    parser.add_argument("action", nargs="?", choices=["list", "lift", "block"], default="list", help="default: list")
    parser.add_argument("address", nargs="?", metavar="ADDRESS", help="the address to lift or to block")
    return parser


if __name__ == "__main__":
    sys.exit(main())
