"""Two servers behind nginx, two refreshers and two workers: all of one company, and all to be killed."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, contextmanager, suppress
from dataclasses import dataclass
from datetime import datetime
from email.message import Message
from http.cookies import SimpleCookie
from pathlib import Path

import psycopg2
from streamlit.web.server.starlette.starlette_app_utils import create_signed_value, generate_xsrf_token_string
from streamlit.web.server.starlette.starlette_server_config import USER_COOKIE_NAME, XSRF_COOKIE_NAME

import settings as configuration
from queries import refresh
from queries.database import REFRESH_LOCK
from queries.store import Store, newest_manifest
from settings import Settings
from tests.outreach.office import Office
from tests.pages import browser
from tests.queries.company import ROOT, Company
from tests.records.conftest import Records
from tests.reliability.site import ANSWER, fill, waited
from tests.reliability.visitor import Visitor

STICKY = "tenure_server"
REFRESHERS = ("refresher-1", "refresher-2")
WHO = "ops@us.example"
SECRET = "only-for-tests-but-at-least-32-characters-long"
_SECRETS = """[auth]
redirect_uri = "{url}/oauth2callback"
cookie_secret = "{secret}"
client_id = "tenure"
client_secret = "only for tests"
server_metadata_url = "{url}/nobody/asks/this"
"""
_NGINX = """daemon off;
pid {folder}/nginx.pid;
worker_processes 1;
{user}
events {{ worker_connections 256; }}
http {{
    log_format answered '$request_uri $upstream_addr';
    access_log {folder}/answered.log answered;
    client_body_temp_path {folder}/body;
    proxy_temp_path {folder}/proxy;
    fastcgi_temp_path {folder}/fastcgi;
    uwsgi_temp_path {folder}/uwsgi;
    scgi_temp_path {folder}/scgi;
    include {folder}/tenure.conf;
}}
"""


@dataclass
class Process:
    """One process of the fleet, which can be killed and started again as a supervisor would."""

    command: list[str]
    environment: Mapping[str, str]
    log: Path
    running: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        if self.running is None:
            environment = browser.with_environment(self.environment)
            with self.log.open("ab") as log:
                self.running = subprocess.Popen(
                    self.command, cwd=ROOT, env=environment, stdout=log, stderr=log, start_new_session=True
                )

    def tell(self, number: signal.Signals) -> None:
        assert self.running is not None
        os.kill(self.running.pid, number)

    def kill(self, with_: signal.Signals = signal.SIGKILL) -> None:
        if self.running is not None:
            with suppress(ProcessLookupError):
                os.killpg(self.running.pid, with_)
            self.running.wait(timeout=20)
            self.running = None


@dataclass
class Fleet:
    """``url`` is nginx's; ``urls`` and ``processes`` are by name: a, b; refresher-1, …; worker-1, …; nginx."""

    url: str
    urls: dict[str, str]
    processes: dict[str, Process]
    company: Company
    records: Records
    store: Store
    folder: Path
    settings: Settings

    def whole(self) -> None:
        """Starts what was killed, and waits until it answers. The refreshers rest until a test starts them: each of
        their snapshots has both servers work out anew what pages open with."""
        for name, each in self.processes.items():
            if name not in REFRESHERS:
                each.start()
        for url in (*self.urls.values(), self.url):
            waited(lambda url=url: browser.status(f"{url}/_stcore/health") == 200, 60, f"{url} answers")  # type: ignore[misc]

    def first_look(self, server: str) -> None:
        """Opens the pages that the tests open."""
        with self.visit(server) as visitor:
            for page in ("accounts", "account"):
                visitor.open(page)

    def visit(self, server: str | None = None) -> Visitor:
        """Somebody who signed in, with the cookie of a server or with none."""
        cookies = signed_in(self.url) | ({STICKY: server} if server else {})
        return Visitor(self.url, cookies=cookies, token=cookies[XSRF_COOKIE_NAME])

    def refresher_that_waits(self) -> str | None:
        """The one refresher, in the middle of a refresh that cannot go on: the name of that which holds the lock."""
        found = self.company.sql(
            "SELECT application_name FROM pg_locks JOIN pg_stat_activity USING (pid) WHERE locktype = 'advisory' "
            "AND granted AND wait_event_type = 'Lock' AND datname = current_database() "
            f"AND (classid::bigint << 32) | objid::bigint = {REFRESH_LOCK}"
        )
        return found[0][0] if found else None

    @contextmanager
    def held(self, table: str) -> Iterator[None]:
        """Nobody can read a table of the product's meanwhile."""
        with closing(psycopg2.connect(self.company.url)) as connection, connection.cursor() as cursor:
            cursor.execute(f"LOCK TABLE {table} IN ACCESS EXCLUSIVE MODE")
            yield

    def read_at(self) -> datetime:
        """When the product database was read for what pages show now."""
        found = newest_manifest(self.store)
        assert found is not None
        return found.as_of

    def get(self, address: str, server: str | None = None) -> Message:
        """The headers of an answer, whatever its status."""
        asked = urllib.request.Request(
            f"{self.url}{address}", headers={"Cookie": f"{STICKY}={server}"} if server else {}
        )
        try:
            with urllib.request.urlopen(asked, timeout=ANSWER) as response:
                return response.headers
        except urllib.error.HTTPError as error:
            return error.headers

    def answered_by(self, address: str) -> str:
        """The server that answered the last request for an address; nginx writes it down a moment after."""

        def found() -> list[str]:
            lines = (line.split() for line in (self.folder / "answered.log").read_text(encoding="utf-8").splitlines())
            return [server for asked, *_, server in lines if asked == address]

        waited(lambda: bool(found()), ANSWER, "nginx says who answered")
        return next(name for name, url in self.urls.items() if url.endswith(found()[-1]))


def signed_in(url: str) -> dict[str, str]:
    """The cookies of somebody who signed in at ``url``, made without any of its servers."""
    about = {"origin": url, "is_logged_in": True, "email": WHO, "iat": int(time.time()), "provider": "default"}
    signed = create_signed_value(SECRET, USER_COOKIE_NAME, json.dumps(about)).decode()
    return {USER_COOKIE_NAME: signed, XSRF_COOKIE_NAME: generate_xsrf_token_string()}


def sticky(given: list[str]) -> str | None:
    """The server that an answer's cookies name; None where they name none."""
    found = [SimpleCookie(each)[STICKY].value for each in given if each.startswith(f"{STICKY}=")]
    return found[0] if found else None


@contextmanager
def fleet(folder: Path, product: str, records: Records, office: Office) -> Iterator[Fleet]:
    """The whole of it, started."""
    nginx = browser.needed("nginx")
    company = Company(product, folder / "company")
    fill(company)
    company.choose(lease='"10s"')
    with (company.config / "settings.toml").open("a", encoding="utf-8") as settings:
        settings.write(f'\n"{WHO}" = "admin"\n')
    company.sql("UPDATE accounts SET name = 'Step 00000'", "UPDATE people SET name = 'Ursula Quux'")
    ports = {name: browser.free_port() for name in ("a", "b", "nginx")}
    urls = {name: f"http://127.0.0.1:{port}" for name, port in ports.items()}
    _configure_nginx(folder, ports)
    (folder / "secrets.toml").write_text(_SECRETS.format(url=urls["nginx"], secret=SECRET), encoding="utf-8")
    environment = {
        "RECORDS_DATABASE_URL": records.writer,
        "SNAPSHOT_DIR": str(folder / "snapshots"),
        "TENURE_CONFIG": str(company.config),
        "TENURE_JOBS": "off",
        "SMTP_URL": office.url,
        "SECRET_KEY": "x" * 32,
        "PUBLIC_URL": urls["nginx"],
        "STREAMLIT_SECRETS_FILES": str(folder / "secrets.toml"),
    }
    commands = {
        **{name: ["-m", "queries.refresh", "--every", "2s"] for name in REFRESHERS},
        "a": ["-m", "streamlit", "run", "app.py", "--server.port", str(ports["a"])],
        "b": ["-m", "streamlit", "run", "app.py", "--server.port", str(ports["b"])],
        "worker-1": ["-m", "outreach.worker"],
        "worker-2": ["-m", "outreach.worker"],
    }
    processes = {
        name: Process([sys.executable, *command], environment | _named(product, name), folder / f"{name}.log")
        for name, command in commands.items()
    }
    command = [nginx, "-p", str(folder), "-c", "nginx.conf", "-e", str(folder / "nginx.log")]
    processes["nginx"] = Process(command, {}, folder / "nginx.log")
    servers = {name: urls[name] for name in ("a", "b")}
    store = Store(environment["SNAPSHOT_DIR"])
    held = configuration.read(company.config, environment | {"PRODUCT_DATABASE_URL": product})
    held = held.model_copy(update={"records_owner_url": records.owner})
    made = Fleet(urls["nginx"], servers, processes, company, records, store, folder, held)
    try:
        refresh.run(held)
        made.whole()
        with ThreadPoolExecutor(2) as threads:  # modules are compiled when they are first used
            list(threads.map(made.first_look, servers))
        yield made
    finally:
        for each in processes.values():
            each.kill(signal.SIGTERM if each is processes["nginx"] else signal.SIGKILL)
        company.close()


def _named(product: str, name: str) -> dict[str, str]:
    """The product database under a name by which its connections can be told apart."""
    return {"PRODUCT_DATABASE_URL": f"{product}{'&' if '?' in product else '?'}application_name={name}"}


def _configure_nginx(folder: Path, ports: Mapping[str, int]) -> None:
    """The configuration that the documentation shows, with the addresses filled in."""
    shown = (ROOT / "docs" / "nginx.conf").read_text(encoding="utf-8")
    for there, here in (
        ("listen 80;", f"listen 127.0.0.1:{ports['nginx']};"),
        ("server_name tenure.example.com;", "server_name 127.0.0.1;"),
        ("10.0.0.1:8501", f"127.0.0.1:{ports['a']}"),
        ("10.0.0.2:8501", f"127.0.0.1:{ports['b']}"),
        (r"10\.0\.0\.1:8501", rf"127\.0\.0\.1:{ports['a']}"),
        (r"10\.0\.0\.2:8501", rf"127\.0\.0\.1:{ports['b']}"),
    ):
        assert there in shown, there
        shown = shown.replace(there, here)
    (folder / "tenure.conf").write_text(shown, encoding="utf-8")
    user = "user root;" if os.geteuid() == 0 else ""
    (folder / "nginx.conf").write_text(_NGINX.format(folder=folder, user=user), encoding="utf-8")
