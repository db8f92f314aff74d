"""The channels: what a mail server, a folder and a webhook get, and what may be said of it afterwards."""

from __future__ import annotations

import base64
import ssl
import subprocess
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
from aiosmtpd.smtp import AuthResult
from standardwebhooks import Webhook as Verifier

from outreach.channels import Files, opener
from outreach.delivery import Channel, NotSent, Receipt, Unknown, hard, said
from outreach.message import NotSendable, compose
from outreach.smtp import Smtp, place
from outreach.webhook import Webhook, checked
from settings import ROOT, Outreach, Settings, SettingsError, read
from tests.outreach.office import Office, dripping, opened
from tests.outreach.test_message import ID, message

NOW = datetime.now(UTC)
SECRET = "whsec_" + base64.b64encode(b"s" * 24).decode()


def mail(message: Any, now: datetime) -> Any:
    return compose(message, Outreach(sender_address="team@us.example"), now=now, unsubscribe="https://us.example/u")


def sent(channel: Channel, **more: Any) -> Receipt:
    try:
        channel.offer(message(**more), now=datetime.now(UTC), seconds=5)
        return channel.deliver(seconds=5)
    finally:
        channel.close()


@pytest.mark.parametrize(
    ("url", "host", "port", "security", "user", "password"),
    [
        ("smtp://127.0.0.1", "127.0.0.1", 25, "none", None, None),
        ("smtps://ada%40us.example:p%3A%2Fw%25@mail.example", "mail.example", 465, "tls", "ada@us.example", "p:/w%"),
        ("smtp+starttls://u:p@mail.example:2525", "mail.example", 2525, "starttls", "u", "p"),
        ("smtp://u:p@mail.example?tls=starttls", "mail.example", 587, "starttls", "u", "p"),
        ("smtp://u:p@localhost:1025", "localhost", 1025, "none", "u", "p"),
    ],
)
def test_an_address_of_a_mail_server_is_read(url, host, port, security, user, password):
    found = place(url)
    assert (found.host, found.port, found.security, found.user, found.password) == (
        host,
        port,
        security,
        user,
        password,
    )
    assert "password" not in str(found)
    assert "user" not in str(found)


@pytest.mark.parametrize(
    "url",
    ["mail.example", "http://top-secret@mail.example", "smtp://u:top-secret@mail.example", "smtp://", "smtps://u:top-secret@h:port",
     "smtp://mail.example?tls=maybe", "smtp://mail.example?timeout=3", "smtp://mail.example/path", "smtp://[::1"],
)  # fmt: skip
def test_an_address_that_cannot_be_used_is_refused_without_repeating_it(url):
    with pytest.raises(SettingsError, match="SMTP_URL") as told:
        place(url)
    assert "top-secret" not in str(told.value)


def test_a_message_is_given_to_the_server_as_it_is_with_one_recipient():
    with opened() as office:
        assert sent(Smtp(place(office.url), mail), text=".\n..\nend\n") == Receipt("250", "OK")
    (envelope,) = office.delivered
    assert (envelope.mail_from, envelope.rcpt_tos) == ("team@us.example", ["ada@customer.example"])
    assert (envelope.content or b"").replace(b"\r\n", b"\n").endswith(b"\n\n.\n..\nend\n")


def test_letters_beyond_ascii_are_sent_where_the_server_takes_them_and_refused_where_not():
    with opened(enable_SMTPUTF8=True) as office:
        sent(Smtp(place(office.url), mail), address="jörg@customer.example")
    assert office.recipients == ["jörg@customer.example"]
    with opened(enable_SMTPUTF8=False) as office, pytest.raises(NotSendable, match="beyond ASCII") as told:
        sent(Smtp(place(office.url), mail), address="jörg@customer.example")
    assert told.value.reason == "bad_address"


def test_after_a_refused_recipient_the_next_gets_only_their_own():
    with opened(Office(at_rcpt=lambda address: "550 5.1.1 no" if address.startswith("gone") else "250 OK")) as office:
        channel = Smtp(place(office.url), mail)
        with pytest.raises(NotSent) as told:
            channel.offer(message(address="gone@customer.example"), now=NOW, seconds=5)
        assert (told.value.code, told.value.hard, told.value.temporary) == ("550", True, False)
        channel.offer(message(address="withdrawn@customer.example"), now=NOW, seconds=5)
        channel.withdraw()
        sent(channel)
    assert [envelope.rcpt_tos for envelope in office.delivered] == [["ada@customer.example"]]
    assert len(office.connections) == 1


def test_a_wrong_password_is_our_own_fault_and_is_repeated_nowhere():
    wrong = {"authenticator": lambda *_: AuthResult(success=False, handled=False), "auth_require_tls": False}
    with opened(auth_required=True, **wrong) as office, pytest.raises(NotSent) as told:
        sent(Smtp(place(f"smtp://ada:top-secret@127.0.0.1:{office.port}"), mail))
    assert (told.value.temporary, told.value.outage, told.value.hard) == (True, True, False)
    assert "top-secret" not in str(told.value)


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """A certificate of 127.0.0.1 and its key."""
    folder = tmp_path_factory.mktemp("tls")
    key, made = folder / "key.pem", folder / "cert.pem"
    words = [
        "openssl",
        "req",
        "-x509",
        "-newkey",
        "ec",
        "-pkeyopt",
        "ec_paramgen_curve:prime256v1",
        "-nodes",
        "-days",
        "2",
    ]
    words += [
        "-subj",
        "/CN=127.0.0.1",
        "-addext",
        "subjectAltName=IP:127.0.0.1",
        "-keyout",
        str(key),
        "-out",
        str(made),
    ]
    try:
        subprocess.run(words, check=True, capture_output=True)
    except (OSError, subprocess.CalledProcessError):
        pytest.skip("openssl makes no certificate here")
    return made, key


def test_encryption_is_asked_for_and_the_certificate_looked_at(certificate, monkeypatch):
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(*map(str, certificate))
    with opened(tls_context=context, require_starttls=True) as office:
        where = place(f"smtp+starttls://127.0.0.1:{office.port}")
        with pytest.raises(NotSent, match="certificate") as told:
            sent(Smtp(where, mail))
        assert told.value.outage
        assert office.recipients == []
        monkeypatch.setenv("SSL_CERT_FILE", str(certificate[0]))
        assert sent(Smtp(where, mail)).code == "250"
    with opened(ssl_context=context) as office:
        assert sent(Smtp(place(f"smtps://127.0.0.1:{office.port}"), mail)).code == "250"


def test_a_file_is_there_whole_or_not_at_all(tmp_path, monkeypatch):
    assert sent(Files(tmp_path / "outbox", mail)) == Receipt("file", f"{ID}.eml")
    whole = (tmp_path / "outbox" / f"{ID}.eml").read_bytes()
    assert b"\r\nTo: Ada Lovelace <ada@customer.example>\r\n" in whole

    def full(descriptor: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("os.fsync", full)
    with pytest.raises(NotSent) as told:
        sent(Files(tmp_path / "outbox", mail), text="Another")
    assert (told.value.temporary, told.value.outage) == (True, True)
    assert [path.read_bytes() for path in (tmp_path / "outbox").iterdir()] == [whole]


def test_without_a_mail_server_mail_goes_to_files_and_with_one_there():
    held = read(ROOT / "config", {})
    assert isinstance(opener(held, mail)("email"), Files)
    assert isinstance(opener(held.model_copy(update={"smtp_url": "smtp://localhost"}), mail)("email"), Smtp)


class Hook(ThreadingHTTPServer):
    """Answers with ``status`` and remembers what it got."""

    def __init__(self, status: int, headers: dict[str, str], pause: Callable[[], object]) -> None:
        self.got: list[tuple[str, dict[str, str], bytes]] = []
        hook = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["content-length"]))
                hook.got.append((self.path, dict(self.headers.items()), body))
                pause()
                self.send_response(status)
                for name, value in headers.items():
                    self.send_header(name, value)
                self.end_headers()

            def log_message(self, *words: object) -> None:
                pass

        super().__init__(("127.0.0.1", 0), Handler)


@contextmanager
def hook(
    status: int = 200, headers: dict[str, str] | None = None, pause: Callable[[], object] = lambda: None
) -> Iterator[Hook]:
    server = Hook(status, headers or {}, pause)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    try:
        yield server
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


def configured(port: int, secret: str | None = SECRET) -> Settings:
    held = read(ROOT / "config", {})
    ours = {"webhook_url": f"http://127.0.0.1:{port}/in?key=1", "webhook_hosts": frozenset({"127.0.0.1"})}
    return held.model_copy(update={"outreach": held.outreach.model_copy(update=ours), "webhook_secret": secret})


def test_an_event_is_signed_and_keeps_its_id_when_it_is_tried_again():
    with hook() as server:
        channel = Webhook(configured(server.server_port))
        assert [sent(channel, payload={"step": "Import"}).code for _ in range(2)] == ["200", "200"]
    assert [headers["webhook-id"] for _, headers, _ in server.got] == [str(ID)] * 2
    path, headers, body = server.got[0]
    assert path == "/in?key=1"
    event = Verifier(SECRET).verify(body, headers)
    assert (event["type"], event["data"]["message_id"]) == ("tenure.message", str(ID))
    assert (event["data"]["account_id"], event["data"]["payload"]) == ("a1", {"step": "Import"})


def test_a_redirect_is_not_followed():
    with hook() as other, hook(307, {"location": f"http://127.0.0.1:{other.server_port}/"}) as server:
        with pytest.raises(NotSent) as told:
            sent(Webhook(configured(server.server_port)))
        assert (told.value.code, told.value.temporary) == ("307", False)
        assert other.got == []


@pytest.mark.parametrize(
    ("status", "end"),
    [(204, "sent"), (400, "failed"), (410, "failed"), (429, "later"), (500, "later"), (503, "later"), (504, "unknown")],
)
def test_what_a_webhook_answers_decides(status, end):
    with hook(status) as server:
        try:
            sent(Webhook(configured(server.server_port)))
            found = "sent"
        except NotSent as error:
            found = "later" if error.temporary else "failed"
        except Unknown:
            found = "unknown"
    assert found == end


def test_a_webhook_that_does_not_answer_leaves_it_open_and_one_that_is_not_there_does_not():
    over = threading.Event()
    with hook(pause=lambda: over.wait(10)) as server:
        channel = Webhook(configured(server.server_port))
        channel.offer(message(), now=NOW, seconds=1)
        with pytest.raises(Unknown):
            channel.deliver(seconds=0.3)
        over.set()
        port = server.server_port
    with pytest.raises(NotSent) as told:
        sent(Webhook(configured(port)))
    assert told.value.outage


def test_a_webhook_that_drips_is_cut_off():
    with dripping([b"HTTP/1.1 "]) as port:
        channel = Webhook(configured(port))
        channel.offer(message(), now=NOW, seconds=1)
        with pytest.raises(Unknown):
            channel.deliver(seconds=0.3)


@pytest.mark.parametrize(
    ("url", "why"),
    [
        (None, "not set"),
        ("https://evil.example/in", "not listed"),
        ("https://hooks.example@evil.example/", "no address"),
        ("https://hooks.example.evil.example/", "not listed"),
        ("http://hooks.example/in", "https"),
        ("ftp://hooks.example/in", "https"),
        ("//hooks.example/in", "https"),
        ("https://hooks.example:port/", "no address"),
    ],
)
def test_only_listed_hosts_are_called_and_only_encrypted(url, why):
    with pytest.raises(SettingsError, match=why):
        checked(url, {"hooks.example"})
    assert checked("https://Hooks.example/in", {"hooks.example"}) == "https://Hooks.example/in"


@pytest.mark.parametrize("secret", [None, "", "whsec_", "top-secret!"])
def test_without_a_secret_no_webhook_is_called(secret):
    with pytest.raises(SettingsError, match="WEBHOOK_SECRET") as told:
        Webhook(configured(1, secret))
    assert "top-secret" not in str(told.value)


def test_proxies_of_the_environment_are_not_asked(monkeypatch):
    monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:1")
    monkeypatch.setenv("ALL_PROXY", "http://127.0.0.1:1")
    with hook() as server:
        assert sent(Webhook(configured(server.server_port))).code == "200"


def test_what_servers_say_is_kept_short_and_without_addresses():
    assert said(b"5.1.1 <ada@example.org>\r\n\x07\xff no " + b"x" * 9000) == "5.1.1 <…> � no " + "x" * (500 - 15)
    assert said("bob+x@mail.example.org: gone, see help@example.org") == "…: gone, see …"


@pytest.mark.parametrize(
    ("code", "text", "expected"),
    [
        (550, "5.1.1 unknown", True), (550, "5.1.10 null MX", True), (550, "5.2.1 off", True), (550, "unknown", True),
        (None, "5.4.4 no such domain", True), (None, "5.0.0 undeliverable", True), (550, "5.7.1 blocked", False),
        (550, "5.1.8 bad sender", False), (552, "5.2.2 full", False), (554, "no", False), (450, "4.1.1 later", False),
        (450, "5.1.1 odd", False), (None, "", False),
    ],
)  # fmt: skip
def test_only_an_address_that_nobody_reads_is_hard(code, text, expected):
    assert hard(code, text) is expected


def test_messages_without_anything_to_post_are_refused():
    with pytest.raises(NotSendable), hook() as server:
        sent(Webhook(configured(server.server_port)), text=None, payload=None)
