"""What the server answers to whoever asks anything else than a page: headers, refusals, and nothing about itself."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass, field
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path

import httpx
import pytest
import streamlit as st
from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import PlainTextResponse
from starlette.routing import Route
from streamlit.proto.BackMsg_pb2 import BackMsg
from streamlit.proto.ForwardMsg_pb2 import ForwardMsg
from websockets.exceptions import InvalidStatus
from websockets.sync.client import ClientConnection, connect

from pages.shared.headers import HEADERS, SecurityHeaders
from tests.pages import browser, snapshot

pytestmark = pytest.mark.slow
EVIL = "http://evil.example"
XSRF = "_streamlit_xsrf"


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[browser.Server]:
    folder = tmp_path_factory.mktemp("snapshot")
    account = {"account_id": "a", "name": "Acme", "signed_up_at": datetime(2026, 1, 1, tzinfo=UTC)}
    snapshot.write(folder, {"accounts": [account]})
    nowhere = {"PRODUCT_DATABASE_URL": "postgresql://nobody@127.0.0.1:1/none", "TENURE_JOBS": "off"}
    with browser.serving({"SNAPSHOT_DIR": str(folder), **nowhere}) as running:
        yield running


@pytest.fixture(scope="module")
def connected(server: browser.Server) -> Iterator[httpx.Client]:
    with httpx.Client(base_url=server.url, timeout=20, verify=False) as made:
        yield made


@pytest.fixture
def client(connected: httpx.Client) -> httpx.Client:
    """A visitor without cookies."""
    connected.cookies.clear()
    return connected


@dataclass
class Visit:
    """What the server told a browser that opened a page."""

    socket: ClientConnection
    session_id: str = ""
    downloads: list[str] = field(default_factory=list)
    failures: list[str] = field(default_factory=list)

    def until(self, wanted: str) -> ForwardMsg:
        """Reads on until a message of this kind."""
        while True:
            message = ForwardMsg()
            message.ParseFromString(self.socket.recv(timeout=30, decode=False))
            self._note(message)
            if message.WhichOneof("type") == wanted:
                return message

    def _note(self, message: ForwardMsg) -> None:
        if message.HasField("new_session"):
            self.session_id = message.new_session.initialize.session_id
        element = message.delta.new_element
        if element.HasField("download_button"):
            self.downloads.append(element.download_button.deferred_file_id)
        if element.HasField("exception"):
            self.failures.append(element.exception.message)

    def download(self, file_id: str) -> str:
        """Where a file is that is made when it is asked for."""
        asked = BackMsg()
        asked.backend_operation_request.request_id = "1"
        asked.backend_operation_request.session_id = self.session_id
        asked.backend_operation_request.deferred_file.file_id = file_id
        self.socket.send(asked.SerializeToString())
        answer = self.until("backend_operation_response").backend_operation_response
        assert not answer.error_msg, answer.error_msg
        return answer.deferred_file.url


@contextmanager
def visiting(server: browser.Server, page: str) -> Iterator[Visit]:
    """Somebody who opens a page, without drawing it."""
    address = server.url.replace("http", "ws") + "/_stcore/stream"
    with connect(address, subprotocols=["streamlit"], origin=server.url, max_size=None) as socket:  # type: ignore[arg-type,list-item]
        visit, asked = Visit(socket), BackMsg()
        asked.rerun_script.page_name = page
        socket.send(asked.SerializeToString())
        visit.until("script_finished")
        yield visit


def check(response: httpx.Response) -> None:
    """The headers that every answer carries, its own where a public page is stricter."""
    policy = response.headers["content-security-policy"]
    assert "unsafe" not in policy.partition("style-src")[0]
    assert "frame-ancestors 'none'" in policy
    for name in ("X-Content-Type-Options", "X-Frame-Options", "Cross-Origin-Opener-Policy", "Permissions-Policy"):
        assert response.headers[name] == HEADERS[name], name
    assert response.headers["Referrer-Policy"] in ("same-origin", "no-referrer")
    for told in ("Traceback", 'File "', "site-packages", *(version(name) for name in ("starlette", "uvicorn"))):
        assert told not in " ".join(response.headers.values())
        assert told not in response.text or response.headers["content-type"].startswith(
            ("application/javascript", "image/")
        )


ANSWERS = [
    ("GET", "/", 200),
    ("HEAD", "/", 200),
    ("GET", "/overview", 200),
    ("GET", "/no-such-page", 200),  # the page that says so
    ("GET", "/favicon.png", 200),
    ("GET", "/static/", 301),
    ("GET", "/static/js/no-such-file.js", 200),
    ("GET", "/media/no-such-file.csv", 404),
    ("GET", "/component/none/index.html", 404),
    ("GET", "/_stcore/bidi-components/none/index.js", 404),
    ("GET", "/_stcore/health", 200),
    ("GET", "/_stcore/host-config", 200),
    ("GET", "/_stcore/metrics", 404),
    ("GET", "/_stcore/metrics/", 404),
    ("OPTIONS", "/_stcore/metrics", 404),
    ("POST", "/_stcore/agent/interact", 403),  # it is off
    ("POST", "/_stcore/agent/mcp", 400),
    ("PUT", "/_stcore/upload_file/session/file", 403),
    ("DELETE", "/_stcore/upload_file/session/file", 403),
    ("POST", "/overview", 405),
    ("TRACE", "/", 405),
    ("GET", "/ready", 503),
    ("GET", "/answer/nonsense", 404),
    ("GET", "/unsubscribe/a/b", 404),
    ("GET", "/%2e%2e/%2e%2e/etc/passwd", 400),
    ("GET", "/static/%2e%2e%2f%2e%2e%2fconfig.py", 400),
]


@pytest.mark.parametrize(("method", "path", "status"), ANSWERS)
def test_every_kind_of_answer_carries_the_headers_and_tells_nothing(client, method, path, status):
    response = client.request(method, path)
    assert response.status_code == status
    check(response)
    assert "root:" not in response.text


def test_a_static_file_carries_the_headers(client):
    script = client.get("/").text.split('src="./static/')[1].split('"')[0]
    response = client.get(f"/static/{script}")
    assert (response.status_code, response.headers["content-type"].split(";")[0]) == (200, "application/javascript")
    check(response)


@pytest.mark.parametrize("folder", ["/static", "/static/js", "/static/media", "/app/static", "/pages", "/.streamlit"])
def test_no_folder_lists_its_files_and_no_file_of_ours_is_served(client, folder):
    for path in (folder, f"{folder}/config.toml", f"{folder}/secrets.toml", f"{folder}/frame.py"):
        response = client.get(path, follow_redirects=True)
        assert response.status_code in (200, 404)
        assert response.status_code == 404 or "<title>Streamlit</title>" in response.text  # the app, whatever was asked
        assert "Index of" not in response.text
        assert "enableXsrfProtection" not in response.text


@pytest.mark.parametrize(
    ("origin", "host", "refused"),
    [(None, None, False), ("own", None, False), (EVIL, None, True), ("null", None, True), (None, "evil.example", True),
     (EVIL, "evil.example", True), (None, "127.0.0.1.evil.example", True), (None, "user@127.0.0.1", True)],
)  # fmt: skip
def test_a_web_socket_from_another_site_or_for_another_host_is_refused(server, origin, host, refused):
    address = server.url.replace("http", "ws") + "/_stcore/stream"
    headers = {"Host": host} if host else {}
    given = server.url if origin == "own" else origin
    opening = pytest.raises(InvalidStatus, match=r"HTTP 40[03]") if refused else nullcontext()
    with opening, connect(address, origin=given, additional_headers=headers, subprotocols=["streamlit"]):
        pass


@pytest.mark.parametrize("host", ["evil.example", "127.0.0.1.evil.example", "localhost.evil.example"])
@pytest.mark.parametrize("path", ["/", "/overview", "/_stcore/health", "/ready", "/answer/x", "/media/x"])
def test_a_foreign_host_gets_nothing_but_a_refusal(client, host, path):
    response = client.get(path, headers={"Host": host})
    assert (response.status_code, response.text) == (400, "Invalid host header")
    check(response)


def test_another_sites_script_may_not_read_an_answer(client):
    for method, path in (("GET", "/_stcore/health"), ("GET", "/ready"), ("OPTIONS", "/_stcore/upload_file/a/b")):
        allowed = client.request(method, path, headers={"Origin": EVIL}).headers.get("access-control-allow-origin", "")
        assert allowed not in ("*", EVIL, "null")
    assert client.get("/_stcore/host-config").json()["allowedOrigins"] == []


def test_an_upload_needs_its_token_a_session_and_the_size(server, client):
    cookie = client.get("/_stcore/health").headers["set-cookie"]
    assert cookie.startswith(f"{XSRF}=")
    assert "SameSite=Lax" in cookie
    token = {"X-Xsrftoken": client.cookies[XSRF]}
    small, large = ({"file": ("x.csv", b"x" * size)} for size in (10, 5 * 1024 * 1024 + 1))
    unknown = "/_stcore/upload_file/no-session/x"
    assert client.put(unknown, files=small).status_code == 403
    assert client.put(unknown, files=small, headers={"X-Xsrftoken": "made up"}).status_code == 403
    assert client.put(unknown, files=small, headers=token).status_code == 400
    with visiting(server, "data") as visit:
        known = f"/_stcore/upload_file/{visit.session_id}/x"
        assert client.put(known, files=small).status_code == 403
        assert client.put(known, files=small, headers=token).status_code == 204
        for refused in (client.put(known, files=large, headers=token),
                        client.put(known, content=chunks(), headers=token | {"Content-Type": BOUNDARY})):  # fmt: skip
            assert refused.status_code == 413
            check(refused)


BOUNDARY = "multipart/form-data; boundary=b"


def chunks() -> Iterator[bytes]:
    """Eight megabytes that do not say so beforehand."""
    yield b'--b\r\nContent-Disposition: form-data; name="file"; filename="x"\r\n\r\n'
    for _ in range(8):
        yield b"x" * 1024 * 1024


def test_what_people_download_is_a_file_and_never_a_page(server, client):
    with visiting(server, "data") as visit:
        assert visit.failures == []
        assert visit.downloads
        table = client.get(visit.download(visit.downloads[0]))
        assert table.status_code == 200
        assert table.headers["content-type"].startswith("text/csv")
        assert table.headers["content-disposition"].startswith("attachment; ")
        check(table)


def test_over_tls_no_cookie_travels_in_the_clear(client):
    response = client.get("/_stcore/health", headers={"X-Forwarded-Proto": "https"})  # as a proxy here would say
    assert response.headers["set-cookie"].endswith("; Secure")
    assert "Secure" not in client.get("/_stcore/health").headers.get("set-cookie", "")


def test_a_failure_of_ours_is_a_bare_500_with_the_headers():
    def fail(request: Request) -> PlainTextResponse:
        raise RuntimeError("postgresql://tenure:secret@db/records")

    app = Starlette(routes=[Route("/", fail)], middleware=[Middleware(SecurityHeaders)])

    async def ask() -> httpx.Response:
        transport = httpx.ASGITransport(app, raise_app_exceptions=False)
        async with httpx.AsyncClient(transport=transport, base_url="http://test") as asking:
            return await asking.get("/")

    response = asyncio.run(ask())
    assert (response.status_code, response.text) == (500, "Internal Server Error")
    check(response)


def test_streamlit_is_set_up_as_the_document_says(monkeypatch):
    from streamlit import config

    monkeypatch.chdir(Path(browser.ROOT))
    config.get_config_options(force_reparse=True)
    expected = {
        "client.showErrorDetails": "none",
        "client.showErrorLinks": False,
        "client.allowedOrigins": [],
        "client.toolbarMode": "viewer",
        "browser.gatherUsageStats": False,
        "server.enableXsrfProtection": True,
        "server.enableCORS": True,
        "server.enableStaticServing": False,
        "server.enableAgentApi": False,
        "server.maxUploadSize": 5,
        "server.allowedHosts": ["127.0.0.1", "localhost"],
        "server.address": "127.0.0.1",
        "server.trustedUserHeaders": {},
        "server.scriptHealthCheckEnabled": False,
        "global.developmentMode": False,
    }
    assert {name: st.get_option(name) for name in expected} == expected
