"""A bucket of a test's own: moto's server in a process beside, and a network before it that counts and does harm."""

from __future__ import annotations

import http.client
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

_SERVER = """
import sys, threading
from moto.server import DomainDispatcherApplication, create_backend_app
from werkzeug.serving import make_server
server = make_server("127.0.0.1", 0, DomainDispatcherApplication(create_backend_app), threaded=True)
print(server.server_port, flush=True)
threading.Thread(target=lambda: (sys.stdin.read(), server.shutdown()), daemon=True).start()
server.serve_forever()
"""
KEY, SECRET = "AKIDOFTESTS", "a secret of tests"
_SIGNED = f"AWS4-HMAC-SHA256 Credential={KEY}/20260101/us-east-1/s3/aws4_request, SignedHeaders=host, Signature=x"
Harm = Callable[[str, str], str | None]
"""Of a method and an object's name: what is done to the request. ``refuse``: an answer of 500. ``cut``: it never
arrives. ``lose``: it arrives, and the answer does not. ``hang``: nothing happens until the network is mended."""


@contextmanager
def serving() -> Iterator[int]:
    """Runs moto's server; gives its port. It ends with its standard input, so with this process at the latest."""
    pipes: dict[str, Any] = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "stderr": subprocess.DEVNULL}
    process = subprocess.Popen([sys.executable, "-c", _SERVER], text=True, **pipes)
    try:
        assert process.stdout is not None
        yield int(process.stdout.readline())
    finally:
        process.communicate()


class Network:
    """Carries requests to a bucket; ``calls`` are those that came: method, and the object's name."""

    def __init__(self, there: int) -> None:
        self.there = there
        self.calls: list[tuple[str, str]] = []
        self._harm: Harm | None = None
        self._flows = threading.Event()
        network = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"
            disable_nagle_algorithm = True

            def handle_any(self) -> None:
                network._carry(self)

            do_GET = do_PUT = do_HEAD = do_DELETE = do_POST = handle_any

            def log_message(self, *_: object) -> None:
                """Says nothing."""

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        self.port = int(self._server.server_address[1])
        threading.Thread(target=self._server.serve_forever, args=(0.05,), daemon=True).start()

    def harm(self, harm: Harm) -> None:
        self._flows.clear()
        self._harm = harm

    def mend(self) -> None:
        self._harm = None
        self._flows.set()

    def close(self) -> None:
        self.mend()
        self._server.shutdown()
        self._server.server_close()

    def bucket(self, name: str) -> None:
        """Makes a bucket."""
        link = http.client.HTTPConnection("127.0.0.1", self.there)
        link.request("PUT", f"/{name}", headers={"Authorization": _SIGNED, "Content-Length": "0"})
        assert link.getresponse().status == 200
        link.close()

    def content(self, path: str) -> tuple[int, bytes]:
        """Status and content of ``bucket/name``, asked past every harm."""
        link = http.client.HTTPConnection("127.0.0.1", self.there)
        link.request("GET", f"/{path}", headers={"Authorization": _SIGNED})
        answer = link.getresponse()
        found = answer.status, answer.read()
        link.close()
        return found

    def _carry(self, asked: BaseHTTPRequestHandler) -> None:
        body = _body(asked)
        name = asked.path.partition("?")[0].strip("/").partition("/")[2]
        self.calls.append((asked.command, name))
        what = self._harm(asked.command, name) if self._harm else None
        if what == "hang":
            self._flows.wait(60)
        if what in ("hang", "cut"):
            asked.close_connection = True
            return
        if what == "refuse":
            asked.send_response(500)
            asked.send_header("Content-Length", "0")
            asked.end_headers()
            return
        link = http.client.HTTPConnection("127.0.0.1", self.there)
        headers = {name: value for name, value in asked.headers.items() if name.lower() != "transfer-encoding"}
        link.request(asked.command, asked.path, body, headers | {"Content-Length": str(len(body))})
        answer = link.getresponse()
        content = answer.read()
        link.close()
        if what == "lose":
            asked.close_connection = True
            return
        asked.send_response_only(answer.status)
        for header, value in answer.getheaders():
            if header.lower() not in ("transfer-encoding", "connection", "content-length"):
                asked.send_header(header, value)
        asked.send_header("Content-Length", answer.getheader("Content-Length") or str(len(content)))
        asked.end_headers()
        asked.wfile.write(content)


def _body(asked: BaseHTTPRequestHandler) -> bytes:
    if asked.headers.get("Transfer-Encoding", "").lower() != "chunked":
        return asked.rfile.read(int(asked.headers.get("Content-Length") or 0))
    found = b""
    while size := int(asked.rfile.readline().split(b";")[0], 16):
        found += asked.rfile.read(size)
        asked.rfile.readline()
    asked.rfile.readline()
    return found
