"""Signing in with an identity provider, in Chromium: who comes in, with which role, and who sees nothing."""

from __future__ import annotations

import shutil
import tomllib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import polars as pl
import pytest

from pages.shared import sign_in, viewer
from pages.shared.navigation import PAGES
from queries.frames import Frames, Scope, current_id, open_snapshot
from tests.pages import browser
from tests.pages.canaries import csm
from tests.pages.canary_company import Company

pytestmark = [pytest.mark.browser, pytest.mark.slow]
NAMES = [entry.name for entries in PAGES.values() for entry in entries]
AUTH = """[auth]
redirect_uri = "http://127.0.0.1:{{port}}/oauth2callback"
cookie_secret = "only-for-tests-but-at-least-32-characters-long"
client_id = "tenure"
client_secret = "only for tests"
server_metadata_url = "http://localhost:{port}/.well-known/openid-configuration"
"""


@pytest.fixture(scope="module")
def frames(company: Company) -> Frames:
    """A small company's snapshot, whole."""
    return open_snapshot(current_id(company.held), Scope(), company.held)


@pytest.fixture(scope="module")
def csms(frames: Frames) -> list[tuple[str, set[str]]]:
    """Two CSMs, and the names of the accounts of each that no other account has."""
    whose = pl.col("csm_email").str.strip_chars().str.to_lowercase()
    named = frames.accounts.select("name", csm=whose).collect().unique("name", keep="none")
    return [(csm(owner), set(named.filter(csm=csm(owner))["name"])) for owner in ("ada", "bo")]


@pytest.fixture(scope="module")
def provider(csms) -> Iterator[str]:
    """An identity provider's port: it knows two CSMs, an executive, an admin by address, and somebody without role."""
    mock = pytest.importorskip("oidc_provider_mock")
    users = [
        *(mock.User(sub=address, claims={"email": address, "groups": ["staff", "cs-team"]}) for address, _ in csms),
        mock.User(sub="eve", claims={"email": "eve@us.example", "groups": "executive"}),
        mock.User(sub="abe", claims={"email": "Abe@us.example"}),
        mock.User(sub="max", claims={"email": "max@us.example", "groups": ["staff"]}),
        mock.User(sub="mal", claims={"email": "abe@us.example", "email_verified": False}),
    ]
    with mock.run_server_in_thread(user_claims=users) as server:
        yield str(server.server_port)


@pytest.fixture(scope="module")
def server(provider: str, company: Company, tmp_path_factory) -> Iterator[browser.Server]:
    """A small company's pages behind sign-in; a CSM sees their own accounts."""
    folder = tmp_path_factory.mktemp("signed")
    config = shutil.copytree(browser.ROOT / "config", folder / "config")
    path = config / "settings.toml"
    told = path.read_text(encoding="utf-8").replace('csm_scope = "all"', 'csm_scope = "own"')
    told = told.replace('role_claim = "roles"', 'role_claim = "groups"')
    told = told.replace("[access.claims]", '[access.claims]\n"cs-team" = "csm"')
    path.write_text(told + '"abe@us.example" = "admin"\n', encoding="utf-8")
    assert tomllib.loads(path.read_text(encoding="utf-8"))["access"]["csm_scope"] == "own"
    secrets = folder / "secrets.toml"
    secrets.write_text(AUTH.format(port=provider), encoding="utf-8")
    environment = {
        "SNAPSHOT_DIR": company.held.snapshot_dir,
        "PRODUCT_DATABASE_URL": company.records.writer,
        "TENURE_CONFIG": str(config),
        "TENURE_JOBS": "off",
        "STREAMLIT_SECRETS_FILES": str(secrets),
    }
    with browser.serving(environment) as running:
        yield running


@pytest.fixture(scope="module")
def chromium() -> Iterator[Callable[[], browser.Opened]]:
    """A new visitor with every call: nothing of another's cookies."""
    with browser.opened() as first:
        made = []

        def visitor() -> browser.Opened:
            context = first.page.context.browser.new_context(viewport={"width": 1440, "height": 900}, locale="en-GB")
            made.append(context)
            return browser.Opened(context.new_page())

        yield visitor
        for context in made:
            context.close()


def enter(seen: browser.Opened, server: browser.Server, sub: str, address: str = "overview") -> None:
    """Sign in as ``sub`` at the provider, and come back to the ``address`` that was opened."""
    seen.go(f"{server.url}/{address}")
    seen.page.get_by_role("button", name="Sign in").click()
    seen.page.get_by_role("button", name=sub, exact=True).first.click()
    seen.page.wait_for_url(f"{server.url}/{address}")
    seen.page.get_by_role("button", name="Sign out").first.wait_for()


def listed(seen: browser.Opened) -> set[str]:
    links = seen.page.locator('[data-testid="stSidebarNavLink"]').all()
    return {str(link.get_attribute("href")).rsplit("/", 1)[-1] for link in links}


@contextmanager
def as_(sub: str, chromium, server, address: str = "overview") -> Iterator[browser.Opened]:
    seen = chromium()
    enter(seen, server, sub, address)
    yield seen
    seen.page.context.close()


def everything(seen: browser.Opened) -> str:
    return str(seen.page.locator("body").inner_text()).replace("\u2060", "")  # ours, so that no address becomes a link


def test_nobody_sees_anything_before_signing_in_whatever_the_address(server, chromium, frames):
    names = set(frames.accounts.select("name").collect()["name"].drop_nulls())
    seen = chromium()
    for name in browser.some(NAMES, "overview", "account"):
        seen.go(f"{server.url}/{name}?account={frames.accounts.collect()['account_id'][0]}")
        told = everything(seen)
        assert "Sign in to see who stays" in told, name
        assert not listed(seen)
        assert not [each for each in names if each in told], name
        assert "€" not in told


def test_an_executive_signs_in_reads_numbers_and_signs_out(server, chromium):
    with as_("eve", chromium, server) as seen:
        assert "eve@us.example · executive" in everything(seen)
        assert "no sign-in" not in everything(seen)
        assert {"overview", "cohorts", "nps"} <= listed(seen)
        assert not {"contacts", "campaigns"} & listed(seen)
        seen.go(f"{server.url}/contacts")
        assert "Contacts is not part of your role" in seen.text()
        assert "€" not in seen.text()
        seen.page.get_by_role("button", name="Sign out").first.click()
        seen.page.wait_for_url("**/end_session**")  # the provider's own page: the way out of the provider too
        seen.go(f"{server.url}/overview")
        assert "Sign in to see who stays" in everything(seen)


def test_whoever_has_no_role_is_told_so_and_sees_no_data(server, chromium):
    for sub in browser.some(("max", "mal"), "mal"):  # who brings an admin's address that the provider has not verified
        with as_(sub, chromium, server) as seen:
            assert "You have no role here yet" in everything(seen)
            assert not listed(seen)
            assert "€" not in everything(seen)


@pytest.mark.thorough
def test_an_address_in_the_settings_gives_a_role_whatever_its_case(server, chromium):
    with as_("abe", chromium, server) as seen:
        assert "abe@us.example · admin" in everything(seen)
        assert listed(seen) == set(NAMES)


def test_two_csms_at_the_same_page_at_the_same_time_see_each_their_own(server, chromium, csms, frames):
    (ada, hers), (bo, his) = csms
    name, one = frames.accounts.filter(pl.col("name").is_in(hers)).select("name", "account_id").collect().row(0)
    link = f"account?account={one}"  # as a digest or a colleague sends it
    with as_(ada, chromium, server, link) as first, as_(bo, chromium, server) as second:
        first.page.wait_for_url(f"{server.url}/{link}")
        first.page.get_by_role("heading", name=name).first.wait_for()
        looks = [(first, hers, his), (second, his, hers), (first, hers, his)]  # the third from what was remembered
        for seen, mine, others in looks:
            seen.go(f"{server.url}/account")
            seen.page.locator('[data-testid="stSelectbox"] input').first.click()
            seen.page.locator('[role="listbox"] [role="option"]').first.wait_for()
            told, offered = everything(seen), seen.page.locator('[role="listbox"]').inner_text()
            assert [each for each in mine if each in offered]
            assert not [each for each in others if each in told]
            seen.page.keyboard.press("Escape")


def test_a_forged_cookie_is_nobodys(server, chromium):
    seen = chromium()
    forged = '{"is_logged_in": true, "email": "abe@us.example", "groups": ["admin"]}'
    seen.page.context.add_cookies(
        [{"name": name, "value": forged.replace('"', "%22").replace(", ", "%2C"), "url": server.url}
         for name in ("_streamlit_user", "_streamlit_user_tokens")]
    )  # fmt: skip
    seen.go(f"{server.url}/overview")
    assert "Sign in to see who stays" in everything(seen)


@pytest.mark.parametrize(
    ("section", "wanted"),
    [
        ({"redirect_uri": "x", "cookie_secret": "y" * 40, "client_id": "a"}, "client_secret"),
        ({"cookie_secret": "y" * 40}, "redirect_uri"),
        ({"redirect_uri": "x", "cookie_secret": "short", "client_id": "a", "client_secret": "b",
          "server_metadata_url": "http://p"}, "shorter than 32"),
    ],
)  # fmt: skip
def test_half_a_sign_in_is_refused_at_the_start_with_what_is_missing(monkeypatch, tmp_path, section, wanted):
    lines = "".join(f'{name} = "{value}"\n' for name, value in section.items())
    (tmp_path / "secrets.toml").write_text(f"[auth]\n{lines}", encoding="utf-8")
    with secrets_of(tmp_path / "secrets.toml"):
        monkeypatch.setattr(viewer, "protected", lambda: True)
        assert wanted in (sign_in.problem() or "")


@contextmanager
def secrets_of(path: Path) -> Iterator[None]:
    """Streamlit's secrets from one file, and as they were afterwards."""
    from streamlit import config
    from streamlit.runtime.secrets import secrets_singleton

    before = config.get_option("secrets.files")
    secrets_singleton._reset()
    config.set_option("secrets.files", [str(path)])
    try:
        yield
    finally:
        config.set_option("secrets.files", before)
        secrets_singleton._reset()
