"""The public pages: looking changes nothing, pressing does, and a stranger gets no further than that."""

import asyncio
import json
import uuid
from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import inspect
from standardwebhooks import Webhook
from starlette.applications import Starlette
from starlette.testclient import TestClient

from outreach import public_limits, public_work, tokens
from outreach.public import Public
from outreach.public_limits import Buckets, Busy, Places, TooLarge, TooSlow
from outreach.public_words import SHIPPED
from records import addresses, answers, digests
from tests.outreach.messages import NOW, drafted, sent
from tests.records.conftest import execute, rows

ONE_CLICK = {"List-Unsubscribe": "One-Click"}
NOBODY = "postgresql://nobody@127.0.0.1:1/none"


class Clock:
    """A clock that tests turn."""

    seconds = 0.0

    def __call__(self):
        return self.seconds


def client_of(held, **more):
    public = Public(lambda: held, clock=lambda: NOW, **more)
    return TestClient(Starlette(routes=public.routes()), follow_redirects=False, raise_server_exceptions=False)


@pytest.fixture(scope="module")
def held(records):
    more = {"secret_key": "a key", "webhook_secret": "whsec_" + "c2VjcmV0" * 4}
    return records.settings.model_copy(update=more)


@pytest.fixture
def client(held):
    return client_of(held)


def path(held, purpose, message_id):
    return f"/{purpose}/{tokens.sign(held, purpose, message_id)}"


def everything(records):
    """Every row of every table, as text."""
    names = inspect(records.engine).get_table_names(schema="tenure")
    return {name: sorted(rows(records.owner, f"SELECT t::text FROM tenure.{name} t")) for name in names}


def keys(records, message_id):
    whose = f"SELECT address_key, user_id FROM tenure.messages WHERE id = '{message_id}'"
    return set(addresses.keys(*rows(records.owner, whose)[0]))


def out(records, message_id):
    """Whether the address and the person have opted out: both, or neither."""
    known = keys(records, message_id)
    found = addresses.opted_out(records.engine, known)
    assert found in (set(), known)
    return bool(found)


def test_looking_at_any_link_changes_no_row(records, held, client):
    asked, left = sent(records, question="nps"), sent(records, question="exit")
    before = everything(records)
    for message_id in (asked, left, drafted_id := uuid.uuid4()):
        for purpose in ("unsubscribe", "answer"):
            link = path(held, purpose, message_id)
            for method in ("GET", "HEAD", "OPTIONS", "PUT", "DELETE"):
                status = client.request(method, link).status_code
                assert status == (
                    405 if method in ("OPTIONS", "PUT", "DELETE") else 404 if message_id == drafted_id else 200
                )
            client.get(link + "?score=3&do=stop&List-Unsubscribe=One-Click")
    assert everything(records) == before


def test_one_click_opts_out_at_once_without_cookie_or_redirect(records, held, client):
    message_id = sent(records)
    answer = client.post(path(held, "unsubscribe", message_id), data=ONE_CLICK)
    assert (answer.status_code, answer.headers.get("set-cookie")) == (200, None)
    assert out(records, message_id)
    found = rows(records.owner, f"SELECT source, message_id FROM tenure.opt_outs WHERE message_id = '{message_id}'")
    assert found == [("link", str(message_id))] * 2  # the address, and the person


@pytest.mark.parametrize(
    ("body", "kind"),
    [
        (b"List-Unsubscribe=One-Click", "application/x-www-form-urlencoded"),
        (
            b'--x\r\nContent-Disposition: form-data; name="List-Unsubscribe"\r\n\r\nOne-Click\r\n--x--\r\n',
            "multipart/form-data; boundary=x",
        ),
        (b"", ""),
        (b"--x\r\nbroken", "multipart/form-data; boundary=x"),
        (b"\xff\x00", "multipart/form-data"),
        (b"&".join([b"a=b"] * 100), "application/x-www-form-urlencoded"),
        (b'{"do": "again"}', "application/json"),
    ],
)
def test_however_a_mail_program_posts_it_opts_out(records, held, client, body, kind):
    message_id = sent(records)
    answer = client.post(path(held, "unsubscribe", message_id), content=body, headers={"Content-Type": kind})
    assert answer.status_code == 200
    assert out(records, message_id)


def test_the_same_click_again_adds_nothing_and_says_the_same(records, held, client):
    message_id = sent(records)
    link = path(held, "unsubscribe", message_id)
    first, second = client.post(link, data=ONE_CLICK), client.post(link, data=ONE_CLICK)
    assert first.text == second.text == client.get(link).text
    many = f"SELECT count(*) FROM tenure.opt_outs WHERE message_id = '{message_id}'"
    assert rows(records.owner, many) == [(2,)]


def test_whoever_unsubscribed_by_mistake_can_take_it_back_on_the_same_page(records, held, client):
    message_id = sent(records)
    link = path(held, "unsubscribe", message_id)
    page = client.post(link, data=ONE_CLICK).text
    assert 'name="do" value="again"' in page
    assert "I want to hear from you again" in page
    again = client.post(link, data={"do": "again", "language": "en"})
    assert "You are subscribed again." in again.text
    assert not out(records, message_id)
    assert "Unsubscribe</button>" in client.get(link).text


def test_leaving_the_digest_leaves_marketing_mail_alone(records, held, client):
    digests.subscribe(records.engine, "boss@us.example", actor="boss@us.example", now=NOW)
    message_id = sent(records, question=None, kind="internal", address="boss@us.example", address_key="boss@us.example")
    link = path(held, "unsubscribe", message_id)
    assert client.post(link).status_code == 200
    assert digests.subscribers(records.engine) == []
    assert not out(records, message_id)
    client.post(link, data={"do": "again"})
    assert digests.subscribers(records.engine) == ["boss@us.example"]


def test_a_score_and_its_reason_are_kept_and_a_later_answer_replaces_them(records, held, client):
    message_id = sent(records, question="nps")
    link = path(held, "answer", message_id)
    first = client.post(link, data={"score": "3", "comment": "=HYPERLINK(1)\r\n<script>"})
    assert (first.status_code, "Thank you." in first.text) == (200, True)
    client.post(link, files={"score": (None, "10"), "comment": (None, "better now")})
    kept = answers.of(records.engine, message_id)
    assert (kept.question, kept.score, kept.comment, kept.source) == ("nps", 10, "better now", "link")
    stored = f"SELECT score, comment FROM tenure.answers WHERE message_id = '{message_id}' ORDER BY id"
    assert rows(records.owner, stored) == [(3, "=HYPERLINK(1)\n<script>"), (10, "better now")]
    assert "You answered on 20 November 2026" in client.get(link).text


def test_an_earlier_answer_is_not_shown_to_whoever_has_the_link(records, held, client):
    message_id = sent(records, question="exit")
    link = path(held, "answer", message_id)
    client.post(link, data={"comment": "the boss of ours is impossible"})
    assert "impossible" not in client.get(link).text


@pytest.mark.parametrize(
    ("question", "form", "said"),
    [
        ("nps", {}, "choose"),
        ("nps", {"score": "11", "comment": "fine"}, "choose"),
        ("nps", {"score": "٧"}, "choose"),
        ("exit", {"comment": "  \x00\r\n "}, "write"),
        ("exit", {"comment": "x" * 10_001}, "too_long"),
    ],
)
def test_an_answer_that_lacks_something_is_not_kept_and_nothing_written_is_lost(
    records, held, client, question, form, said
):
    message_id = sent(records, question=question)
    answer = client.post(path(held, "answer", message_id), data=form)
    assert answer.status_code == 400
    assert getattr(SHIPPED["en"], said) in answer.text
    assert form.get("comment", "").strip("\x00\r\n ") in answer.text
    assert answers.of(records.engine, message_id) is None


def test_ten_thousand_chinese_characters_fit_through_the_form(records, held, client):
    message_id = sent(records, question="exit")
    files = {"comment": (None, "很" * 10_000), "language": (None, "zh")}
    assert client.post(path(held, "answer", message_id), files=files).status_code == 200
    assert answers.of(records.engine, message_id).comment == "很" * 10_000


def test_the_link_of_a_number_only_chooses_it(records, held, client):
    link = path(held, "answer", sent(records, question="nps"))
    assert 'value="9" required checked' in client.get(f"{link}?score=9").text
    assert "required checked" not in client.get(f"{link}?score=99").text


def test_every_wrong_link_gets_one_calm_page_in_the_visitors_language(records, held, client):
    message_id = sent(records, question=None)
    good = tokens.sign(held, "unsubscribe", message_id)
    german = {"Accept-Language": "fr, de;q=0.8"}
    wrong = [
        "/unsubscribe/nonsense",
        "/answer/one/two",
        "/answer/",
        f"/unsubscribe/{good[:-1]}",
        f"/unsubscribe/{good[:-1]}{'A' if good[-1] != 'A' else 'B'}",
        f"/unsubscribe/{tokens.sign(held, 'answer', message_id)}",
        f"/answer/{good}",
        path(held, "unsubscribe", uuid.uuid4()),
        path(held, "answer", message_id),
    ]
    before = everything(records)
    found = [client.request(method, link, headers=german) for link in wrong for method in ("GET", "POST")]
    assert {(answer.status_code, answer.text) for answer in found} == {(404, found[0].text)}
    assert "Dieser Link funktioniert nicht." in found[0].text
    assert everything(records) == before


def test_the_links_of_a_preview_and_of_an_erased_person_change_nothing(records, held, client):
    preview, erased = drafted(records), sent(records)
    execute(records.owner, f"UPDATE tenure.messages SET reason = 'erased' WHERE id = '{erased}'")
    for message_id, said in ((preview, "not been sent yet"), (erased, "does not work")):
        for purpose in ("unsubscribe", "answer"):
            answer = client.post(path(held, purpose, message_id), data={"score": "1"})
            assert (answer.status_code, said in answer.text) == (404, True)
        assert not out(records, message_id)
        assert answers.of(records.engine, message_id) is None


@pytest.mark.parametrize("language", ["en", "de-AT", "ru", "zh-Hans", "ro"])
def test_pages_speak_the_recipients_language(records, held, client, language):
    words = SHIPPED[language[:2]]
    message_id = sent(records, question="nps", language=language)
    english = {"Accept-Language": "en"}
    page = client.get(path(held, "answer", message_id), headers=english).text
    assert words.nps_question.format(company="Northwind Signals") in page
    assert f'<html lang="{language[:2]}">' in page
    assert words.stop_button in client.get(path(held, "unsubscribe", message_id), headers=english).text


def test_every_answer_forbids_scripts_caches_frames_and_search_engines(records, held, client):
    message_id = sent(records)
    found = [client.get(path(held, "answer", message_id)), client.get("/unsubscribe/x"), client.post("/hooks/bounce")]
    for answer in found:
        policy = dict(part.split(" ", 1) for part in answer.headers["content-security-policy"].split("; "))
        assert policy["default-src"] == "'none'"
        assert "unsafe" not in policy["style-src"]
        assert (policy["form-action"], policy["frame-ancestors"]) == ("'self'", "'none'")
        assert answer.headers["cache-control"] == "no-store"
        assert answer.headers["referrer-policy"] == "no-referrer"
        assert "noindex" in answer.headers["x-robots-tag"]
        assert "set-cookie" not in answer.headers
        assert "<script" not in answer.text


def test_while_the_database_is_away_opt_outs_are_tried_again_and_answers_stay_in_the_form(held):
    away = held.model_copy(update={"records_database_url": NOBODY})
    client, message_id = client_of(away), uuid.uuid4()
    stopped = client.post(path(away, "unsubscribe", message_id), data=ONE_CLICK)
    assert (stopped.status_code, stopped.headers["retry-after"]) == (503, "60")
    assert SHIPPED["en"].later_text in stopped.text
    form = {"question": "nps", "language": "de", "score": "4", "comment": "<b>zu langsam"}
    answered = client.post(path(away, "answer", message_id), data=form)
    assert answered.status_code == 503
    assert SHIPPED["de"].later_text in answered.text
    assert 'value="4" required checked' in answered.text
    assert "&lt;b&gt;zu langsam</textarea>" in answered.text
    assert client.get(path(away, "answer", message_id)).status_code == 503
    assert "nobody" not in stopped.text + answered.text


def test_a_mistake_of_ours_is_a_calm_page_too(held, client, monkeypatch):
    monkeypatch.setattr(public_work, "show_unsubscribe", lambda *_: 1 / 0)
    answer = client.get(path(held, "unsubscribe", uuid.uuid4()))
    assert (answer.status_code, "Traceback" in answer.text) == (500, False)


def test_a_body_larger_than_any_answer_is_refused_before_it_is_read(held, client, monkeypatch):
    monkeypatch.setattr(public_work, "answer", None)
    link = path(held, "answer", uuid.uuid4())
    assert client.post(link, content=b"x" * 70_000).status_code == 413
    endless = client.post(link, content=(b"x" * 1000 for _ in range(70)))
    assert endless.status_code == 413


def test_an_endless_or_slow_body_is_given_up():
    pulled = []

    async def endless():
        while True:
            pulled.append(1)
            yield b"x" * 1000

    async def silent():
        await asyncio.sleep(3600)
        yield b""

    async def ask(stream, seconds):
        return await public_limits.body(stream, declared=None, most=5_000, seconds=seconds)

    with pytest.raises(TooLarge):
        asyncio.run(ask(endless(), 60))
    assert len(pulled) == 6
    with pytest.raises(TooSlow):
        asyncio.run(ask(silent(), 0.01))


def test_whoever_asks_too_often_gets_429_before_anything_is_looked_up(held, monkeypatch):
    clock, looked_up = Clock(), []
    monkeypatch.setattr(public_work, "unsubscribe", lambda *_: looked_up.append(1) or public_work.unknown("en"))
    client = client_of(held, ticks=clock, buckets=Buckets(burst=3, per_second=1))
    link = path(held, "unsubscribe", uuid.uuid4())
    statuses = [client.post(link).status_code for _ in range(50)]
    assert (statuses.count(404), statuses.count(429), len(looked_up)) == (3, 47, 3)
    assert client.post("/hooks/bounce").status_code == 429
    busy = client.get(link, headers={"Accept-Language": "ro"})
    assert (busy.status_code, busy.headers["retry-after"]) == (429, "60")
    assert "Prea multe cereri" in busy.text
    clock.seconds = 2.0
    assert [client.post(link).status_code for _ in range(4)] == [404, 404, 429, 429]


def test_a_header_that_anybody_can_write_makes_nobody_another_sender(held):
    client = client_of(held, ticks=Clock(), buckets=Buckets(burst=1, per_second=1))
    statuses = [client.get("/answer/x", headers={"X-Forwarded-For": f"192.0.2.{n}"}).status_code for n in range(3)]
    assert statuses == [404, 429, 429]


def test_addresses_are_told_apart_and_only_so_many_are_remembered():
    buckets = Buckets(burst=1, per_second=0.5, most=100)
    assert [buckets.take("192.0.2.1", 0), buckets.take("192.0.2.1", 1), buckets.take("192.0.2.2", 1)] == [
        True,
        False,
        True,
    ]
    assert buckets.take("192.0.2.1", 2)
    assert buckets.take("2001:db8::1", 2)
    assert not buckets.take("2001:db8::2", 2)
    for number in range(1000):
        buckets.take(f"10.0.{number // 256}.{number % 256}", 3)
    assert len(buckets) == 100


def test_work_that_hangs_fills_the_places_and_no_more():
    async def crowd():
        places, gate = Places(threads=1, most=3), asyncio.Event()
        loop = asyncio.get_running_loop()

        def hang():
            asyncio.run_coroutine_threadsafe(gate.wait(), loop).result()
            return "done"

        waiting = [asyncio.ensure_future(places.run(hang)) for _ in range(3)]
        await asyncio.sleep(0)
        with pytest.raises(Busy):
            await places.run(hang)
        waiting[0].cancel()  # a visitor who went away; the work itself is finished
        gate.set()
        assert await asyncio.gather(*waiting[1:]) == ["done", "done"]
        return await places.run(lambda: "free again")

    assert asyncio.run(crowd()) == "free again"


def signed(held, body, *, at=None, id="evt_1"):
    at = at or datetime.now(UTC)
    signature = Webhook(held.webhook_secret).sign(id, at, body.decode())
    return {"webhook-id": id, "webhook-timestamp": str(int(at.timestamp())), "webhook-signature": signature}


def test_only_signed_reports_of_bounces_are_taken(held, client, monkeypatch):
    taken = []
    monkeypatch.setattr(public_work.bounces, "take", lambda engine, content, *, now: taken.append((content, now)))
    body = json.dumps({"a": 1}).encode()
    good = signed(held, body)
    assert client.post("/hooks/bounce", content=body, headers=good).status_code == 204
    old = signed(held, body, at=datetime.now(UTC) - timedelta(minutes=6))
    for headers in ({}, old, good | {"webhook-id": "evt_2"}, good | {"webhook-signature": "v1"}):
        assert client.post("/hooks/bounce", content=body, headers=headers).status_code == 401
    assert client.post("/hooks/bounce", content=body + b" ", headers=good).status_code == 401
    assert client.post("/hooks/bounce", content=b"\xff", headers=good).status_code == 401
    assert client.post("/hooks/bounce", content=b"x" * 70_000, headers=good).status_code == 413
    assert client.get("/hooks/bounce").status_code == 405
    assert taken == [(body, NOW)]
    unset = held.model_copy(update={"webhook_secret": None})
    assert client_of(unset).post("/hooks/bounce", content=body, headers=good).status_code == 404
