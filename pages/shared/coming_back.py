"""Who signs in is back on the page they had opened; Streamlit by itself sends everybody to the first one."""

from __future__ import annotations

import re
from collections.abc import Callable, Collection
from functools import partial
from urllib.parse import quote, unquote, urlsplit

from starlette.datastructures import MutableHeaders
from starlette.requests import Request
from starlette.responses import Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

COOKIE = "tenure_back_to"
SECONDS = 15 * 60
LONGEST = 2000
"""Characters of an address that is remembered; with a longer one, signing in leads to the first page."""
_ADDRESS = re.compile(r"(?P<page>[a-z_]+)(\?[!-~]*)?")


class ComingBack:
    """Remembers in a cookie from which of ``pages`` somebody went to sign in, and leads there afterwards.

    Whatever a Referer or a cookie says, that is a page of ours.
    """

    def __init__(self, app: ASGIApp, pages: Collection[str]) -> None:
        self.app = app
        self.pages = frozenset(pages)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answers one request."""
        change = self._change(Request(scope)) if scope["type"] == "http" else None
        if change is None:
            await self.app(scope, receive, send)
            return

        async def changed(message: Message) -> None:
            if message["type"] == "http.response.start":
                change(MutableHeaders(scope=message))
            await send(message)

        await self.app(scope, receive, changed)

    def _change(self, request: Request) -> Callable[[MutableHeaders], None] | None:
        """What happens to the headers of the answer; None where a page has nothing to do with it."""
        if request.url.path.endswith("/auth/login"):
            came = urlsplit(request.headers.get("referer", ""))
            address = self._ours(came.path.rpartition("/")[2] + (f"?{came.query}" if came.query else ""))
            return partial(_remember, address) if address else None
        if request.url.path.endswith("/oauth2callback"):
            address = self._ours(unquote(request.cookies.get(COOKIE, "")))
            return partial(_lead_to, address) if address else None
        return None

    def _ours(self, address: str) -> str | None:
        found = _ADDRESS.fullmatch(address)
        return address if found and found["page"] in self.pages and len(address) <= LONGEST else None


def _remember(address: str, headers: MutableHeaders) -> None:
    answer = Response()
    answer.set_cookie(COOKIE, quote(address, safe=""), max_age=SECONDS, httponly=True, samesite="lax")
    headers.append("set-cookie", answer.headers["set-cookie"])


def _lead_to(address: str, headers: MutableHeaders) -> None:
    answer = Response()
    answer.delete_cookie(COOKIE, httponly=True, samesite="lax")
    headers.append("set-cookie", answer.headers["set-cookie"])
    if "location" in headers:
        headers["location"] = f"{headers['location'].rstrip('/')}/{address}"
