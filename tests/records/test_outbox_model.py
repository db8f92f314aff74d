"""The outbox against a model of it in plain Python: whatever is done in whatever order, both are in the same state."""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

import pytest
from sqlalchemy import select

from records import addresses, campaigns, outbox
from records import outreach_tables as tables
from records.errors import RecordsError
from records.outbox import Begun, Claimed, Refused, Rules
from tests.records.conftest import Records
from tests.records.outreach import LEASE, NOON, WORKER, row, running

pytestmark = pytest.mark.postgres
RULES = Rules(most_per_person=100, contact_days=14, account_contact_days=0)
WINDOW = timedelta(hours=72)
MINUTE = timedelta(minutes=1)


@dataclass
class Model:
    """What is known of one message."""

    key: str
    not_before: datetime
    expires_at: datetime
    state: str = "queued"
    token: UUID | None = None
    lease_until: datetime = NOON
    sending_at: datetime | None = None
    attempts: int = 0
    perhaps: int = 0
    """How often it may have reached its recipient."""
    again: int = 0
    """How often a person said to send it again."""

    def to(self, state: str, **more: Any) -> None:
        """It is in ``state`` and nobody's."""
        self.state, self.token = state, None
        for name, value in more.items():
            setattr(self, name, value)


class Outbox:
    """Eight messages of one campaign, one worker that may be slow, one person, and the clock."""

    def __init__(self, records: Records, seed: int) -> None:
        self.random = random.Random(seed)
        self.records, self.engine = records, records.engine
        mine = [row(f"m{seed}-{number}", id=UUID(int=self.random.getrandbits(128))) for number in range(8)]
        self.now = NOON
        self.campaign_id = running(self.records, mine)
        self.campaign = "running"
        self.models = {each.id: Model(each.address_key, NOON, NOON + WINDOW) for each in mine}
        self.held: list[Claimed] = []
        self.out: set[str] = set()

    def pick(self, some: Sequence[Any]) -> Any:
        return self.random.choice(some)

    def walk(self, steps: int) -> None:
        """Does anything, again and again; days pass and the campaign is cancelled only towards the end."""
        often = [self.works] * 4 + [self.ends] * 5 + [self.begins, self.claims, self.sweep, self.decide] * 2
        often += [self.time_passes] * 4 + [self.pauses] * 2 + [self.opts]
        for number in range(steps):
            late = [self.days_pass, *[self.cancels] * 3] if number > steps * 0.8 else []
            self.pick(often + late)()
            self.both_are_in_the_same_state()
            self.nothing_may_have_arrived_more_often_than_people_asked_for()
        assert outbox.unexplained(self.engine, self.campaign_id) == []
        campaigns.cancel(self.engine, self.campaign_id, actor="ada", now=self.now)

    def time_passes(self) -> None:
        self.now += self.pick([MINUTE, LEASE, 2 * LEASE, 3 * LEASE])

    def days_pass(self) -> None:
        self.now += timedelta(hours=40)

    def works(self) -> None:
        """What a worker does most of the time."""
        for held in self._claim(self.pick([1, 2, 4])):
            self._begin(held)

    def claims(self) -> None:
        self._claim(self.pick([1, 2, 4]))

    def _claim(self, limit: int) -> list[Claimed]:
        found = outbox.claim(self.engine, worker=WORKER, now=self.now, lease=LEASE, limit=limit)
        due = [(m.not_before, key) for key, m in self.models.items()
               if m.state == "queued" and m.not_before <= self.now < m.expires_at]  # fmt: skip
        wanted = [key for _, key in sorted(due)][:limit] if self.campaign == "running" else []
        assert [each.id for each in found] == wanted
        for each in found:
            model = self.models[each.id]
            model.state, model.token, model.lease_until = "claimed", each.token, self.now + LEASE
        self.held += found
        return found

    def begins(self) -> None:
        if self.held:
            self._begin(self.pick(self.held[-8:]))

    def _begin(self, held: Claimed) -> None:
        model = self.models[held.id]
        found = outbox.begin_sending(self.engine, held, now=self.now, rules=RULES)
        if (model.token, model.state) != (held.token, "claimed") or model.lease_until <= self.now:
            assert found == Refused("lost", None)
        elif self.campaign != "running":
            assert found == Refused(f"campaign_{self.campaign}", "queued")
            model.to("queued")
        elif model.expires_at <= self.now:
            assert found == Refused("expired", "left_out")
            model.to("left_out")
        elif model.key in self.out:
            assert found == Refused("opted_out", "left_out")
            model.to("left_out")
        else:
            assert isinstance(found, Begun)
            model.state, model.lease_until, model.sending_at = "sending", self.now + LEASE, self.now
            model.attempts += 1
            model.perhaps += 1

    def ends(self) -> None:
        if not self.held:
            return
        how = self.pick(["sent", "failed", "retry_later", "retry_later", "uncertain", "release", "later"])
        held = self.pick(self.held[-8:])
        model, soon = self.models[held.id], self.now + 5 * MINUTE
        more: dict[str, dict[str, Any]] = {
            "failed": {"reason": "refused", "errors_pause": 1_000},
            "retry_later": {"not_before": soon, "errors_pause": 1_000},
            "uncertain": {"errors_pause": 1_000},
            "later": {"not_before": soon},
        }
        found = getattr(outbox, how)(self.engine, held, now=self.now, **more.get(how, {}))
        allowed = {
            "sent": ("sending", "uncertain"),
            "failed": ("claimed", "sending", "uncertain"),
            "retry_later": ("claimed", "sending", "uncertain"),
            "uncertain": ("sending",),
        }.get(how, ("claimed",))
        assert found == (model.token == held.token and model.state in allowed)
        if found:
            self._ended(model, how, soon)

    def _ended(self, model: Model, how: str, soon: datetime) -> None:
        begun = model.state != "claimed"
        if how in ("sent", "failed"):
            model.to(how)
        elif how == "uncertain":
            model.state = "uncertain"  # its worker may still say more
        elif how == "release":
            model.to("queued")
        elif how == "later":
            model.to("queued", not_before=soon, expires_at=model.expires_at + 5 * MINUTE)
        elif self.campaign == "cancelled":
            model.to("cancelled")
        else:
            model.to("queued", not_before=soon, attempts=model.attempts + (not begun))
        if how in ("failed", "retry_later") and begun:
            model.perhaps -= 1  # the server said that it has not

    def sweep(self) -> None:
        outbox.sweep(self.engine, now=self.now)
        for model in self.models.values():
            ended = model.token is not None and model.lease_until <= self.now
            if model.state == "queued" and self.campaign == "cancelled":
                model.to("cancelled")
            elif model.state == "claimed" and ended:
                model.to("queued")
            elif model.state == "sending" and ended:
                model.state = "uncertain"
            if model.state == "queued" and model.expires_at <= self.now:
                model.to("left_out")
        left = {model.state for model in self.models.values()} & {"queued", "claimed", "sending", "uncertain"}
        if self.campaign == "running" and not left:
            self.campaign = "done"

    def decide(self) -> None:
        as_sent = self.random.random() < 0.2
        message_id = self.pick(sorted(self.models))
        model = self.models[message_id]
        may = model.state == "uncertain"
        if not as_sent:
            early = model.sending_at is not None and self.now < model.sending_at + 2 * LEASE
            may = may and self.campaign != "cancelled" and not early
        try:
            outbox.resolve(self.engine, message_id, as_sent=as_sent, actor="ada", now=self.now, lease=LEASE)
        except RecordsError:
            assert not may
            return
        assert may
        if as_sent:
            model.to("sent")
        else:
            model.to("queued", not_before=self.now, expires_at=self.now + WINDOW, again=model.again + 1)

    def cancels(self) -> None:
        self._person("cancel")

    def pauses(self) -> None:
        self._person(self.pick(["pause", "resume", "resume"]))

    def _person(self, what: str) -> None:
        more = {"reason": "wait"} if what == "pause" else {}
        getattr(campaigns, what)(self.engine, self.campaign_id, actor="ada", now=self.now, **more)
        if what == "cancel" and self.campaign in ("running", "paused"):
            self.campaign = "cancelled"
            for model in self.models.values():
                if model.state in ("queued", "claimed"):
                    model.to("cancelled")
        elif what == "pause" and self.campaign == "running":
            self.campaign = "paused"
        elif what == "resume" and self.campaign == "paused":
            self.campaign = "running"

    def opts(self) -> None:
        key, out = self.pick([model.key for model in self.models.values()]), self.pick([True, False, False])
        (addresses.opt_out if out else addresses.opt_in)(self.engine, key, source="link", now=self.now)
        (self.out.add if out else self.out.discard)(key)

    def both_are_in_the_same_state(self) -> None:
        campaign, message = tables.campaigns.c, tables.messages.c
        query = select(message.id, message.state, message.attempts, campaign.state).join(tables.campaigns)
        with self.engine.connect() as connection:
            found = connection.execute(query.where(campaign.id == self.campaign_id)).all()
        expected = [(key, m.state, m.attempts, self.campaign) for key, m in self.models.items()]
        assert sorted(tuple(each) for each in found) == sorted(expected)

    def nothing_may_have_arrived_more_often_than_people_asked_for(self) -> None:
        for model in self.models.values():
            assert model.perhaps <= 1 + model.again


@pytest.mark.parametrize("seed", range(6))
def test_the_outbox_does_what_its_model_does(records: Records, seed: int) -> None:
    Outbox(records, seed).walk(80)
