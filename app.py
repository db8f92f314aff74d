"""The server: Streamlit pages, public endpoints and background jobs in one ASGI app; ``streamlit run app.py``."""

from __future__ import annotations

import asyncio
import base64
import hashlib
import logging
import os
import re
from collections.abc import AsyncIterator, Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager, suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import streamlit as st
from starlette.datastructures import MutableHeaders
from starlette.middleware import Middleware
from starlette.middleware.trustedhost import TrustedHostMiddleware
from starlette.requests import Request
from starlette.responses import HTMLResponse, JSONResponse
from starlette.routing import Route
from starlette.types import ASGIApp, Message, Receive, Scope, Send

import settings
from outreach import worker
from outreach.public import Public
from pages.shared import warming
from pages.shared.boundary import on_script_error
from queries import frames, refresh
from queries.errors import NoSnapshot

HERE = Path(__file__).resolve().parent
READY_SECONDS = 2.0
_LOOPBACK = {"127.0.0.1", "::1", "localhost"}
_log = logging.getLogger("tenure.server")


def _read_settings() -> settings.Settings:
    """The settings, or an end that says what is wrong with them instead of a traceback."""
    try:
        return settings.get()
    except settings.SettingsError as error:
        raise SystemExit(str(error)) from None


def refuse_strangers(address: str | None) -> None:
    """Without sign-in, whoever reaches the server sees everything: only this machine may."""
    if address not in _LOOPBACK:
        raise SystemExit(
            f"Tenure has no sign-in configured, so it serves this machine only, not {address or 'every address'}.\n\n"
            'Hint: leave server.address at "127.0.0.1" in .streamlit/config.toml, and put a proxy that signs people '
            "in before it."
        )


def _index() -> str:
    """Streamlit's page, told where its server is, and to fetch what draws figures while the page is still starting.

    Without the first, a page opened by its own address first asks ``/overview/_stcore/health``, is refused, waits, and
    asks again at ``/``: half a second lost and two errors in the console. Without the second, the browser asks for
    Plotly's four megabytes when the first figure arrives, and compiles them while people wait.
    """
    static = Path(st.__file__).parent / "static"
    page = (static / "index.html").read_text(encoding="utf-8")
    figures = [path.relative_to(static).as_posix() for path in (static / "static" / "js").glob("PlotlyChart.*.js")]
    preloads = "".join(f'<link rel="modulepreload" crossorigin href="./{path}">' for path in figures)
    told = '<script>window.__streamlit = {BACKEND_BASE_URL: new URL(".", location).href}</script>'
    return page.replace("<head>", f"<head>{told}", 1).replace("</head>", f"{preloads}</head>", 1)


def _inline_scripts(page: str) -> str:
    """The hashes of the scripts written into a page, which the content policy would refuse otherwise."""
    bodies = re.findall(r"<script>(.*?)</script>", page, flags=re.DOTALL)
    digests = (base64.b64encode(hashlib.sha256(body.encode()).digest()).decode() for body in bodies)
    return " ".join(f"'sha256-{digest}'" for digest in digests)


INDEX = _index()
HEADERS = {
    "Content-Security-Policy": "; ".join(
        (
            "default-src 'self'",
            f"script-src 'self' {_inline_scripts(INDEX)}",
            "style-src 'self' 'unsafe-inline'",
            "img-src 'self' data: blob:",
            "font-src 'self' data:",
            "connect-src 'self'",
            "worker-src 'self' blob:",
            "object-src 'none'",
            "base-uri 'self'",
            "form-action 'self'",
            "frame-ancestors 'none'",
        )
    ),
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Permissions-Policy": "camera=(), geolocation=(), microphone=(), payment=(), usb=()",
}


class SecurityHeaders:
    """Adds the security headers to every response; those a route has set itself stay."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answers one request."""

        async def with_headers(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                for name, value in HEADERS.items():
                    headers.setdefault(name, value)
            await send(message)

        await self.app(scope, receive, with_headers if scope["type"] == "http" else send)


_PATIENCE: dict[str, Any] = {  # a server that is cut off or frozen must not hold a thread for hours
    "connect_timeout": 2,
    "options": "-c statement_timeout=1500",
    "keepalives_idle": 5,
    "keepalives_interval": 2,
    "keepalives_count": 2,
    "tcp_user_timeout": 4000,
}


def _database_answers(url: str | None) -> bool:
    import psycopg2  # the web server starts without a driver's import time

    if url is None:
        return False
    try:
        dsn = re.sub(r"^(postgres(?:ql)?)\+\w+://", r"\1://", url)
        connection = psycopg2.connect(dsn, **_PATIENCE)
        try:
            with connection.cursor() as cursor:
                cursor.execute("SELECT 1")
                return bool(cursor.fetchone() == (1,))
        finally:
            connection.close()
    except psycopg2.Error:
        return False


def _snapshot(held: settings.Settings, now: datetime) -> dict[str, Any]:
    try:
        found = frames.open_snapshot(frames.current_id(held), frames.Scope(), held).manifest
    except NoSnapshot:
        return {"ok": False, "state": "none yet"}
    age = now - found.as_of
    young = age <= held.refresh.stale_after
    state = "young enough" if young else "too old"
    return {"ok": young, "state": state, "id": found.id, "age_seconds": round(age.total_seconds())}


_probes = ThreadPoolExecutor(max_workers=3, thread_name_prefix="ready")
_running: dict[str, asyncio.Future[Any]] = {}


async def _bounded(check: Callable[..., Any], *arguments: Any, otherwise: Any) -> Any:
    """A blocking check in a thread, waited for two seconds. While one hangs, no second one is started."""
    name = check.__name__
    if name not in _running or _running[name].done():
        _running[name] = asyncio.get_running_loop().run_in_executor(_probes, check, *arguments)
    try:
        return await asyncio.wait_for(asyncio.shield(_running[name]), READY_SECONDS)
    except TimeoutError:
        return otherwise
    except Exception:
        _log.exception("a readiness check failed")
        return otherwise


async def ready(request: Request) -> JSONResponse:
    """200 when a young snapshot is there and the product database answers, else 503; says which of them is not so.

    Anybody may ask, so it names no host, no table and no error text; those are on the Data page and in the log.
    """
    held = settings.get()
    database, snapshot, failure = await asyncio.gather(
        _bounded(_database_answers, held.product_database_url, otherwise=False),
        _bounded(_snapshot, held, datetime.now(UTC), otherwise={"ok": False, "state": "cannot be read"}),
        _bounded(frames.last_failure, held, otherwise=None),
    )
    good = database and snapshot["ok"]
    body = {
        "ready": good,
        "database": {"ok": database, "state": "answers" if database else "does not answer"},
        "snapshot": snapshot,
        "last_failed_refresh": None if failure is None else failure.at.isoformat(),
    }
    return JSONResponse(body, status_code=200 if good else 503, headers={"Cache-Control": "no-store"})


def page_names() -> list[str]:
    """The addresses of the pages."""
    return sorted(path.stem for path in (HERE / "pages").glob("*.py") if path.stem not in ("__init__", "frame"))


async def index(request: Request) -> HTMLResponse:
    """The page every address of a page answers with; the frame decides what it shows."""
    return HTMLResponse(INDEX, headers={"Cache-Control": "no-cache"})


@asynccontextmanager
async def lifespan(app: st.App) -> AsyncIterator[None]:
    """While the server runs, keeps its pages' answers warm and, unless ``TENURE_JOBS=off``, refreshes and sends."""
    jobs = [asyncio.create_task(warming.keep_warm(), name="warming")]
    if os.environ.get("TENURE_JOBS", "on").lower() != "off":
        jobs.append(asyncio.create_task(refresh.keep_refreshing(settings.get()), name="refresh"))
        jobs.append(asyncio.create_task(worker.keep_sending(settings.get()), name="sending"))
    try:
        yield
    finally:
        for job in jobs:
            job.cancel()
        for job in jobs:
            with suppress(asyncio.CancelledError):
                await job


_read_settings()
refuse_strangers(st.get_option("server.address"))
app = st.App(
    HERE / "pages" / "frame.py",
    lifespan=lifespan,
    routes=[
        Route("/ready", ready),
        *Public(settings.get).routes(),
        *(Route(f"/{name}", index) for name in page_names()),
    ],
    middleware=[
        Middleware(SecurityHeaders),
        Middleware(
            TrustedHostMiddleware, allowed_hosts=st.get_option("server.allowedHosts") or ["*"], www_redirect=False
        ),
    ],
    on_script_error=on_script_error,
)
