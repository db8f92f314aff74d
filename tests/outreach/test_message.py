"""A message as mail: one recipient, no header but those allowed, and the text as it was approved."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from email import message_from_bytes
from email.message import EmailMessage
from email.policy import default
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from outreach.message import ALLOWED, Mail, NotSendable, compose
from records.campaigns import Attachment
from records.outbox import Claimed
from settings import Outreach

NOON = datetime(2026, 11, 18, 12, tzinfo=UTC)
LINK = "https://tenure.example/unsubscribe/" + "a" * 66
OURS = Outreach(sender_name='The "best" team, ever', sender_address="team@us.example", reply_to="hello@us.example")
ID = UUID(int=7)


def message(**more: object) -> Claimed:
    given: dict[str, object] = {
        "id": ID, "campaign_id": UUID(int=1), "token": UUID(int=2), "lease_until": NOON, "lease": timedelta(minutes=2),
        "kind": "marketing", "channel": "email", "play": "sorry", "account_id": "a1", "user_id": "u1",
        "name": "Ada Lovelace", "address": "ada@customer.example", "address_key": "ada@customer.example",
        "language": "en", "time_zone": "UTC", "subject": "Sorry", "text": "Good day,\n\n. a dot\n", "html": None,
        "payload": None, "fields": None, "attempts": 0, "not_before": NOON, "expires_at": NOON,
    }  # fmt: skip
    return Claimed(**(given | more))  # type: ignore[arg-type]


def mail(**more: object) -> Mail:
    return compose(message(**more), OURS, now=NOON, unsubscribe=LINK)


def parsed(made: Mail) -> EmailMessage:
    read = message_from_bytes(made.content, policy=default)
    assert isinstance(read, EmailMessage)
    return read


def test_marketing_mail_has_these_headers_and_no_others():
    read = parsed(mail(html="<p>Good day</p>"))
    assert {name: str(value) for name, value in read.items() if name != "Content-Type"} == {
        "From": '"The \\"best\\" team, ever" <team@us.example>',
        "To": "Ada Lovelace <ada@customer.example>",
        "Reply-To": "hello@us.example",
        "Subject": "Sorry",
        "Date": "Wed, 18 Nov 2026 12:00:00 +0000",
        "Message-ID": "<00000000-0000-0000-0000-000000000007@us.example>",
        "X-Tenure-Message": "00000000-0000-0000-0000-000000000007",
        "List-Unsubscribe": f"<{LINK}>",
        "List-Unsubscribe-Post": "List-Unsubscribe=One-Click",
        "MIME-Version": "1.0",
    }
    assert read.get_content_type() == "multipart/alternative"


def test_the_link_to_unsubscribe_stays_on_one_line():
    assert f"\r\nList-Unsubscribe: <{LINK}>\r\n".encode() in mail().content


@pytest.mark.parametrize("kind", ["service", "internal"])
def test_only_marketing_mail_is_from_a_list(kind: str):
    read = parsed(compose(message(kind=kind), OURS, now=NOON, unsubscribe=LINK))
    assert read["List-Unsubscribe"] is None
    assert read["Auto-Submitted"] == ("auto-generated" if kind == "internal" else None)


def test_marketing_mail_without_a_link_to_unsubscribe_is_not_made():
    with pytest.raises(NotSendable, match="needs a link") as told:
        compose(message(), OURS, now=NOON)
    assert told.value.reason == "not_rendered"


def test_text_and_html_come_out_as_they_were_approved():
    text = "Grüße, 你好.\n.\n. a dot\n" + "long " * 400
    read = parsed(mail(text=text, html="<p>Grüße, 你好</p>"))
    plain, html = read.iter_parts()
    assert plain.get_content().replace("\r\n", "\n") == text + "\n"
    assert html.get_content().strip() == "<p>Grüße, 你好</p>"
    assert all(len(line) <= 998 for line in mail(text=text).content.split(b"\r\n"))
    assert mail(text=text).content.isascii()


def test_mail_to_our_own_people_carries_files():
    made = compose(
        message(kind="internal"), OURS, now=NOON, attachments=[Attachment("Größe.pdf", "application/pdf", b"%PDF")]
    )
    (attached,) = parsed(made).iter_attachments()
    assert (attached.get_filename(), attached.get_content_type(), attached.get_content()) == (
        "Größe.pdf", "application/pdf", b"%PDF",
    )  # fmt: skip


@pytest.mark.parametrize(
    "more",
    [
        {"name": "Ada\r\nBcc: all@x.example"},
        {"name": "Ada\u2028Bcc"},
        {"subject": "Sorry\nBcc: all@x.example"},
        {"subject": "Sorry\x85"},
        {"subject": "x" * 501},
        {"subject": ""},
        {"text": None},
    ],
)
def test_what_no_header_may_have_stops_the_message(more: dict[str, object]):
    with pytest.raises(NotSendable) as told:
        mail(**more)
    assert told.value.reason == "not_rendered"


@pytest.mark.parametrize(
    "address",
    [None, "", "ada", "ada@customer.example, bob@customer.example", "ada@customer.example\r\nRCPT TO:<bob@x.example>",
     "<ada@customer.example>", "@a.example:ada@customer.example", '"a b"@customer.example', "ada@[127.0.0.1]"],
)  # fmt: skip
def test_what_is_not_one_address_stops_the_message(address: str | None):
    with pytest.raises(NotSendable) as told:
        mail(address=address)
    assert told.value.reason == "bad_address"


def test_a_foreign_domain_is_written_as_servers_know_it_and_a_foreign_name_needs_their_help():
    assert (mail(address="ada@exämple.de").recipient, mail(address="ada@exämple.de").utf8) == (
        "ada@xn--exmple-cua.de",
        False,
    )
    made = mail(address="jörg@exämple.de")
    assert (made.recipient, made.utf8) == ("jörg@exämple.de", True)
    assert "\r\nTo: Ada Lovelace <jörg@exämple.de>\r\n".encode() in made.content


LINE = st.text(st.characters(exclude_categories=("Cs", "Cc", "Zl", "Zp")), max_size=150)
ANYTHING = st.text(st.characters(exclude_categories=("Cs",)), max_size=60) | st.sampled_from(
    [
        "Bcc: x@y.example",
        "a\r\nBcc: x@y.example",
        "=?utf-8?q?a=0D=0ABcc:_x?=",
        '", <x@y.example>, "',
        "x@y.example,",
        "(",
        "\\",
    ]
)
ADDRESS = (
    st.emails() | st.sampled_from(["a@b.co", "o'neil@b.co", "a+b@b.co", "jörg@exämple.de", "用户@例え.jp"]) | ANYTHING
)


@hypothesis_settings(max_examples=150)
@given(name=LINE | ANYTHING, subject=LINE | ANYTHING, address=ADDRESS)
def test_whatever_is_written_goes_to_one_person_with_allowed_headers(name: str, subject: str, address: str):
    try:
        made = mail(name=name, subject=subject, address=address, text=subject + "x")
    except NotSendable:
        return
    head = made.content.partition(b"\r\n\r\n")[0].decode()
    # Read without the library that wrote it: a header begins where a line does not begin with a blank.
    names = [line.partition(":")[0] for line in head.split("\r\n") if line[0] not in " \t"]
    assert set(names) <= set(ALLOWED)
    assert len(names) == len(set(names))
    to = parsed(made)["To"] if not made.utf8 else None
    assert to is None or [person.addr_spec for person in to.addresses] == [made.recipient]
    assert made.recipient.count("@") == 1
    assert not set(made.recipient) & set(" ,;<>\r\n\0")
    assert b"\r" not in made.content.replace(b"\r\n", b"")
    assert b"\n" not in made.content.replace(b"\r\n", b"")


@hypothesis_settings(max_examples=100)
@given(name=LINE, subject=LINE.filter(str.strip))
def test_ordinary_names_and_subjects_in_any_writing_are_sent_as_they_are(name: str, subject: str):
    read = parsed(mail(name=name, subject=subject))
    assert " ".join(str(read["Subject"]).split()) == " ".join(subject.split())
    assert [person.addr_spec for person in read["To"].addresses] == ["ada@customer.example"]
