"""Mail that came back: what suppresses an address, what is only noted, and what strangers put into the folder."""

from __future__ import annotations

import os
import time
import uuid
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from outreach import bounces, counter
from outreach.bounces import Bounce, Taken, read, read_folder, take
from queries.store import Store
from queries.sweep import prune
from records import addresses, campaigns
from records.errors import RecordsUnavailable
from tests.outreach.messages import drafted, sent
from tests.records.conftest import Records

NOW = datetime(2026, 11, 20, 12, tzinfo=UTC)
ID = uuid.UUID("0b9e3c4e-5f0a-4c0e-9a53-000000000001")


def report(
    id: uuid.UUID = ID,
    *,
    action: str = "failed",
    status: str = "5.1.1",
    said: str = "smtp; 550 5.1.1 <ada@customer.example>: no such user",
    returned: str = "text/rfc822-headers",
    headers: str = "",
    envelope: str = "",
) -> bytes:
    """A notification as Postfix writes it."""
    original = (
        headers or f"From: team@us.example\nMessage-ID: <{id}@us.example>\nX-Tenure-Message: {id}\nSubject: Sorry\n"
    )
    return f"""\
From: MAILER-DAEMON@mail.example
To: team@us.example
Subject: Undelivered Mail Returned to Sender
MIME-Version: 1.0
Content-Type: multipart/report; report-type=delivery-status; boundary="B"

--B
Content-Type: text/plain

I'm sorry to have to inform you that your message could not be delivered.

--B
Content-Type: message/delivery-status

Reporting-MTA: dns; mail.example
{envelope}Arrival-Date: Fri, 20 Nov 2026 12:00:00 +0000

Final-Recipient: rfc822; ada@customer.example
Action: {action}
Status: {status}
Diagnostic-Code: {said}

--B
Content-Type: {returned}

{original}
--B--
""".replace("\n", "\r\n").encode()


@pytest.mark.parametrize("returned", ["text/rfc822-headers", "message/rfc822", "message/rfc822-headers"])
def test_a_notification_names_the_message_that_came_back(returned: str):
    assert read(report(returned=returned)) == Bounce(ID, True, "5.1.1 smtp; 550 5.1.1 <…>: no such user")


@pytest.mark.parametrize(
    ("action", "status", "said", "expected"),
    [
        ("failed", "5.1.1", "smtp; 550 no such user", True),
        ("failed", "5.0.0", "", True),
        ("failed", "5.0.0", "smtp; 550 5.7.1 blocked by a list", False),
        ("failed", "5.2.2", "smtp; 552 5.2.2 mailbox full", False),
        ("failed", "4.4.7", "X-Postfix; delivery time expired", False),
        ("delayed", "4.4.1", "X-Postfix; connection timed out", False),
        ("delayed", "5.1.1", "smtp; 550 5.1.1 odd", False),
        ("delivered", "2.0.0", "smtp; 250 OK", None),
        ("relayed", "2.0.0", "", None),
    ],
)
def test_only_what_says_that_nobody_reads_there_is_hard(action: str, status: str, said: str, expected: bool | None):
    found = read(report(action=action, status=status, said=said))
    assert (None if found is None else found.hard) is expected


def test_the_message_is_known_by_whatever_the_server_repeats():
    other = "From: team@us.example\n"
    by_envelope = report(headers=other, envelope=f"Original-Envelope-Id: {ID}\n")
    by_reference = report(headers=other).replace(b"To: team", f"References: <{ID}@us.example>\r\nTo: team".encode(), 1)
    by_message_id = report(headers=f"Message-ID: <{ID}@us.example>\n")
    for content in (by_envelope, by_reference, by_message_id):
        found = read(content)
        assert found is not None
        assert found.message_id == ID
    assert read(report(headers=other)) is None


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"\0" * 1000,
        b"Subject: I am on holiday\r\nIn-Reply-To: <0b9e3c4e-5f0a-4c0e-9a53-000000000001@us.example>\r\n\r\nBye",
        report().replace(b"message/delivery-status", b"text/plain"),
        report().replace(str(ID).encode(), b"../../etc/passwd"),
        b"Content-Type: multipart/report; boundary=" + b"b" * 100_000 + b"\r\n\r\n--b",
        b"".join(b'Content-Type: multipart/mixed; boundary="%d"\r\n\r\n--%d\r\n' % (n, n) for n in range(4000)),
        b"Content-Type: message/rfc822\r\n\r\n" * 8000,
        b"Content-Type: message/delivery-status\r\n\r\n" + b"Action: failed\r\n\r\n" * 10_000,
        b"Content-Type: multipart/report; boundary=\xff\xfe; charset*0*=x''%\r\nAction:\r\n\r\n--\xff\xfe",
    ],
)
def test_what_strangers_write_is_put_aside(content: bytes):
    assert read(content) is None


@hypothesis_settings(max_examples=60)
@given(where=st.integers(0, 900), what=st.binary(max_size=30))
def test_a_notification_that_is_damaged_anywhere_never_raises(where: int, what: bytes):
    whole = report()
    found = read(whole[:where] + what + whole[where + len(what) :])
    assert found is None or isinstance(found.message_id, uuid.UUID)


def test_a_whole_message_that_is_returned_may_be_longer_than_is_read():
    long = report(returned="message/rfc822")[: -len(b"--B--\r\n")] + b"x" * (3 * bounces.LARGEST)
    found = read(long)
    assert found is not None
    assert found.hard


@pytest.mark.postgres
def test_a_hard_bounce_suppresses_the_address_that_the_message_went_to(records: Records):
    id = sent(records, address="ada@here.example", address_key="ada@here.example")
    notification = report(id, said="smtp; 550 5.1.1 <somebody@else.example> unknown")
    assert take(records.engine, notification, now=NOW) == Taken("hard", id)
    assert addresses.suppressed(records.engine, ["ada@here.example", "somebody@else.example"]) == {
        "ada@here.example": "bounced"
    }
    events = campaigns.events(records.engine, id).select("before", "state", "code", "detail").rows()
    assert events[-1] == ("sent", "sent", "bounced", "5.1.1 smtp; 550 5.1.1 <…> unknown")
    before = len(events)
    assert take(records.engine, notification, now=NOW) == Taken("hard", id)
    assert campaigns.events(records.engine, id).height == before


@pytest.mark.postgres
def test_a_soft_bounce_is_noted_and_nothing_else(records: Records):
    id = sent(records, address="bo@here.example", address_key="bo@here.example")
    assert take(records.engine, report(id, status="5.2.2", said="smtp; 552 5.2.2 full"), now=NOW) == Taken("soft", id)
    assert addresses.suppressed(records.engine, ["bo@here.example"]) == {}
    assert campaigns.events(records.engine, id)["code"].to_list()[-1] == "bounced_softly"
    found = campaigns.message(records.engine, id)
    assert found is not None
    assert found.state == "sent"


@pytest.mark.postgres
def test_what_was_never_sent_cannot_come_back(records: Records):
    id = drafted(records, address="cy@here.example", address_key="cy@here.example")
    assert take(records.engine, report(id), now=NOW) == Taken("none")
    assert take(records.engine, report(uuid.uuid4()), now=NOW) == Taken("none")
    assert addresses.suppressed(records.engine, ["cy@here.example"]) == {}


@pytest.mark.postgres
@pytest.mark.parametrize("maildir", [False, True])
def test_files_are_read_once_and_moved_aside(records: Records, tmp_path: Path, maildir: bool):
    inbox = tmp_path
    if maildir:
        for name in ("new", "cur", "tmp"):
            (tmp_path / name).mkdir()
        (tmp_path / "tmp" / "half").write_bytes(report(sent(records)))
        inbox = tmp_path / "new"
    (inbox / "1.eml").write_bytes(report(sent(records)))
    (inbox / "2.EML").write_bytes(b"hello")
    (inbox / "3.eml").symlink_to("/etc/hostname")
    os.mkfifo(inbox / "4.eml")
    assert read_folder(records.engine, tmp_path, now=NOW) == {"hard": 1, "soft": 0, "none": 3}
    assert read_folder(records.engine, tmp_path, now=NOW) == {"hard": 0, "soft": 0, "none": 0}
    assert sorted(path.name for path in (tmp_path / "processed").iterdir()) == ["1.eml"]
    assert sorted(path.name for path in (tmp_path / "not-understood").iterdir()) == ["2.EML", "3.eml", "4.eml"]
    (inbox / "1.eml").write_bytes(report(sent(records)))
    read_folder(records.engine, tmp_path, now=NOW)
    assert sorted(path.name for path in (tmp_path / "processed").iterdir()) == ["1-1.eml", "1.eml"]


@pytest.mark.postgres
def test_while_the_database_is_away_files_stay(records: Records, tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    (tmp_path / "1.eml").write_bytes(report(sent(records)))

    def away(*_: object, **__: object) -> bool:
        raise RecordsUnavailable("It is away.")

    with monkeypatch.context() as patched:
        patched.setattr(bounces, "bounced", away)
        with pytest.raises(RecordsUnavailable):
            read_folder(records.engine, tmp_path, now=NOW)
    assert (tmp_path / "1.eml").exists()
    assert read_folder(records.engine, tmp_path, now=NOW)["hard"] == 1


def test_the_count_of_messages_only_grows_and_outlives_the_snapshots(tmp_path: Path):
    store = Store(str(tmp_path))
    assert counter.read(store) is None
    for count in (5, 3):
        counter.keep(store, count)
        assert counter.read(store) == 5
    long_ago = time.time() - 90_000
    os.utime(tmp_path / "kept" / "messages-sent", (long_ago, long_ago))
    prune(store, keep=timedelta(hours=1))
    assert counter.read(store) == 5
    for nonsense in (b"", b"-1", b"many", b"9" * 40, b"\xff"):
        store.put(counter.NAME, nonsense)
        assert counter.read(store) is None
