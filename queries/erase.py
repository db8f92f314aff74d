"""Removes people from the records and from every snapshot: ``python -m queries.erase <address or user id> …``."""

from __future__ import annotations

import argparse
import sys
from collections import Counter
from collections.abc import Sequence

import settings as configuration
from queries.erasure import Found, erase
from queries.errors import QueryError
from records.errors import RecordsError
from settings import Settings, SettingsError

_AGAIN = "What was done stays done, and they are left out from now on; run this again to remove the rest."


def main(words: Sequence[str] | None = None) -> int:
    """The command line; 1 when something could not be removed, 2 when the settings or the arguments are no good."""
    parser = _parser()
    chosen = parser.parse_args(words)
    if not chosen.people and not chosen.again:
        parser.error("say whom: an address or a user id; or --again")
    if not all(one.strip() for one in chosen.people):
        parser.error("an empty id or address is nobody's: leave it out")
    if chosen.people and chosen.again:
        parser.error("--again is about those who were erased before; leave it out to erase others")
    try:
        return _run(configuration.get(), chosen)
    except SettingsError as error:
        print(error, file=sys.stderr)
        return 2


def _run(settings: Settings, chosen: argparse.Namespace) -> int:
    if not settings.secret_key:
        raise SettingsError(
            "SECRET_KEY is not set, so nobody could be told later who was erased.\n\n"
            "Hint: set it to a long random text, for example what `openssl rand -hex 32` prints, and keep it."
        )
    try:
        found = erase(settings, chosen.people, names=chosen.name, dry_run=chosen.dry_run, say=_say)
    except (RecordsError, QueryError, OSError) as error:
        print(f"{error}\n\n{_AGAIN}", file=sys.stderr)
        return 1
    print(told(found, dry_run=chosen.dry_run))
    return 0


def told(found: Found, *, dry_run: bool) -> str:
    """What was removed where, in lines that name nobody."""
    verb = "Would remove" if dry_run else "Removed"
    new = "would be new" if dry_run else "of them new"
    nothing = "nothing is left of them there"
    lines = [
        f"{found.marks} ids and addresses are left out for good, {found.new} {new}.",
        f"{verb} from the records: {_counts(found.records) or nothing}.",
        f"{verb} from the snapshot: {_counts(found.snapshot) or nothing}.",
    ]
    if found.mail:
        lines.append(f"{verb} {found.mail} mails written as files.")
    if found.objects:
        lines.append(f"{verb} {found.objects} objects of older snapshots.")
    if dry_run:
        lines.append("Nothing was changed.")
    return "\n".join(lines)


def _counts(rows: Counter[str]) -> str:
    return ", ".join(f"{count:,} {name.replace('_', ' ')}" for name, count in sorted(rows.items()) if count)


def _say(text: str) -> None:
    print(f"{text} …", file=sys.stderr, flush=True)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m queries.erase",
        description="Remove people from the records and from every snapshot, and leave them out of every later one; "
        "nothing is ever sent to them again. Ids and addresses that belong together go together. Signs in with "
        "RECORDS_OWNER_URL. Safe to stop and to run again. Back-ups are yours to take care of: run it with --again "
        "after restoring one.",
    )
    parser.add_argument("people", nargs="*", metavar="PERSON", help="an address, or a user id of the product")
    parser.add_argument(
        "--name",
        action="append",
        default=[],
        help="a name to replace in what others wrote, beside the full names that are known; may be repeated",
    )
    parser.add_argument("--dry-run", action="store_true", help="count what would be removed, and change nothing")
    parser.add_argument("--again", action="store_true", help="remove what is left of everybody erased before")
    return parser


if __name__ == "__main__":
    sys.exit(main())
