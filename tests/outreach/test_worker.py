"""Workers, mail servers that misbehave, a database that goes away: what was sent, and what the outbox says of it."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest

from outreach import counter, worker
from outreach.chores import Chore
from outreach.worker import Round, Stop, Worker
from queries.store import Store
from records import addresses, campaigns, outbox, sending
from records.errors import RecordsUnavailable
from settings import Settings
from tests.outreach.office import Office, dripping, free_port, opened
from tests.records.conftest import Records, execute
from tests.records.conftest import rows as rows_of
from tests.records.outreach import NOON, minutes, row, running, state, told

pytestmark = pytest.mark.postgres


class Clock:
    """Noon, until somebody moves it."""

    def __init__(self) -> None:
        self.now = NOON

    def __call__(self) -> datetime:
        return self.now


@pytest.fixture
def office() -> Iterator[Office]:
    with opened() as made:
        yield made


@pytest.fixture
def at(empty: Records, tmp_path: Path) -> Records:
    """Records of the test's own."""
    return empty


def configured(records: Records, folder: Path, url: str | None, **more: Any) -> Settings:
    """Settings for a mail server; a lease so short that a hanging one is given up soon."""
    held = records.settings
    ours = held.outreach.model_copy(update={"lease": timedelta(seconds=60), "contact_days": 0, **more})
    changed = {"smtp_url": url, "outreach": ours, "snapshot_dir": str(folder / "snapshot"), "secret_key": "x" * 32}
    return held.model_copy(update=changed)


def made(
    records: Records, folder: Path, url: str | None, clock: Callable[[], datetime] | None = None, **more: Any
) -> Worker:
    sleep = more.pop("sleep", lambda seconds: None)
    held = configured(records, folder, url, **more)
    return Worker(held, records.engine, clock=clock or Clock(), sleep=sleep)


def states(records: Records, campaign: UUID) -> dict[str, int]:
    assert outbox.unexplained(records.engine, campaign) == []
    return outbox.reconcile(records.engine, campaign)


def test_every_message_is_delivered_once_over_one_connection(at: Records, office: Office, tmp_path: Path) -> None:
    rows = [row() for _ in range(5)]
    campaign = running(at, rows)
    sender = made(at, tmp_path, office.url)
    assert sender.round() == Round(taken=5, sent=5)
    assert sender.round() == Round()
    assert sorted(office.ids()) == sorted(str(each.id) for each in rows)
    assert [len(envelope.rcpt_tos) for envelope in office.delivered] == [1] * 5
    assert len(office.connections) == 1
    assert states(at, campaign) == {"sent": 5}
    assert told(at, rows[0].id)[-2:] == [("claimed", "sending", None), ("sending", "sent", "250")]
    assert counter.read(Store(str(tmp_path / "snapshot"))) == 5
    assert sending.workers(at.engine)["sent"].to_list() == [0]  # as it was when the last round began


@pytest.mark.parametrize("reply", ["drop", "hang"])
def test_a_server_that_falls_silent_after_the_final_dot_leaves_one_message_uncertain(
    at: Records, office: Office, tmp_path: Path, reply: str
) -> None:
    rows = [row() for _ in range(3)]
    campaign = running(at, rows)
    office.at_end = lambda number: reply if number == 1 else "250 OK"
    sender = made(at, tmp_path, office.url, lease=timedelta(seconds=2))
    assert sender.round() == Round(taken=3, sent=2)
    for minute in (0, 5, 500):
        sender._clock.now = minutes(minute)  # type: ignore[attr-defined]
        sender.round()
    assert states(at, campaign) == {"sent": 2, "uncertain": 1}
    assert len(office.delivered) == len(set(office.ids())) == 3
    assert campaigns.uncertain(at.engine).height == 1


def test_a_server_that_drips_after_the_final_dot_is_cut_off(at: Records, tmp_path: Path) -> None:
    said = [b"220 here\r\n", b"250 hello\r\n", b"250 sender\r\n", b"250 recipient\r\n", b"354 go on\r\n", b"2"]
    mine = row()
    running(at, [mine])
    with dripping(said) as port:
        sender = made(at, tmp_path, f"smtp://127.0.0.1:{port}", lease=timedelta(seconds=2))
        assert sender.round() == Round(taken=1)
    assert state(at, mine.id) == ("uncertain", None)


@pytest.mark.parametrize("said", [[b"2"], [b"220 here\r\n", b"2"], [b"220 here\r\n", b"250 hello\r\n", b"2"]])
def test_a_server_that_drips_before_the_message_leaves_nothing_uncertain(
    at: Records, tmp_path: Path, said: list[bytes]
) -> None:
    mine, other = row(), row()
    running(at, [mine, other])
    with dripping(said) as port:
        sender = made(at, tmp_path, f"smtp://127.0.0.1:{port}", lease=timedelta(seconds=1))
        assert sender.round() == Round(taken=2, outage=True)
    assert sorted(events[-1][2] or "" for events in (told(at, mine.id), told(at, other.id))) == ["connect", "released"]


def test_a_refused_recipient_is_suppressed_and_the_others_get_theirs(
    at: Records, office: Office, tmp_path: Path
) -> None:
    gone, full, other = row("gone"), row("full"), row("other")
    replies = {gone.address: "550 5.1.1 <gone@example.org>: no such user", full.address: "552 5.2.2 mailbox full"}
    office.at_rcpt = lambda address: replies.get(address, "250 OK")
    running(at, [gone, full, other])
    assert made(at, tmp_path, office.url).round() == Round(taken=3, sent=1)
    assert [state(at, each.id) for each in (gone, full, other)] == [("failed", "refused")] * 2 + [("sent", None)]
    assert addresses.suppressed(at.engine, ["gone@example.org", "full@example.org"]) == {"gone@example.org": "bounced"}
    assert told(at, gone.id)[-1] == ("claimed", "failed", "550")  # it was never marked as being sent
    found = campaigns.message(at.engine, gone.id)
    assert found is not None
    assert found.detail == "5.1.1 <…>: no such user"


@pytest.mark.parametrize("where", ["at_rcpt", "at_end"])
def test_a_temporary_refusal_is_tried_again_ever_later_and_then_given_up(
    at: Records, office: Office, tmp_path: Path, where: str
) -> None:
    mine = row()
    running(at, [mine])
    setattr(office, where, lambda _: "451 4.3.0 later")
    sender = made(at, tmp_path, office.url, most_attempts=4)
    waits = []
    for number in range(1, 5):
        assert sender.round() == Round(taken=1)
        assert sender.round() == Round()
        if number < 4:
            found = campaigns.messages(at.engine, _campaign_of(at, mine.id)).row(0, named=True)
            assert found["attempts"] == number
            waits.append((found["not_before"] - sender._clock.now).total_seconds())  # type: ignore[attr-defined]
            sender._clock.now = found["not_before"]  # type: ignore[attr-defined]
    assert [round(wait / 300) for wait in waits] == [1, 2, 4]
    assert [wait % 300 <= 60 for wait in waits] == [True] * 3
    assert state(at, mine.id) == ("failed", "gave_up")
    assert office.delivered == []


def _campaign_of(records: Records, message_id: UUID) -> UUID:
    found = campaigns.message(records.engine, message_id)
    assert found is not None
    return found.campaign_id


def test_a_refusal_after_the_final_dot_is_known_not_to_be_sent(at: Records, office: Office, tmp_path: Path) -> None:
    rows = [row() for _ in range(3)]
    campaign = running(at, rows)
    office.at_end = lambda number: "554 5.7.1 spam" if number == 1 else "250 OK"
    assert made(at, tmp_path, office.url).round() == Round(taken=3, sent=2)
    assert states(at, campaign) == {"sent": 2, "failed": 1}


@pytest.mark.parametrize("where", ["at_rcpt", "at_end"])
def test_a_server_that_shuts_down_gets_the_message_later(
    at: Records, office: Office, tmp_path: Path, where: str
) -> None:
    rows = [row() for _ in range(3)]
    campaign = running(at, rows)
    setattr(office, where, lambda _: "421 4.3.2 shutting down")
    sender = made(at, tmp_path, office.url)
    assert sender.round() == Round(taken=3, outage=True)
    assert states(at, campaign) == {"queued": 3}
    office.at_rcpt = office.at_end = lambda _: "250 OK"
    sender._clock.now = minutes(10)  # type: ignore[attr-defined]
    assert sender.round() == Round(taken=3, sent=3)


def test_a_server_that_is_down_costs_one_attempt_a_round_and_in_the_end_pauses_the_campaign(
    at: Records, tmp_path: Path
) -> None:
    rows = [row() for _ in range(5)]
    campaign = running(at, rows)
    sender = made(at, tmp_path, f"smtp://127.0.0.1:{free_port()}", errors_pause=3)
    assert [sender.round() for _ in range(4)] == [
        Round(taken=5, outage=True), Round(taken=4, outage=True), Round(taken=3, outage=True), Round(),
    ]  # fmt: skip
    assert states(at, campaign) == {"queued": 5}
    found = campaigns.campaign(at.engine, campaign)
    assert found is not None
    assert (found.state, found.reason) == ("paused", "The last 3 attempts went wrong.")


def test_a_connection_that_the_server_closed_in_between_costs_nothing(at: Records, tmp_path: Path) -> None:
    rows = [row() for _ in range(2)]
    campaign = running(at, rows)
    with opened(Office()) as first:
        sender = made(at, tmp_path, first.url)
        first.at_rcpt = lambda address: "421 4.4.2 idle too long" if len(first.recipients) == 2 else "250 OK"
        assert sender.round() == Round(taken=2, sent=2)
        assert (len(first.recipients), len(first.connections)) == (3, 2)
    assert states(at, campaign) == {"sent": 2}


def test_who_opts_out_while_the_recipient_is_asked_for_gets_nothing(
    at: Records, office: Office, tmp_path: Path
) -> None:
    mine, other = row("leaver"), row()
    running(at, [mine, other])

    def opts_out(address: str) -> str:
        if address == mine.address:
            addresses.opt_out(at.engine, address, source="link", now=NOON)
        return "250 OK"

    office.at_rcpt = opts_out
    assert made(at, tmp_path, office.url).round() == Round(taken=2, sent=1)
    assert state(at, mine.id) == ("left_out", "opted_out")
    assert office.ids() == [str(other.id)]


def test_quiet_hours_hold_a_message_until_the_morning(at: Records, office: Office, tmp_path: Path) -> None:
    there, here = row(time_zone="Asia/Tokyo"), row(time_zone="Europe/Berlin")
    campaign = running(at, [there, here])
    assert made(at, tmp_path, office.url).round() == Round(taken=2, sent=1)
    found = {row["message_id"]: row for row in campaigns.messages(at.engine, campaign).iter_rows(named=True)}
    late = found[str(there.id)]
    assert (late["state"], late["reason"], late["not_before"]) == ("queued", "quiet_hours", minutes(11 * 60))
    assert found[str(here.id)]["state"] == "sent"


def test_a_message_that_cannot_be_written_fails_alone(at: Records, office: Office, tmp_path: Path) -> None:
    rows = [row(subject="Sorry\nBcc: all@example.org"), row(), row(address="ada@[127.0.0.1]")]
    running(at, rows)
    assert made(at, tmp_path, office.url).round() == Round(taken=3, sent=1)
    assert [state(at, each.id) for each in rows] == [
        ("failed", "not_rendered"),
        ("sent", None),
        ("failed", "bad_address"),
    ]


def test_a_lease_that_is_nearly_over_is_given_back_instead_of_used(at: Records, office: Office, tmp_path: Path) -> None:
    rows = [row() for _ in range(3)]
    campaign = running(at, rows)
    clock = Clock()
    sender = made(at, tmp_path, office.url, clock)

    def slow(address: str) -> str:
        clock.now += timedelta(seconds=40)
        return "250 OK"

    office.at_rcpt = slow
    assert sender.round() == Round(taken=3, sent=1)
    assert states(at, campaign) == {"sent": 1, "queued": 2}


def test_a_full_disk_sends_nothing_and_loses_nothing(
    at: Records, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    rows = [row() for _ in range(3)]
    campaign = running(at, rows)
    sender = made(at, tmp_path, None)
    monkeypatch.setattr("settings.ROOT", tmp_path)
    put, full = Store.put, [True]

    def write(store: Store, name: str, content: bytes) -> None:
        if full[0] and name.endswith(".eml"):
            raise OSError(28, "No space left on device")
        put(store, name, content)

    monkeypatch.setattr(Store, "put", write)
    assert sender.round() == Round(taken=3, outage=True)
    assert states(at, campaign) == {"queued": 3}
    full[0] = False
    sender._clock.now = minutes(10)  # type: ignore[attr-defined]
    assert sender.round() == Round(taken=3, sent=3)
    written = {path.stem for path in (tmp_path / ".data" / "outbox").iterdir()}
    assert written == {str(each.id) for each in rows}


@contextmanager
def away(records: Records) -> Iterator[None]:
    """The dashboard cannot connect to its database, and whoever is connected is thrown out."""
    ((name,),) = rows_of(records.owner, "SELECT current_database()")
    execute(records.owner, f"ALTER DATABASE {name} CONNECTION LIMIT 0")
    execute(
        records.owner,
        "SELECT pg_terminate_backend(pid) FROM pg_stat_activity "
        "WHERE usename = 'tenure_writer' AND datname = current_database()",
    )
    try:
        yield
    finally:
        execute(records.owner, f"ALTER DATABASE {name} CONNECTION LIMIT -1")


def test_a_database_that_goes_away_while_a_message_is_sent_hears_of_it_when_it_is_back(
    at: Records, office: Office, tmp_path: Path
) -> None:
    rows = [row() for _ in range(2)]
    campaign = running(at, rows)
    outage = away(at)

    def goes(number: int) -> str:
        if number == 0:
            outage.__enter__()
        return "250 OK"

    office.at_end = goes
    naps: list[float] = []

    def nap(seconds: float) -> None:
        naps.append(seconds)
        if len(naps) == 3:
            outage.__exit__(None, None, None)

    assert made(at, tmp_path, office.url, sleep=nap).round() == Round(taken=2, sent=2)
    assert states(at, campaign) == {"sent": 2}
    assert len(naps) == 3


def test_a_database_that_stays_away_leaves_what_was_being_sent_uncertain(
    at: Records, office: Office, tmp_path: Path
) -> None:
    rows = [row() for _ in range(3)]
    campaign = running(at, rows)
    clock = Clock()
    outage = away(at)

    def goes(number: int) -> str:
        if number == 1:
            outage.__enter__()
        return "250 OK"

    def nap(seconds: float) -> None:
        clock.now += timedelta(seconds=30)

    office.at_end = goes
    sender = made(at, tmp_path, office.url, clock, sleep=nap)
    assert sender.round() == Round(taken=3, sent=2)
    assert sender._guarded() is None  # the worker goes on
    outage.__exit__(None, None, None)
    sender.round()
    clock.now = minutes(30)
    sender.round()
    assert states(at, campaign) == {"sent": 2, "uncertain": 1}
    assert sorted(office.ids()) == sorted(str(each.id) for each in rows)


def test_a_commit_whose_answer_is_lost_is_not_sent_and_not_uncertain(
    at: Records, office: Office, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    mine = row()
    running(at, [mine])
    begin = outbox.begin_sending

    def lost(*words: Any, **more: Any) -> Any:
        begin(*words, **more)
        raise RecordsUnavailable("The answer was lost.")

    monkeypatch.setattr(outbox, "begin_sending", lost)
    sender = made(at, tmp_path, office.url)
    with pytest.raises(RecordsUnavailable):
        sender.round()
    assert state(at, mine.id) == ("queued", None)
    monkeypatch.setattr(outbox, "begin_sending", begin)
    assert sender.round() == Round(taken=1, sent=1)
    assert office.ids() == [str(mine.id)]


def test_a_process_that_stood_still_after_the_commit_does_not_send(
    at: Records, office: Office, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    mine = row()
    running(at, [mine])
    clock = Clock()
    begin = outbox.begin_sending

    def slow(*words: Any, **more: Any) -> Any:
        begun = begin(*words, **more)
        clock.now += timedelta(minutes=5)
        return begun

    monkeypatch.setattr(outbox, "begin_sending", slow)
    assert made(at, tmp_path, office.url, clock).round() == Round(taken=1)
    assert office.delivered == []
    assert state(at, mine.id)[0] in ("queued", "uncertain")


def test_two_workers_at_once_send_each_message_once(at: Records, office: Office, tmp_path: Path) -> None:
    rows = [row() for _ in range(30)]
    campaign = running(at, rows)
    workers = [made(at, tmp_path, office.url) for _ in range(2)]
    threads = [threading.Thread(target=each.run, kwargs={"once": True}) for each in workers]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    assert sorted(office.ids()) == sorted(str(each.id) for each in rows)
    assert states(at, campaign) == {"sent": 30}


def test_a_restored_database_sends_nothing_until_a_person_resumes(at: Records, office: Office, tmp_path: Path) -> None:
    campaign = running(at, [row()])
    counter.keep(Store(str(tmp_path / "snapshot")), 7)
    sender = made(at, tmp_path, office.url)
    assert [sender.round(), sender.round()] == [Round(), Round()]
    assert states(at, campaign) == {"queued": 1}
    assert "restored" in (sending.state(at.engine).reason or "")
    sending.resume(at.engine, actor="ada", now=NOON)
    assert sender.round() == Round(taken=1, sent=1)


def test_a_worker_that_is_asked_to_stop_ends_after_its_message_and_gives_the_rest_back(
    at: Records, office: Office, tmp_path: Path
) -> None:
    campaign = running(at, [row() for _ in range(4)])
    stop = Stop()
    held = configured(at, tmp_path, office.url)

    def asks(number: int) -> str:
        stop.ask()
        return "250 OK"

    office.at_end = asks
    assert Worker(held, at.engine, stop=stop, clock=Clock()).run() == 0
    assert states(at, campaign) == {"sent": 1, "queued": 3}


def test_chores_are_done_now_and_then_and_their_failures_cost_nothing(at: Records, tmp_path: Path) -> None:
    done: list[datetime] = []

    def fails(now: datetime) -> None:
        done.append(now)
        raise ZeroDivisionError

    held = configured(at, tmp_path, None)
    clock = Clock()
    sender = Worker(held, at.engine, clock=clock, chores=[Chore("a chore", timedelta(minutes=15), fails)])
    for minute in (0, 10, 20):
        clock.now = minutes(minute)
        sender.round()
    assert done == [minutes(0), minutes(20)]


def test_settings_that_are_missing_hold_a_message_and_no_other_channel(
    at: Records, office: Office, tmp_path: Path
) -> None:
    hook, letter = row(), row()
    running(at, [hook], channel="webhook")
    running(at, [letter])
    assert made(at, tmp_path, office.url).round() == Round(taken=2, sent=1)
    assert (state(at, hook.id)[0], state(at, letter.id)[0]) == ("queued", "sent")
    assert told(at, hook.id)[-1] == ("claimed", "queued", "settings")


def test_the_server_waits_for_the_message_that_is_being_sent_when_it_ends(
    at: Records, office: Office, tmp_path: Path
) -> None:
    campaign = running(at, [row()], kind="internal", now=datetime.now(UTC))
    go_on = threading.Event()

    def slow(number: int) -> str:
        go_on.wait(20)
        return "250 OK"

    def asked(address: str) -> str:
        loop.call_soon_threadsafe(begun.set)
        return "250 OK"

    office.at_rcpt, office.at_end = asked, slow

    async def server() -> None:
        job = asyncio.create_task(worker.keep_sending(configured(at, tmp_path, office.url)))
        await begun.wait()
        job.cancel()
        await asyncio.sleep(0.05)
        assert not job.done()
        go_on.set()
        with pytest.raises(asyncio.CancelledError):
            await job

    begun = asyncio.Event()
    loop = asyncio.new_event_loop()
    try:
        loop.run_until_complete(server())
    finally:
        loop.close()
    assert states(at, campaign) == {"sent": 1}


def test_the_command_tells_what_it_does(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        worker.main(["--help"])
    assert ended.value.code == 0
    assert "--once" in capsys.readouterr().out
