"""What people wrote down about the company of canaries: notes, goals, overrides, corrections, campaigns, answers."""

from __future__ import annotations

import uuid
from datetime import datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from outreach.audience import Audience
from records import addresses, answers, corrections, digests, goals, marks, notes, outbox, overrides
from records.campaigns import Row
from records.outbox import Begun, Rules
from records.overrides import Override
from tests.pages.canaries import OWNERS, answer_id, csm, word
from tests.records import outreach
from tests.records.conftest import Records, rows


def everything_in(records: Records) -> dict[str, list[str]]:
    """Every row of every table of the records, as text."""
    named = rows(records.owner, "SELECT table_name FROM information_schema.tables WHERE table_schema = 'tenure'")
    tables = sorted(name for (name,) in named)
    return {name: [row for (row,) in rows(records.owner, f"SELECT t::text FROM tenure.{name} t")] for name in tables}


def written(records: Records, now: datetime, zone: ZoneInfo) -> tuple[dict[str, uuid.UUID], dict[str, uuid.UUID]]:
    """What people wrote down, campaigns by name and their messages by whom they are to."""
    campaigns: dict[str, uuid.UUID] = {}
    messages: dict[str, uuid.UUID] = {}
    for owner in OWNERS:
        _noted(records, owner, now, zone)
    at = now - timedelta(hours=1)
    for owner in ("ada", "bo"):
        two = [_row(owner, 0, 0), _row(owner, 2, 1)]
        campaigns[owner] = _sent(records, owner, two, at, title=0)
        messages |= {f"{owner} sent": two[0].id, f"{owner} failed": two[1].id}
        draft = _row(owner, 0, 2)
        campaigns[f"{owner} draft"], _ = outreach.draft(
            records, [draft], title=word(owner, "campaign", 2), play="nps", author=csm(owner), now=now,
            audience=_audience(owner, 1), rules={"question": "nps"},
        )  # fmt: skip
        messages[f"{owner} draft"] = draft.id
    mixed = [_row("bo", 1, 3), _row("ada", 1, 1)]
    campaigns["mixed"] = _sent(records, "bo", mixed, at, title=3)
    messages |= {"bo mixed": mixed[0].id, "ada mixed": mixed[1].id}
    gone = _row("bo", 0, 0).address_key
    addresses.opt_out(records.engine, gone, source="link", now=now, message_id=messages["bo sent"])
    digests.subscribe(records.engine, f"{word('bo', 'address', 3)}@us.example", actor="abe", now=now)
    return campaigns, messages


def _noted(records: Records, owner: str, now: datetime, zone: ZoneInfo) -> None:
    here, account = records.engine, {"account_id": word(owner, "account")}
    by: dict[str, Any] = {"author": csm(owner), "now": now}
    corrections.set_themes(here, source="exit_surveys", response_id=answer_id(owner, 8), themes=["slow"], **by)
    month = (now.astimezone(zone).date().replace(day=1) - timedelta(days=12)).replace(day=1)
    marks.set_mark(here, account_id=word(owner, "account", 2), month=month, regrettable=True, **by)
    if owner == "nobody":
        return
    notes.set_note(here, **account, note_id=uuid.uuid4(), text=word(owner, "about", 3), **by)
    goal = goals.Goal(word(owner, "about", 4), champion=word(owner, "about", 6))
    goals.set_goal(here, **account, goal=goal, **by)
    said = Override("red", None, word(owner, "about", 5), now.date() + timedelta(days=60))
    overrides.set_override(here, **account, override=said, zone=zone, **by)


def _row(owner: str, person: int, letter: int) -> Row:
    name = f"{word(owner, 'person', person).title()} Doe"
    said = word(owner, "letter", letter)
    return outreach.row(
        account_id=word(owner, "account", 1 if person == 2 else 0), user_id=word(owner, "person", person), name=name,
        address=f"{word(owner, 'address', person)}@customer.example",
        address_key=f"{word(owner, 'address', person)}@customer.example",
        subject=f"{said} for {name}", text=f"Dear {name.split()[0]},\n\n{said}", html=f"<p>{name} {said}</p>",
    )  # fmt: skip


def _audience(owner: str, label: int) -> dict[str, Any]:
    ids = (word(owner, "account"), word(owner, "account", 1))
    return Audience(word(owner, "campaign", label), "Accounts", ids).as_json()


def _sent(records: Records, owner: str, drawn: list[Row], at: datetime, *, title: int) -> uuid.UUID:
    """Sent and answered; the second message of an owner's own was refused, with the address in what was said."""
    made = outreach.running(
        records, drawn, now=at, play="nps", title=word(owner, "campaign", title), author=csm(owner),
        audience=_audience(owner, 1), rules={"question": "nps"},
    )  # fmt: skip
    for taken in outreach.claim(records, now=at):
        row = next(each for each in drawn if each.id == taken.id)
        started = outbox.begin_sending(records.engine, taken, now=at, rules=Rules(100, 0, 0))
        assert isinstance(started, Begun)
        begun = started.claimed
        if row is drawn[1] and title == 0:
            said = f"550 no such user <{row.address}>"
            outbox.failed(records.engine, begun, now=at, reason="refused", detail=said)
            continue
        outbox.sent(records.engine, begun, now=at)
        whose = next(each for each in OWNERS if f"canary{each}" in row.account_id)
        comment = word(whose, "comment", 11 if title == 0 else 12 if whose == "bo" else 11)
        answers.answer(records.engine, row.id, question="nps", score=3, comment=comment, now=at)
    return made
