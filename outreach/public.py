"""The pages behind the links in messages: no sign-in, no cookie, no script. Looking at one changes nothing.

``/unsubscribe/{token}`` shows one button and ``/answer/{token}`` one question; only a POST changes anything, and the
same POST again changes nothing more. ``/hooks/bounce`` takes what a mail provider says of messages that came back.
Whoever asks too often gets 429 before anything is looked up, and while the database is away everybody gets 503: mail
programs then unsubscribe again later, and people find what they wrote still in the form.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime

from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response
from starlette.routing import Route

from outreach import public_forms, public_work
from outreach.public_limits import Buckets, Busy, Places, TooLarge, TooSlow, body
from outreach.public_page import POLICY, html
from outreach.public_words import SHIPPED, choose
from outreach.public_work import Shown
from outreach.tokens import BadToken, Purpose, read
from records.errors import RecordsError
from settings import Settings, SettingsError

MOST_BYTES = 64 * 1024
BODY_SECONDS = 10.0
HEADERS = {
    "Content-Security-Policy": POLICY,
    "Cache-Control": "no-store",
    "Referrer-Policy": "no-referrer",
    "X-Robots-Tag": "noindex, nofollow, noarchive",
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
}
_log = logging.getLogger("tenure.public")


def _now() -> datetime:
    return datetime.now(UTC)


@dataclass
class Public:
    """The public pages of one server, with what keeps their visitors from getting in its way.

    A visitor's address is the one that the server sees. Behind a proxy that is the proxy's, unless the proxy is on
    this machine or ``FORWARDED_ALLOW_IPS`` names it: only then is its X-Forwarded-For believed.
    """

    settings: Callable[[], Settings]
    clock: Callable[[], datetime] = _now
    ticks: Callable[[], float] = time.monotonic
    buckets: Buckets = field(default_factory=lambda: Buckets(burst=120, per_second=4))
    places: Places = field(default_factory=lambda: Places(threads=2, most=32))

    def routes(self) -> list[Route]:
        """The routes, for the server to mount before its own."""
        return [
            Route("/unsubscribe/{token:path}", self.unsubscribe, methods=["GET", "POST"]),
            Route("/answer/{token:path}", self.answer, methods=["GET", "POST"]),
            Route("/hooks/bounce", self.bounce, methods=["POST"]),
        ]

    async def unsubscribe(self, request: Request) -> Response:
        """GET asks, POST unsubscribes; a POST of the small button on the page behind it subscribes again."""
        return await self._guarded(request, "unsubscribe", self._unsubscribe)

    async def answer(self, request: Request) -> Response:
        """GET shows the question, POST stores the answer in place of the one before."""
        return await self._guarded(request, "answer", self._answer)

    async def bounce(self, request: Request) -> Response:
        """Takes signed reports of messages that came back; says nothing but whether they were taken."""
        if not self._allowed(request):
            return _bare(429)
        try:
            content = await self._body(request)
            held, headers = self.settings(), dict(request.headers)
            return _bare(await self.places.run(public_work.bounced, held, headers, content, self.clock()))
        except TooLarge:
            return _bare(413)
        except (TooSlow, ClientDisconnect):
            return _bare(408)
        except (Busy, RecordsError):
            return _bare(503)

    async def _guarded(
        self, request: Request, purpose: Purpose, work: Callable[[Request, Settings, str], Awaitable[Shown]]
    ) -> Response:
        """``work``, with everything that can go wrong turned into a calm page."""
        held = self.settings()
        accepted = request.headers.get("accept-language", "")
        language = choose(accepted, fallback=held.organisation.language)
        if not self._allowed(request):
            return _page(held, public_work.busy(language))
        try:
            return _page(held, await work(request, held, language))
        except BadToken:
            shown = public_work.unknown(language)
        except TooLarge:
            shown = public_work.too_large(language)
        except (TooSlow, ClientDisconnect):
            shown = public_work.too_slow(language)
        except (Busy, RecordsError, SettingsError) as error:
            _log.warning("a public page of %s could not be answered: %s", purpose, type(error).__name__)
            shown = public_work.later(language)
        except Exception:
            _log.exception("a public page of %s stopped unexpectedly", purpose)
            shown = replace(public_work.later(language), status=500)
        return _page(held, shown)

    async def _unsubscribe(self, request: Request, held: Settings, language: str) -> Shown:
        message_id = read(held, "unsubscribe", request.path_params["token"])
        if request.method != "POST":
            return await self.places.run(public_work.show_unsubscribe, held, message_id, language)
        sent = await public_forms.fields(await self._body(request), request.headers.get("content-type", ""))
        again = sent.get("do") == "again"
        language = _chosen(sent, language)
        try:
            return await self.places.run(public_work.unsubscribe, held, message_id, language, again, self.clock())
        except (Busy, RecordsError) as error:
            _log.warning("an opt-out was answered with 503: %s", type(error).__name__)
            return public_work.unsubscribe_later(held, language, again)

    async def _answer(self, request: Request, held: Settings, language: str) -> Shown:
        message_id = read(held, "answer", request.path_params["token"])
        if request.method != "POST":
            score = public_forms.score(request.query_params.get("score"))
            return await self.places.run(public_work.show_question, held, message_id, language, score)
        sent = await public_forms.fields(await self._body(request), request.headers.get("content-type", ""))
        language = _chosen(sent, language)
        try:
            return await self.places.run(public_work.answer, held, message_id, language, sent, self.clock())
        except (Busy, RecordsError) as error:
            _log.warning("an answer was answered with 503: %s", type(error).__name__)
            return public_work.answer_later(held, language, sent)

    async def _body(self, request: Request) -> bytes:
        declared = request.headers.get("content-length")
        return await body(request.stream(), declared=declared, most=MOST_BYTES, seconds=BODY_SECONDS)

    def _allowed(self, request: Request) -> bool:
        client = request.client
        return self.buckets.take(client.host if client else "", self.ticks())


def _chosen(sent: dict[str, str], language: str) -> str:
    """The language of the page whose form was sent: it holds when the message cannot be asked."""
    given = sent.get("language", "")
    return given if given in SHIPPED else language


def _page(held: Settings, shown: Shown) -> Response:
    content = html(shown.page, language=shown.language, company=held.organisation.name)
    more = {"Retry-After": "60"} if shown.status in (429, 503) else {}
    return Response(content, status_code=shown.status, media_type="text/html", headers=HEADERS | more)


def _bare(status: int) -> Response:
    more = {"Retry-After": "60"} if status in (429, 503) else {}
    return Response(b"", status_code=status, headers=HEADERS | more)
