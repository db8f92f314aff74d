"""What the public pages look up and write down, and the page that follows; this part blocks, so it runs in threads."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any
from uuid import UUID
from zoneinfo import ZoneInfo

from sqlalchemy import Engine
from standardwebhooks import Webhook, WebhookVerificationError

from outreach import bounces, public_forms
from outreach.plays import PlayError, read_plays
from outreach.public_page import LONGEST, Form, Page
from outreach.public_words import SHIPPED, Words, shipped
from outreach.tokens import BadToken
from outreach.written import Written
from outreach.zones import zone_of
from records import addresses, answers, campaigns, digests
from records.campaigns import Message
from records.database import engine as records_engine
from records.erased import PREFIX as ERASED
from records.errors import NotAccepted
from settings import Settings

QUESTIONS = ("nps", "exit")
SOURCE = "link"


@dataclass(frozen=True)
class Shown:
    """A page, the language it is in, and the status it is answered with."""

    page: Page
    language: str
    status: int = 200


class _Unsent(Exception):
    """The message is a preview still: whoever looks at it must not answer or unsubscribe in a customer's name."""

    def __init__(self, language: str) -> None:
        self.language = language


def show_unsubscribe(held: Settings, message_id: UUID, language: str) -> Shown:
    """One button, or, where somebody has unsubscribed already, that it is so and a way back; changes nothing."""
    engine = records_engine(held)
    try:
        message = _message(engine, message_id)
    except _Unsent as unsent:
        return _unsent(shipped(unsent.language) or language)
    language = shipped(message.language) or language
    if _is_out(engine, message):
        return _stopped(held, message.kind, language)
    return Shown(_ask_to_stop(held, message.kind, language), language)


def unsubscribe(held: Settings, message_id: UUID, language: str, again: bool, now: datetime) -> Shown:
    """Unsubscribes at once, or, with ``again``, subscribes again; the same twice changes nothing more."""
    engine = records_engine(held)
    try:
        message = _message(engine, message_id)
    except _Unsent as unsent:
        return _unsent(shipped(unsent.language) or language)
    language = shipped(message.language) or language
    if message.kind == "internal":
        address = message.address or ""
        key = held.secret_key
        digests.subscribe(engine, address, actor=address, now=now, subscribed=again, secret_key=key)
    else:
        change = addresses.opt_in if again else addresses.opt_out
        whose: dict[str, Any] = {"user_id": message.user_id, "message_id": message.id}
        change(engine, message.address_key, source=SOURCE, now=now, **whose)
    if not again:
        return _stopped(held, message.kind, language)
    words = SHIPPED[language]
    return Shown(Page(words.again_title, words.again_text), language)


def show_question(held: Settings, message_id: UUID, language: str, score: int | None) -> Shown:
    """The message's question, with ``score`` chosen where its link says so; changes nothing.

    An earlier answer is not shown, only that there is one: whoever got the message forwarded may be looking.
    """
    engine = records_engine(held)
    try:
        message = _message(engine, message_id)
    except _Unsent as unsent:
        return _unsent(shipped(unsent.language) or language)
    question, language = _question(held, engine, message), shipped(message.language) or language
    words, before = SHIPPED[language], answers.of(engine, message_id)
    note = ""
    if before is not None:
        zone = zone_of(message.time_zone, None, held.organisation.time_zone)
        day = before.at.astimezone(ZoneInfo(zone)).date()
        note = words.answered.format(day=Written(language).day(day))
    return Shown(_ask(held, question, language, note=note, warns=False, score=score), language)


def answer(held: Settings, message_id: UUID, language: str, sent: Mapping[str, str], now: datetime) -> Shown:
    """Stores an answer in place of the one before, or says what is missing and keeps what was written."""
    engine = records_engine(held)
    try:
        message = _message(engine, message_id)
    except _Unsent as unsent:
        return _unsent(shipped(unsent.language) or language)
    question, language = _question(held, engine, message), shipped(message.language) or language
    words, comment = SHIPPED[language], public_forms.prose(sent.get("comment", ""))
    score = public_forms.score(sent.get("score")) if question == "nps" else None
    wrong = _missing(words, question, score, comment)
    if wrong:
        return Shown(_ask(held, question, language, note=wrong, score=score, comment=comment), language, 400)
    said = comment or None
    try:
        answers.answer(engine, message_id, question=question, score=score, comment=said, source=SOURCE, now=now)
    except NotAccepted:  # answered more often than anybody does
        return busy(language)
    return Shown(Page(words.thanks_title, words.thanks_text, link=("?", words.change)), language)


def bounced(held: Settings, headers: Mapping[str, str], content: bytes, now: datetime) -> int:
    """Takes a signed report of a message that came back; the status to answer with.

    404 while ``WEBHOOK_SECRET`` is unset, 401 when the signature is not ours or is older than five minutes.
    """
    if not held.webhook_secret:
        return 404
    try:
        Webhook(held.webhook_secret).verify(content, dict(headers), json_parse=False)
    except (WebhookVerificationError, ValueError):  # ValueError: the header or the body is no text that it could be
        return 401
    bounces.take(records_engine(held), content, now=now)
    return 204


def unsubscribe_later(held: Settings, language: str, again: bool) -> Shown:
    """The same button once more: the database is away, and nothing was changed."""
    words = SHIPPED[language]
    page = _ask_to_stop(held, "marketing", language)
    if again:
        page = Page(words.later_title, undo=(words.back_text, words.back_button))
    return Shown(replace(page, note=words.later_text), language, 503)


def answer_later(held: Settings, language: str, sent: Mapping[str, str]) -> Shown:
    """The form once more, with all that was written in it: the database is away, and nothing was lost."""
    question = sent.get("question", "")
    if question not in QUESTIONS:
        return later(language)
    score, comment = public_forms.score(sent.get("score")), public_forms.prose(sent.get("comment", ""))
    page = _ask(held, question, language, note=SHIPPED[language].later_text, score=score, comment=comment)
    return Shown(page, language, 503)


def later(language: str) -> Shown:
    """The database is away, and what was asked for cannot be known."""
    return Shown(Page(SHIPPED[language].later_title, SHIPPED[language].later_text), language, 503)


def busy(language: str) -> Shown:
    """This address has asked too often."""
    return Shown(Page(SHIPPED[language].busy_title, SHIPPED[language].busy_text), language, 429)


def unknown(language: str) -> Shown:
    """No such link: made up, cut off, of another kind, or of a message that is gone. All of them look alike."""
    return Shown(Page(SHIPPED[language].unknown_title, SHIPPED[language].unknown_text), language, 404)


def too_large(language: str) -> Shown:
    """More was sent than any answer holds."""
    return Shown(Page(SHIPPED[language].busy_title, SHIPPED[language].too_long), language, 413)


def too_slow(language: str) -> Shown:
    """What was sent did not arrive."""
    return Shown(Page(SHIPPED[language].later_title, SHIPPED[language].later_text), language, 408)


def _unsent(language: str) -> Shown:
    return Shown(Page(SHIPPED[language].unsent_title, SHIPPED[language].unsent_text), language, 404)


def _message(engine: Engine, message_id: UUID) -> Message:
    """The message of a token; BadToken when it is gone or its person was erased, _Unsent before it was sent."""
    message = campaigns.message(engine, message_id)
    if message is None or message.reason == "erased" or message.address_key.startswith(ERASED):
        raise BadToken
    if message.sending_at is None and message.attempts == 0:
        raise _Unsent(message.language)
    return message


def _is_out(engine: Engine, message: Message) -> bool:
    if message.kind == "internal":
        return (message.address or "") not in digests.subscribers(engine)
    return bool(addresses.opted_out(engine, addresses.keys(message.address_key, message.user_id)))


def _question(held: Settings, engine: Engine, message: Message) -> str:
    """What a message asks: as it was approved, else as its play asks today; BadToken when it asks nothing."""
    campaign = campaigns.campaign(engine, message.campaign_id)
    rules = {} if campaign is None else campaign.rules
    asked = rules.get("question")
    if "question" not in rules:
        try:
            play = read_plays(held).get(message.play)
        except PlayError:  # somebody is writing in the folder
            play = None
        asked = None if play is None else play.question
    if asked not in QUESTIONS:
        raise BadToken
    return str(asked)


def _missing(words: Words, question: str, score: int | None, comment: str) -> str:
    if len(comment) > LONGEST:
        return words.too_long
    if question == "nps" and score is None:
        return words.choose
    return words.write if question == "exit" and not comment else ""


def _ask(
    held: Settings,
    question: str,
    language: str,
    *,
    note: str,
    warns: bool = True,
    score: int | None = None,
    comment: str = "",
) -> Page:
    words, company = SHIPPED[language], held.organisation.name
    nps = question == "nps"
    form = Form(
        question=question,
        label=words.nps_comment if nps else words.exit_comment,
        button=words.answer_button,
        low=words.nps_low,
        high=words.nps_high,
        score=score,
        comment=comment[: LONGEST * 2],
    )
    return Page(
        (words.nps_question if nps else words.exit_question).format(company=company), note=note, warns=warns, form=form
    )


def _ask_to_stop(held: Settings, kind: str, language: str) -> Page:
    words = SHIPPED[language]
    text = "" if kind == "internal" else words.stop_text
    return Page(words.stop_title.format(company=held.organisation.name), text, button=words.stop_button)


def _stopped(held: Settings, kind: str, language: str) -> Shown:
    words = SHIPPED[language]
    text = "" if kind == "internal" else words.stopped_text.format(company=held.organisation.name)
    return Shown(Page(words.stopped_title, text, undo=(words.back_text, words.back_button)), language)
