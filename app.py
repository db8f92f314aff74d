"""The server: Streamlit pages, public endpoints and background jobs in one ASGI app; ``streamlit run app.py``."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from pathlib import Path

import streamlit as st
from starlette.middleware import Middleware
from starlette.middleware.trustedhost import TrustedHostMiddleware
from starlette.requests import Request
from starlette.responses import HTMLResponse
from starlette.routing import Route

import settings
from outreach import worker
from outreach.public import Public
from pages.shared import sign_in, viewer, warming
from pages.shared.boundary import on_script_error
from pages.shared.coming_back import ComingBack
from pages.shared.headers import INDEX, SecurityHeaders
from pages.shared.readiness import ready
from queries import refresh

HERE = Path(__file__).resolve().parent
_LOOPBACK = {"127.0.0.1", "::1", "localhost"}


def _read_settings() -> settings.Settings:
    """The settings, or an end that says what is wrong with them instead of a traceback."""
    try:
        return settings.get()
    except settings.SettingsError as error:
        raise SystemExit(str(error)) from None


def refuse_strangers(address: str | None) -> None:
    """Without sign-in, whoever reaches the server sees everything: only this machine may. With it, it must work."""
    if viewer.protected():
        wrong = sign_in.problem()
        if wrong is not None:
            raise SystemExit(f"Nobody could sign in, so Tenure does not start.\n\nHint: {wrong}")
    elif address not in _LOOPBACK:
        raise SystemExit(
            f"Tenure has no sign-in configured, so it serves this machine only, not {address or 'every address'}.\n\n"
            "Hint: fill in [auth] in .streamlit/secrets.toml (secrets.example.toml shows how) before others may reach "
            'it, or leave server.address at "127.0.0.1" in .streamlit/config.toml.'
        )


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
    if settings.environment().get("TENURE_JOBS", "on").lower() != "off":
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
        Middleware(ComingBack, pages=page_names()),
    ],
    on_script_error=on_script_error,
)
