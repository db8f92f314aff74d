"""Drafting a campaign: from an audience and a play to every recipient's message, kept as it would be sent."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any
from uuid import UUID, uuid4, uuid5

import polars as pl
from sqlalchemy import Engine

from outreach import fields, tokens
from outreach.audience import Audience, recipients, touches
from outreach.merge_fields import one_line
from outreach.plays import Play, read_plays
from outreach.preflight import HELD_OUT, LEFT_OUT, preflight
from outreach.render import Blocked, Rendered, Renderer
from outreach.tone import Tone, tone_of
from queries.frames import Frames
from records import addresses, campaigns, erased, goals
from records.checks import LONGEST_NAME
from records.database import engine as connect
from records.errors import NotAccepted
from settings import Settings

_EVER = datetime(1970, 1, 1, tzinfo=UTC)
_PREVIEW: dict[str, pl.DataType | type[pl.DataType]] = {
    "message_id": pl.String,
    "account_id": pl.String,
    "account": pl.String,
    "user_id": pl.String,
    "name": pl.String,
    "address": pl.String,
    "language": pl.String,
    "time_zone": pl.String,
    "verdict": pl.String,
    "reason": pl.String,
    "detail": pl.String,
    "not_before": pl.Datetime("us", "UTC"),
    "subject": pl.String,
    "text": pl.String,
}
_FLAGS = dict.fromkeys(("message_id", "kind", "excerpt", "why"), pl.String)


@dataclass(frozen=True)
class Draft:
    """A campaign as drafted, for the preview.

    ``fingerprint`` is what approving wants to see. ``rows`` has everybody in the audience: ``message_id``;
    ``account_id`` and ``account``; ``user_id``, ``name``, ``address``, ``language``, ``time_zone``; ``verdict``
    (``send``, ``later``, ``held_out``, ``left_out``), ``reason`` and ``detail``, ``not_before`` (UTC); ``subject`` and
    ``text``, null for whom nothing would be sent to. ``flags`` is what the tone check says of messages that would be
    sent: ``message_id``, ``kind``, ``excerpt``, ``why``. ``unknown`` counts ids of the audience that led nowhere.
    """

    campaign_id: UUID
    fingerprint: str
    rows: pl.DataFrame
    flags: pl.DataFrame
    unknown: int


@dataclass(frozen=True)
class _Written:
    """One recipient with the message, or why there is none."""

    row: campaigns.Row
    verdict: str
    account: str
    flags: tuple[tuple[str, str, str], ...] = ()


def compose(
    settings: Settings,
    frames: Frames,
    play: Play,
    audience: Audience,
    *,
    author: str,
    now: datetime,
    title: str | None = None,
    campaign_id: UUID | None = None,
    progress: Callable[[int, int], None] | None = None,
) -> Draft:
    """Drafts a campaign of ``play`` for ``audience`` and keeps it, every message rendered once.

    The same ``campaign_id`` again replaces the draft, whether the first attempt failed half way, its answer got lost,
    or it is to be looked at anew; a failure leaves no half draft. ``progress`` is called with the messages rendered
    and their number.

    A message that cannot be rendered, or in which a field stayed unfilled, leaves out its recipient only
    (``not_rendered``, with the detail). So do those of the held out, which are rendered to see that and not kept: who
    could not have been written to is on neither side. NotAccepted when the audience leads to nobody; the errors of
    ``records.campaigns.draft``; SettingsError when a link is needed and ``SECRET_KEY`` is not set.
    """
    engine = connect(settings)
    typed = goals.current(engine)
    found = recipients(
        frames,
        audience,
        play,
        language=settings.organisation.language,
        champions=_typed(typed, "champion_id"),
        grace_days=settings.revenue.grace_days,
    )
    if found.rows.is_empty():
        raise NotAccepted("The audience leads to nobody.", "choose accounts or people that you may see")
    checked = _checked(settings, engine, frames, play, found.rows, now)
    mailed = checked.filter(pl.col("verdict") != LEFT_OUT)
    told = fields.of(frames, settings, mailed, play, audience, goals=_typed(typed, "goal"))
    campaign = campaign_id or uuid4()
    written: list[_Written] = []
    tone, done = tone_of(settings), 0
    with Renderer() as renderer:
        for row in checked.iter_rows(named=True):
            # Made from the campaign's random id, so that drafting again makes the same links.
            message_id = uuid5(campaign, f"{row['account_id']}\0{row['user_id'] or ''}")
            if row["row"] not in told:
                written.append(_left_out(row, message_id, row["reason"]))
                continue
            known = told[row["row"]] | _links(settings, play, message_id)
            written.append(_message(row, message_id, play, known, renderer, tone))
            done += 1
            if progress is not None:
                progress(done, len(told))
    fingerprint = campaigns.draft(
        engine,
        campaign_id=campaign,
        title=title or play.title,
        play=play.id,
        play_version=play.version,
        kind=play.kind,
        channel=play.channel,
        audience=audience.as_json(),
        rules=_rules(settings, play),
        rows=[one.row for one in written],
        author=author,
        now=now,
        secret_key=settings.secret_key,
    )
    return Draft(campaign, fingerprint, _preview(written), _flagged(written), found.unknown)


def _typed(goals: pl.DataFrame, column: str) -> dict[str, str]:
    """What people typed in, by account."""
    return dict(goals.select("account_id", column).drop_nulls().iter_rows())


def _checked(
    settings: Settings, engine: Engine, frames: Frames, play: Play, rows: pl.DataFrame, now: datetime
) -> pl.DataFrame:
    people = rows.select("address_key", "user_id").unique().iter_rows()
    whom = {key for address_key, user_id in people for key in addresses.keys(address_key, user_id)}
    return preflight(
        rows,
        play,
        history=campaigns.history(engine, _EVER),
        opted_out=addresses.opted_out(engine, whom),
        suppressed=addresses.suppressed(engine, whom) | _erased(settings, engine, rows),
        touches=touches(frames, rows["account_id"]),
        rules=settings.outreach,
        now=now,
        goodbyes={one.id for one in read_plays(settings).values() if one.says_goodbye},
    )


def _erased(settings: Settings, engine: Engine, rows: pl.DataFrame) -> dict[str, str]:
    """The address keys of people erased since the snapshot was made, as suppressed ones are told."""
    people = rows.select("address_key", "address", "user_id").iter_rows()
    return {key: "erased" for key, _, _ in erased.among(engine, people, secret_key=settings.secret_key)}


def _links(settings: Settings, play: Play, message_id: UUID) -> dict[str, str]:
    """The links that this message needs; service mail may need none."""
    purposes: Mapping[tokens.Purpose, bool] = {
        "answer": "answer_link" in play.fields,
        "unsubscribe": play.kind == "marketing",
    }
    return {f"{name}_link": tokens.link(settings, name, message_id) for name, needed in purposes.items() if needed}


def _who(row: Mapping[str, Any], message_id: UUID) -> dict[str, Any]:
    """The part of a row of the outbox that says to whom; names and wrong addresses come from anywhere."""
    if row["reason"] == "erased":  # that somebody was there, and nothing that tells who
        nobody = dict.fromkeys(("user_id", "name", "address"))
        about = {name: row[name] for name in ("account_id", "language", "time_zone")}
        id = uuid4()  # one that was made from theirs would tell
        return {"id": id, "address_key": f"{erased.PREFIX}{id}", **about, **nobody}
    shown = {name: row[name] and (one_line(row[name], LONGEST_NAME) or None) for name in ("name", "address")}
    same = ("account_id", "user_id", "address_key", "language", "time_zone")
    return {"id": message_id, **shown, **{name: row[name] for name in same}}


def _left_out(row: Mapping[str, Any], message_id: UUID, reason: str, detail: str | None = None) -> _Written:
    who = _who(row, message_id)
    left = campaigns.Row(**who, arm=LEFT_OUT, state=LEFT_OUT, reason=reason, detail=detail)
    return _Written(left, LEFT_OUT, row["account"])


def _held_out(row: Mapping[str, Any], message_id: UUID) -> _Written:
    held = campaigns.Row(**_who(row, message_id), arm=HELD_OUT, state=HELD_OUT, reason=row["reason"])
    return _Written(held, HELD_OUT, row["account"])


def _message(
    row: Mapping[str, Any], message_id: UUID, play: Play, known: Mapping[str, Any], renderer: Renderer, tone: Tone
) -> _Written:
    made: Rendered | Blocked = renderer.render(play.languages[row["language"]], known)
    if isinstance(made, Blocked):
        return _left_out(row, message_id, "not_rendered", f"{made.reason}: {made.detail}")
    flags = tone.check(made.subject, made.text, row["language"])
    unfilled = next((flag for flag in flags if flag.kind == "unfilled"), None)
    if unfilled is not None:
        return _left_out(row, message_id, "not_rendered", f"unfilled: {unfilled.excerpt}")
    if row["verdict"] == HELD_OUT:
        return _held_out(row, message_id)
    ready = campaigns.Row(
        **_who(row, message_id),
        reason=row["reason"],
        subject=made.subject,
        text=made.text,
        html=made.html,
        fields={name: value for name, value in known.items() if not name.endswith("_link")},
        not_before=row["not_before"],
    )
    return _Written(ready, row["verdict"], row["account"], tuple((flag.kind, flag.excerpt, flag.why) for flag in flags))


def _rules(settings: Settings, play: Play) -> dict[str, Any]:
    """The settings under which the draft was made, and the play's question, as they are kept with the campaign."""
    held = settings.outreach
    return {
        "most_per_person": held.most_per_person,
        "contact_days": held.contact_days,
        "account_contact_days": held.account_contact_days,
        "quiet_from": held.quiet_from.isoformat(),
        "quiet_until": held.quiet_until.isoformat(),
        "quiet_weekdays": sorted(held.quiet_weekdays),
        "holdout": held.holdout if play.holdout is None else play.holdout,
        "question": play.question,
    }


def _preview(written: list[_Written]) -> pl.DataFrame:
    rows = [
        {
            **{name: getattr(one.row, name, None) for name in _PREVIEW},
            "message_id": str(one.row.id),
            "account": one.account,
            "verdict": one.verdict,
        }
        for one in written
    ]
    return pl.DataFrame(rows, schema=_PREVIEW)


def _flagged(written: list[_Written]) -> pl.DataFrame:
    rows = [(str(one.row.id), *flag) for one in written for flag in one.flags]
    return pl.DataFrame(rows, schema=_FLAGS, orient="row")
