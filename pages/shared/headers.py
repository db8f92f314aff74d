"""The page that the browser opens first, and the security headers that every answer carries."""

from __future__ import annotations

import base64
import hashlib
import re
from pathlib import Path

import streamlit as st
from starlette.datastructures import MutableHeaders
from starlette.responses import PlainTextResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send


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
"""What every address of a page answers with."""
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


CLOSED = "/_stcore/metrics"
"""Where Streamlit tells whoever asks what is cached, how often it was asked for, and how many people are looking."""


class SecurityHeaders:
    """Adds the security headers to every response, failures too; those a route has set itself stay."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answers one request."""
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        begun = False

        async def with_headers(message: Message) -> None:
            nonlocal begun
            if message["type"] == "http.response.start":
                begun = True
                headers = MutableHeaders(scope=message)
                for name, value in HEADERS.items():
                    headers.setdefault(name, value)
                if scope["scheme"] == "https":
                    message["headers"] = [_over_tls_only(*header) for header in message["headers"]]
            await send(message)

        if scope["path"].rstrip("/").endswith(CLOSED):
            await PlainTextResponse("Not Found", 404)(scope, receive, with_headers)
            return
        try:
            await self.app(scope, receive, with_headers)
        except Exception:
            if not begun:  # Starlette's own answer would stand outside of this, without headers
                await PlainTextResponse("Internal Server Error", 500)(scope, receive, with_headers)
            raise


def _over_tls_only(name: bytes, value: bytes) -> tuple[bytes, bytes]:
    """A header; a cookie that Streamlit lets travel in the clear is kept from it where the visitor came over TLS."""
    clear = name.lower() == b"set-cookie" and b"; secure" not in value.lower()
    return name, value + b"; Secure" if clear else value
