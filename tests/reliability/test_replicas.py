"""Servers hold nothing of their own: two behind nginx, two refreshers, two workers, each of them killed in turn."""

from __future__ import annotations

import signal
import time
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from uuid import UUID

import pytest

from demo.pidfile import Server
from queries.erasure import erase
from records import outbox
from records.campaigns import Row
from tests.conftest import Database
from tests.outreach.office import Office
from tests.outreach.office import opened as post_office
from tests.pages import browser
from tests.records import outreach
from tests.records.conftest import Records, as_writer
from tests.reliability.conftest import Figures
from tests.reliability.readers import Reader, reading
from tests.reliability.replicas import REFRESHERS, STICKY, Fleet, sticky
from tests.reliability.replicas import fleet as started
from tests.reliability.site import ANSWER, waited

pytestmark = [pytest.mark.slow, pytest.mark.postgres]


@pytest.fixture(scope="module")
def office() -> Iterator[Office]:
    """A mail server that takes its time, so that workers are killed while they send."""

    def slowly(number: int) -> str:
        time.sleep(0.05)
        return "250 OK"

    with post_office(Office(at_end=slowly)) as made:
        yield made


@pytest.fixture(scope="module")
def fleet(
    postgres: Server, template: str, database: Database, office: Office, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Fleet]:
    url = database(copy_of=template)
    records = Records(url, as_writer(url))
    with started(tmp_path_factory.mktemp("fleet"), database(), records, office) as made:
        yield made
    records.engine.dispose()


@dataclass
class Sending:
    """A campaign whose workers were killed in the middle of it, and the ids of its messages."""

    campaign: UUID
    ids: set[str]
    killed: tuple[str, ...]


@pytest.fixture(scope="module", autouse=True)
def sending(fleet: Fleet, office: Office) -> Sending:
    """Begun before the tests of this file, so that a killed worker's lease ends meanwhile."""
    messages = [outreach.row() for _ in range(40)]
    campaign = _approved(fleet, messages)
    killed = tuple(browser.some(("worker-1", "worker-2"), "worker-1"))
    for number, name in enumerate(killed, start=1):
        waited(lambda: len(office.delivered) >= 6 * number, 30, "messages leave")  # noqa: B023
        fleet.processes[name].kill()
    fleet.whole()
    return Sending(campaign, {str(each.id) for each in messages}, killed)


def _approved(fleet: Fleet, messages: list[Row]) -> UUID:
    known = {"now": datetime.now(UTC), "secret_key": fleet.settings.secret_key}
    campaign, fingerprint = outreach.draft(fleet.records, messages, kind="internal", **known)
    outreach.approve(fleet.records, campaign, fingerprint, **known)
    return campaign


def test_what_is_saved_on_one_server_is_on_the_other_at_once(fleet: Fleet) -> None:
    fleet.whole()
    with fleet.visit("a") as author, fleet.visit("b") as other:
        assert (sticky(author.given), sticky(other.given)) == (None, None)  # each is where their cookie says
        assert "press again" not in other.open("account", "account=a").text
        form = author.open("account", "account=a").widgets
        told = author.press(form["Add note"], {form["A new note"]: "Called, they stay"})
        assert "Note saved" in told.text
        assert "Called, they stay" in other.open("account", "account=a").text


@pytest.mark.thorough
def test_who_is_erased_is_gone_from_the_pages_of_every_server_at_once(fleet: Fleet) -> None:
    fleet.whole()
    with fleet.visit("a") as one, fleet.visit("b") as other:
        assert all("Ursula Quux" in each.open("account", "account=a").text for each in (one, other))
        erase(fleet.settings, ["u@example.org"])
        assert not any("Ursula Quux" in each.open("account", "account=a").text for each in (one, other))


def test_a_press_that_only_the_other_server_hears_of_says_so_and_what_was_typed_stays(fleet: Fleet) -> None:
    fleet.whole()
    with fleet.visit("a") as before:
        form = before.open("account", "account=b").widgets
    with fleet.visit("b") as after:
        typed = {form["A new note"]: "typed before the server went"}
        told = after.press(form["Add note"], typed, page="account", query="account=b")
        assert "press again" in told.text
        assert told.widgets["A new note"] == form["A new note"]
        assert "Note saved" not in told.text
        again = after.press(form["Add note"], typed)
        assert "press again" not in again.text
        assert "Note saved" in again.text


def test_downloads_follow_the_page_and_strangers_get_no_cookie(fleet: Fleet) -> None:
    fleet.whole()
    for server in ("a", "b"):
        fleet.get(f"/overview?from={server}", server)
        assert fleet.answered_by(f"/overview?from={server}") == server
    with fleet.visit("nobody") as somebody:
        assert sticky(somebody.given) in ("a", "b")
    for address in ("/ready", "/_stcore/health", "/unsubscribe/nothing", "/answer/nothing"):
        assert STICKY not in str(fleet.get(address))
    assert f"{STICKY}=" in str(fleet.get("/overview"))


def test_while_refresher_and_servers_are_killed_in_turn_people_read_on(fleet: Fleet, figures: Figures) -> None:
    fleet.whole()
    with reading(fleet, "a", "b", None) as readers:
        for name in REFRESHERS:
            fleet.processes[name].start()
        waited(lambda: all(each.looks for each in readers), 30, "everybody reads")
        took_over = _kill_the_one_refresher(fleet)
        fleet.processes["nginx"].tell(signal.SIGHUP)
        _kill_a_server(fleet, "a", readers)
        if browser.thorough():
            fleet.whole()
            _kill_a_server(fleet, "b", readers)
    seconds = sorted(seconds for each in readers for seconds, _, _ in each.looks)
    half = seconds[len(seconds) // 2]
    figures("killed in turn", {"slowest page": seconds[-1], "half of them": half, "refresher took over": took_over})


def test_of_workers_killed_while_they_send_nothing_leaves_twice_and_everything_ends(
    fleet: Fleet, office: Office, sending: Sending
) -> None:
    waited(lambda: _ended(fleet, sending.campaign), 60, "every message has its end")
    found = outbox.reconcile(fleet.records.engine, sending.campaign)
    assert sum(found.values()) == len(sending.ids) == 40
    assert set(found) <= {"sent", "uncertain"}
    assert found.get("uncertain", 0) <= len(sending.killed)  # that which each was in the middle of
    delivered = [id for id in office.ids() if id in sending.ids]
    assert len(delivered) == len(set(delivered)) >= found["sent"]


def _kill_the_one_refresher(fleet: Fleet) -> float:
    """In the middle of a refresh, which waits for a table. Seconds until the other one has published."""
    with fleet.held("subscriptions"):
        waited(lambda: fleet.refresher_that_waits() is not None, 30, "a refresh is under way")
        fleet.processes[fleet.refresher_that_waits() or ""].kill()
        killed = datetime.now(UTC)
    return waited(lambda: fleet.read_at() > killed, ANSWER + 10, "the other refresher takes over")


def _kill_a_server(fleet: Fleet, name: str, readers: list[Reader]) -> None:
    theirs = [each for each in readers if each.server == name]
    assert theirs
    fleet.processes[name].kill()
    waited(lambda: all(each.server != name for each in readers), ANSWER, "the other server has taken them over")
    looks = [len(each.looks) for each in theirs]
    waited(lambda: all(len(e.looks) > n for e, n in zip(theirs, looks, strict=True)), ANSWER, "they read on")


def _ended(fleet: Fleet, campaign: UUID) -> bool:
    return not {"queued", "claimed", "sending"} & outbox.reconcile(fleet.records.engine, campaign).keys()
