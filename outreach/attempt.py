"""One attempt to send one message, from the claim to what is written down about its end.

Order: the recipient is asked for, then ``sending`` is committed, then the message is sent. Whatever goes wrong before
the commit, or between it and the last byte, is known not to have been sent.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import lru_cache
from typing import Any
from uuid import UUID
from zoneinfo import ZoneInfo

from sqlalchemy import Engine
from tenacity import RetryCallState, Retrying, wait_exponential_jitter

from outreach import message as mail
from outreach import quiet, tokens
from outreach.delivery import Channel, NotSent, Unknown
from outreach.message import Mail, NotSendable
from outreach.smtp import Compose
from outreach.zones import zone_of
from records import campaigns, outbox
from records.campaigns import Attachment
from records.errors import RecordsError, RecordsUnavailable
from records.outbox import NOTHING_KNOWN, Begun, Claimed, Outside, Refused, Rules
from settings import Settings, SettingsError

log = logging.getLogger("tenure.outreach")

OFFER, BEGIN, DELIVER = 0.25, 0.25, 0.4
"""Parts of a lease that asking for the recipient, the commit, and the message itself may take: together under one,
and the message under half."""
_RETRY = wait_exponential_jitter(multiplier=300, max=6 * 3600, jitter=60)
_RECORD = wait_exponential_jitter(multiplier=0.25, max=5, jitter=0.25)


def growing(wait: wait_exponential_jitter, number: int) -> float:
    """Seconds before attempt ``number`` + 1."""
    state = RetryCallState(Retrying(), None, (), {})
    state.attempt_number = number
    return wait(state)


def composer(settings: Settings, engine: Engine) -> Compose:
    """Makes messages into mail: with the link that ends marketing mail, and the files of mail to our own people."""

    @lru_cache(maxsize=2)
    def files(campaign_id: UUID) -> tuple[Attachment, ...]:
        return tuple(campaigns.attachments(engine, campaign_id))

    def compose(message: Claimed, now: datetime) -> Mail:
        link = tokens.link(settings, "unsubscribe", message.id) if message.kind == "marketing" else None
        attached = files(message.campaign_id) if message.kind == "internal" else ()
        return mail.compose(message, settings.outreach, now=now, unsubscribe=link, attachments=attached)

    return compose


@dataclass(frozen=True)
class End:
    """How an attempt ended.

    ``sent``: the other side has it. ``outage``: the channel is at fault, so the next message of it need not be tried.
    ``heard``: whether the other side answered; None where it was not asked. ``counter``: as ``begin_sending`` gave it.
    """

    sent: bool = False
    outage: bool = False
    heard: bool | None = None
    counter: int = 0


class Attempts:
    """Sends messages one after the other. ``sleep`` waits while the database is away, ``clock`` is the time in UTC."""

    def __init__(
        self,
        settings: Settings,
        engine: Engine,
        *,
        open_channel: Callable[[str], Channel],
        clock: Callable[[], datetime],
        sleep: Callable[[float], object] = time.sleep,
    ) -> None:
        self._ours = settings.outreach
        self._secret_key = settings.secret_key
        self._zone = settings.organisation.time_zone
        self._engine = engine
        self._open = open_channel
        self._clock = clock
        self._sleep = sleep
        self._channels: dict[str, Channel] = {}

    def send(self, message: Claimed, outside: Outside = NOTHING_KNOWN) -> End:
        """Tries ``message`` once and writes down what became of it; RecordsError when it cannot even be begun.

        ``outside`` is what the newest snapshot knows of its recipient.
        """
        now = self._clock()
        if message.lease_until - now < message.lease / 2:  # the time that is left might not do
            self.give_back(message)
            return End()
        at = self._allowed(message, now)
        if at > now:
            outbox.later(self._engine, message, not_before=at, now=now)
            return End()
        try:
            channel = self._channel(message.channel)
            channel.offer(message, now=now, seconds=message.lease.total_seconds() * OFFER)
        except NotSendable as error:
            self._failed(message, error.reason, error.detail)
            return End()
        except NotSent as error:
            return self._not_sent(message, message.attempts + 1, error)
        except SettingsError as error:
            return self._not_sent(message, message.attempts + 1, NotSent("settings", str(error), temporary=True))
        except RecordsError:
            raise
        except Exception:
            log.exception("Message %s cannot be offered.", message.id)
            why = NotSent("error", "An unexpected error; see the server's log.", temporary=True)
            return self._not_sent(message, message.attempts + 1, why)
        begun = self._begin(message, channel, outside)
        return End(heard=True) if begun is None else self._deliver(begun, channel)

    def give_back(self, *held: Claimed) -> None:
        """Returns messages that were not begun; where that fails, the end of their lease does."""
        try:
            for message in held:
                outbox.release(self._engine, message, now=self._clock())
        except RecordsError as error:
            log.warning("%s", error.message)

    def close(self) -> None:
        """Lets go of the channels' connections."""
        for channel in self._channels.values():
            channel.close()

    def _channel(self, name: str) -> Channel:
        if name not in self._channels:
            self._channels[name] = self._open(name)
        return self._channels[name]

    def _allowed(self, message: Claimed, now: datetime) -> datetime:
        """When ``message`` may go at the earliest; quiet hours are looked at again, for it may have waited long."""
        if message.kind == "internal":
            return now
        return quiet.next_allowed(now, ZoneInfo(zone_of(message.time_zone, None, self._zone)), self._ours)

    def _begin(self, message: Claimed, channel: Channel, outside: Outside) -> Begun | None:
        """None: it is not to be sent, now or at all, and the outbox knows."""
        now = self._clock()
        try:
            known: dict[str, Any] = {"rules": Rules.of(self._ours), "outside": outside, "secret_key": self._secret_key}
            begun = outbox.begin_sending(self._engine, message, now=now, **known)
        except RecordsError:
            # Whether it was committed is not known, but that nothing was sent is.
            channel.withdraw()
            self._record(message, lambda at: self._unbegun(message, at))
            raise
        if isinstance(begun, Refused):
            channel.withdraw()
            log.info("Message %s is not sent: %s", message.id, begun.reason)
            return None
        if self._clock() - now > message.lease * BEGIN:  # this process, or its machine, stood still
            channel.withdraw()
            self._record(message, lambda at: self._unbegun(message, at))
            return None
        return begun

    def _unbegun(self, message: Claimed, at: datetime) -> bool:
        return outbox.release(self._engine, message, now=at) or outbox.retry_later(
            self._engine, message, not_before=at, now=at, code="not_begun", errors_pause=self._ours.errors_pause
        )

    def _deliver(self, begun: Begun, channel: Channel) -> End:
        message = begun.claimed
        try:
            receipt = channel.deliver(seconds=message.lease.total_seconds() * DELIVER)
        except NotSent as error:
            return self._not_sent(message, begun.attempt, error, begun.counter)
        except Unknown as error:
            self._uncertain(message, error.detail)
            return End(heard=False, counter=begun.counter)
        except Exception:
            log.exception("Message %s stopped while it was sent.", message.id)
            self._uncertain(message, "An unexpected error; see the server's log.")
            return End(counter=begun.counter)
        said = {"code": receipt.code, "detail": receipt.detail}
        self._record(message, lambda at: outbox.sent(self._engine, message, now=at, **said))
        return End(sent=True, heard=True, counter=begun.counter)

    def _uncertain(self, message: Claimed, detail: str) -> None:
        pause = self._ours.errors_pause
        self._record(
            message,
            lambda at: outbox.uncertain(self._engine, message, now=at, detail=detail, errors_pause=pause),
        )

    def _failed(self, message: Claimed, reason: str, detail: str, code: str | None = None, hard: bool = False) -> None:
        pause = self._ours.errors_pause
        self._record(
            message,
            lambda at: outbox.failed(
                self._engine, message, reason=reason, now=at, detail=detail, code=code,
                suppress="bounced" if hard else None, errors_pause=pause,
            ),
        )  # fmt: skip

    def _not_sent(self, message: Claimed, attempt: int, error: NotSent, counter: int = 0) -> End:
        end = End(outage=error.outage, heard=not error.outage, counter=counter)
        if not error.temporary:
            self._failed(message, "refused", error.detail, error.code, error.hard)
        elif attempt >= self._ours.most_attempts:
            self._failed(message, "gave_up", error.detail, error.code)
        else:
            wait = timedelta(seconds=growing(_RETRY, attempt))
            self._record(
                message,
                lambda at: outbox.retry_later(
                    self._engine, message, not_before=at + wait, now=at, detail=error.detail, code=error.code,
                    errors_pause=self._ours.errors_pause,
                ),
            )  # fmt: skip
        return end

    def _record(self, message: Claimed, write: Callable[[datetime], bool]) -> None:
        """Writes an end down. While the database is away it tries again, for as long as a lease; then the sweep knows
        only that the message was being sent, and calls it uncertain."""
        until = self._clock() + message.lease
        number = 1
        while True:
            try:
                if not write(self._clock()):
                    log.warning("Message %s was not ours any more when it ended.", message.id)
                return
            except RecordsUnavailable as error:
                if self._clock() >= until:
                    log.error("The end of message %s cannot be written down: %s", message.id, error.message)
                    return
                self._sleep(growing(_RECORD, number))
                number += 1
            except RecordsError as error:
                log.error("The end of message %s cannot be written down: %s", message.id, error.message)
                return
