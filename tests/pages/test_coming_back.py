"""The way back from signing in: to the page that was opened, and never to anywhere else."""

from __future__ import annotations

import asyncio
from urllib.parse import quote, urlsplit

import httpx
import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import PlainTextResponse, RedirectResponse, Response
from starlette.routing import Route

from pages.shared.coming_back import COOKIE, LONGEST, ComingBack

PAGES = ["account", "churn_reasons", "overview"]
HERE = "https://tenure.example"


def application(base: str = "") -> Starlette:
    """What Streamlit does: off to the provider, and back to the first page, with a cookie that says who it is."""

    async def back(request: Request) -> Response:
        answer = RedirectResponse(f"{base}/", status_code=302)
        answer.set_cookie("_streamlit_user", "ada")
        return answer

    return Starlette(
        routes=[
            Route(f"{base}/auth/login", lambda _: RedirectResponse("https://provider.example/", status_code=302)),
            Route(f"{base}/oauth2callback", back),
            Route(f"{base}/refused", lambda _: PlainTextResponse("no", status_code=400)),
        ],
        middleware=[Middleware(ComingBack, pages=PAGES)],
    )


def ask(path: str, *, base: str = "", **headers: str) -> httpx.Response:
    """One request of a visitor without cookies."""

    async def asked() -> httpx.Response:
        transport = httpx.ASGITransport(application(base))
        async with httpx.AsyncClient(transport=transport, base_url=HERE) as client:
            return await client.get(f"{base}{path}", headers=headers)

    return asyncio.run(asked())


def led_to(address: str, base: str = "") -> str:
    """Where somebody lands who signs in from ``address``."""
    gone = ask("/auth/login", base=base, referer=address)
    held = gone.cookies.get(COOKIE)
    cookie = {} if held is None else {"cookie": f"{COOKIE}={held}"}
    return ask("/oauth2callback", base=base, **cookie).headers["location"]


@pytest.mark.parametrize(
    "address", ["/account?account=1002", "/churn_reasons", "/account?account=a%2Fb%20c%C3%A9&tab=2", "/overview?"]
)
def test_whoever_signs_in_is_back_on_the_page_they_opened(address):
    assert led_to(f"{HERE}{address}") == address.rstrip("?")
    assert led_to(f"{HERE}/base{address}", base="/base") == f"/base{address}".rstrip("?")


@pytest.mark.parametrize(
    "address",
    ["", HERE, f"{HERE}/", f"{HERE}/ready", f"{HERE}/auth/logout", f"{HERE}/account/x",
     f"{HERE}/account?{'x' * LONGEST}", "https://evil.example/", "not an address"],
)  # fmt: skip
def test_from_anywhere_else_it_leads_to_the_first_page(address):
    assert led_to(address) == "/"


def test_the_memory_lasts_for_one_way_back_and_no_script_reads_it():
    told = ask("/auth/login", referer=f"{HERE}/account?account=1").headers["set-cookie"]
    assert "HttpOnly" in told
    assert "SameSite=lax" in told
    assert "Max-Age=900" in told
    back = ask("/oauth2callback", cookie=f"{COOKIE}={quote('account?account=1', safe='')}")
    assert [value.partition("=")[0] for value in back.headers.get_list("set-cookie")] == ["_streamlit_user", COOKIE]
    assert "Max-Age=0" in back.headers.get_list("set-cookie")[1]


def test_no_other_answer_is_changed():
    refused = ask("/refused", cookie=f"{COOKIE}=account", referer=f"{HERE}/account")
    assert (refused.status_code, "set-cookie" in refused.headers) == (400, False)


@given(
    cookie=st.text(max_size=40) | st.sampled_from(PAGES).flatmap(lambda page: st.text(max_size=20).map(page.__add__))
)
@example("//evil.example/account")
@example("https://evil.example/account")
@example("account\r\nset-cookie: a=b")
@example("account?\r\nlocation: https://evil.example")
@example("account@evil.example")
@example("../account")
@example("account?x\\@evil.example")
def test_whatever_a_cookie_says_it_leads_to_a_page_of_ours(cookie):
    answer = ask("/oauth2callback", cookie=f"{COOKIE}={quote(cookie, safe='')}")
    place = urlsplit(answer.headers["location"])
    assert (place.scheme, place.netloc, answer.status_code) == ("", "", 302)
    assert place.path in {"/", *(f"/{page}" for page in PAGES)}
    assert {value.partition("=")[0] for value in answer.headers.get_list("set-cookie")} <= {"_streamlit_user", COOKIE}
