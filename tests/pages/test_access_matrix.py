"""Every role, every page, every action, every file: what is allowed is done, what is not leaves nothing behind."""

from __future__ import annotations

import ast
from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

import polars as pl
import pytest

import settings
from pages.shared import data, navigation, packs, tables, viewer
from pages.shared.data import View
from pages.shared.viewer import NotAllowed, Viewer
from queries.frames import current_id
from reports.business_review import UnknownAccount
from reports.quarters import quarter_of
from tests.pages import canaries, deeds, opening
from tests.pages.canaries import ABE, ADA, EVE, PIA, word
from tests.pages.canary_company import Company
from tests.pages.reaching import calm, labels, said
from tests.records.conftest import rows

pytestmark = pytest.mark.postgres
SHARED = settings.ROOT / "pages"
OWN = "csm, own"
WHO: dict[str, Viewer | None] = {
    "signed out": None,
    "no role": canaries.viewer("max", None),
    "executive": EVE,
    "product": PIA,
    "csm": ADA,
    OWN: ADA,
    "admin": ABE,
}
ALL = ("executive", "product", "csm", OWN, "admin")
CSMS = ("csm", OWN, "admin")
DRAFTING = ("product", *CSMS)

PAGES = {
    "overview": ALL,
    "cohorts": ALL,
    "accounts": ALL,
    "account": ALL,
    "contacts": CSMS,
    "nps": ALL,
    "churn_reasons": ALL,
    "onboarding": ALL,
    "campaigns": DRAFTING,
    "results": ALL,
    "data": ALL,
}
"""Who may open each page."""

MAY = {
    "approve": (CSMS, ("admin",)),
    "discard": (DRAFTING, ("product", "admin")),
    "pause": (CSMS, ("admin",)),
    "resume": (CSMS, ("admin",)),
    "cancel": (CSMS, ("admin",)),
    "settle": (CSMS, ("admin",)),
    "log an answer": (CSMS, ("admin",)),
    "pause all": (("admin",), ("admin",)),
    "resume all": (("admin",), ("admin",)),
    "draft": (DRAFTING, ("product", "admin")),
    "goal": (CSMS, ("csm", "admin")),
    "note": (CSMS, ("csm", "admin")),
    "override": (CSMS, ("csm", "admin")),
    "themes": (DRAFTING, ("product", "csm", "admin")),
    "mark": (DRAFTING, ("product", "csm", "admin")),
    "join the digest": (("executive", "product", "admin"), ("executive", "product", "admin")),
    "subscribe another": (("admin",), ("admin",)),
    "refresh": (("admin",), ("admin",)),
}
"""Who may do what: about what is Ada's, and about what is another's (Ada is the CSM here)."""

FILES = {
    "table CSV": ALL,
    "table Excel": ALL,
    "board pack": ALL,
    "review slides": CSMS,
    "review Excel": CSMS,
    "prep sheet": CSMS,
}
"""Who may have which file."""


def as_role(patched: pytest.MonkeyPatch, company: Company, role: str) -> Viewer | None:
    """From here on somebody of this role looks."""
    patched.setattr(settings, "get", lambda: company.own if role == OWN else company.held)
    patched.setattr(viewer, "now", lambda: WHO[role])
    return WHO[role]


# --- pages ------------------------------------------------------------------------------------------------------------


class Drawn(NamedTuple):
    """What somebody sees at an address."""

    title: str | None
    said: str
    buttons: list[str]
    sent: bytes


@pytest.fixture(scope="module")
def drawn(company: Company) -> dict[tuple[str, str], Drawn]:
    """Every page as every role finds it, in one session for each."""
    found = {}
    for role in WHO:
        with pytest.MonkeyPatch.context() as patched:
            opening.unaudited(patched)
            as_role(patched, company, "signed out")
            seen = opening.begun()
            as_role(patched, company, role)
            for page in PAGES:
                query = {"account": word("ada", "account")} if page == "account" else {}
                seen = calm(opening.at(seen, page, **query))
                title = seen.title[0].value if seen.title else None
                found[role, page] = Drawn(title, said(seen), labels(seen), opening.told(seen))
    return found


def test_every_page_stands_in_the_table():
    listed = {each.name for entries in navigation.PAGES.values() for each in entries}
    files = {path.stem for path in SHARED.glob("*.py")} - {"__init__", "frame"}
    assert set(PAGES) == listed == files


@pytest.mark.parametrize("role", WHO)
def test_a_page_shows_its_finding_to_those_who_may_open_it_and_nothing_of_the_company_to_others(drawn, role):
    for page, allowed in PAGES.items():
        seen = drawn[role, page]
        if role in allowed:
            assert seen.title, page
            assert "not part of your role" not in seen.said
            assert "as of" in seen.said
            continue
        assert canaries.found(seen.sent) == set(), page
        assert "€".encode() not in seen.sent
        assert seen.title is None
        if role == "signed out":
            assert seen.buttons == ["Sign in"]
            assert "Sign in to see who stays" in seen.said
        elif role == "no role":
            assert seen.buttons == ["Sign out"]
            assert "You have no role here yet" in seen.said
        else:
            assert seen.buttons == []
            assert "is not part of your role" in seen.said
            assert "as of" not in seen.said


# --- what is done -----------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def session():
    return deeds.session()


def state(company: Company) -> list[tuple[Any, ...]]:
    """Every table of the records: how many rows, and a sum of their hashes."""
    tables = "SELECT table_name FROM information_schema.tables WHERE table_schema = 'tenure' ORDER BY 1"
    asked = [
        f"SELECT '{name}', count(*), sum(hashtext(t::text)::bigint) FROM tenure.{name} t"
        for (name,) in rows(company.records.owner, tables)
    ]
    return rows(company.records.owner, " UNION ALL ".join(asked))


@pytest.mark.parametrize("deed", deeds.DEEDS)
@pytest.mark.parametrize("owner", ["ada", "bo"])
def test_whoever_may_not_do_something_changes_nothing(company, session, fresh, monkeypatch, deed, owner):
    done = []
    for role in WHO:
        pressed = deeds.DEEDS[deed].made(company, owner)
        as_role(monkeypatch, company, role)
        before = state(company)
        assert not deeds.press(session, pressed).exception
        if state(company) != before:
            done.append(role)
    assert tuple(done) == MAY[deed][owner == "bo"]


WRITERS = {"viewer.actor", "viewer.require", "written.save", "saving.save"}
MODULES = ("records", "queries.refresh", "queries.erase", "queries.erasure", "queries.purge", "outreach.drafting")
"""Modules that write. What pages use of them writes, unless it stands below."""
READS = {
    "addresses.opt_outs", "answers.current", "answers.questions", "campaigns.accounts", "campaigns.campaign",
    "campaigns.events", "campaigns.history", "campaigns.list_campaigns", "campaigns.message", "campaigns.messages",
    "campaigns.uncertain", "corrections.current", "corrections.history", "corrections.version", "database.engine",
    "database.place", "digests.subscribers", "goals.current", "goals.version", "marks.current", "marks.version",
    "notes.current", "notes.version", "overrides.counted", "overrides.history", "overrides.version",
    "patience.at_most", "ready", "sending.pulse", "sending.state",
}  # fmt: skip
PLUMBING = {
    "digest._own": "draws the viewer's own line",
    "reach.acting._act": "through which most of acting goes",
    "reach.acting._operate": "through which the rest of it goes",
    "room.saving.save": "through which the account page's forms go",
    "trail._settled": "writes the audit log itself",
    "trail.viewed": "notes a look",
    "written.save": "through which everything goes",
}
"""Functions that stand for no button of their own, with what they are."""


def test_whatever_writes_stands_in_the_table():
    assert set(MAY) == set(deeds.DEEDS)
    assert set(acting()) == {deed.by for deed in deeds.DEEDS.values()} | set(PLUMBING)


def acting() -> dict[str, set[str]]:
    """The functions of pages that write, or ask who is acting, each with what it uses for that."""
    found = {}
    for path in sorted(SHARED.rglob("*.py")):
        module = ast.parse(path.read_text(encoding="utf-8"))
        name = ".".join(path.relative_to(SHARED).with_suffix("").parts).removeprefix("shared.")
        known = imported(module)
        for part in module.body:
            if not isinstance(part, ast.Import | ast.ImportFrom) and (used := set(writing(part, known))):
                found[f"{name}.{getattr(part, 'name', 'the page')}"] = used
    return found


def imported(module: ast.Module) -> dict[str, str]:
    """Names that a module takes from those that write, as they are called there."""
    froms = (node for node in ast.walk(module) if isinstance(node, ast.ImportFrom))
    named = {each.asname or each.name: f"{node.module}.{each.name}" for node in froms for each in node.names}
    return {short: whole for short, whole in named.items() if whole.startswith(MODULES)}


def writing(node: ast.AST, known: dict[str, str]) -> Iterator[str]:
    for part in ast.walk(node):
        used = None
        if isinstance(part, ast.Attribute) and isinstance(part.value, ast.Name):
            used = f"{part.value.id}.{part.attr}"
            if used not in WRITERS:
                used = f"{known[part.value.id]}.{part.attr}" if part.value.id in known else None
        elif isinstance(part, ast.Name) and known.get(part.id, "").count(".") > 1:
            used = known[part.id]
        last = (used or "").rpartition(".")[2]
        if used is not None and not last[:1].isupper() and used.removeprefix("records.") not in READS:
            yield used


def test_the_search_finds_what_writes_however_it_is_called():
    module = ast.parse(
        "from records import notes as n\nfrom records.goals import set_goal\nfrom queries import refresh\n"
        "def one(): n.set_note\ndef two(): set_goal()\ndef three(): refresh.run\ndef four(): n.current"
    )
    assert [set(writing(part, imported(module))) for part in module.body[3:]] == [
        {"records.notes.set_note"}, {"records.goals.set_goal"}, {"queries.refresh.run"}, set()
    ]  # fmt: skip


# --- what is taken along ----------------------------------------------------------------------------------------------


def offered(company: Company, monkeypatch: Any, role: str, account: str) -> dict[str, Callable[[], bytes]]:
    """What the download buttons make that are drawn for somebody of this role, wherever they should not be drawn."""
    who, files = as_role(monkeypatch, company, role), opening.Files()
    view = data.begin() if who and who.role else View(current_id(company.held))
    opening.wide(monkeypatch, files)
    table = pl.DataFrame({"account_id": ["a"], "n": [1]})
    columns = {"account_id": tables.Column("Account"), "n": tables.Column("Number", "count")}
    tables.show(table, columns, view=view, key="some", alt="Some", of="account/a")
    packs.board(view)
    asked = packs._Asked(view, account, quarter_of(company.today), "en", "", False, False, True)
    for label, make in (("slides", packs._review), ("excel", packs._excel), ("prep", packs._prep)):
        packs._file(label, make, asked, f"{label}.xlsx", ":material/lock:")
    called = ("table CSV", "table Excel", "board pack", "review slides", "review Excel", "prep sheet")
    return dict(zip(called, files.offered.values(), strict=True))


@pytest.mark.parametrize("role", WHO)
def test_whoever_may_not_have_a_file_gets_none_and_one_that_is_taken_is_noted(company, fresh, monkeypatch, looks, role):
    made_for = {}
    for name, make in offered(company, monkeypatch, role, word("ada", "account")).items():
        before = len(looks)
        if role in FILES[name]:
            assert make()[:2] in (b"PK", b"\xef\xbb")
            assert [(each.actor, each.action) for each in looks[before:]] == [(WHO[role].name, "export")]
            made_for[name] = looks[-1].object
        else:
            with pytest.raises(NotAllowed):
                make()
            assert len(looks) == before
    about, some = f"report/{word('ada', 'account')}", "table/some/account/a"
    whole = dict(zip(FILES, (some, some, "report/board-pack", about, about, about), strict=True))
    assert made_for == {name: what for name, what in whole.items() if role in FILES[name]}


def test_a_csm_who_sees_their_own_accounts_gets_no_report_of_another(company, fresh, monkeypatch):
    files = offered(company, monkeypatch, OWN, word("bo", "account"))
    for name in ("review slides", "review Excel", "prep sheet"):
        with pytest.raises(UnknownAccount):
            files[name]()


def test_every_file_that_a_page_offers_is_noted_and_refused_where_it_is_offered():
    calls = [
        (path.name, call)
        for path in sorted(SHARED.rglob("*.py"))
        for call in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(call, ast.Call) and getattr(call.func, "attr", "") in ("download_button", "link_button")
    ]
    made = [[ast.unparse(each.value.func) for each in call.keywords if each.arg == "data"] for _, call in calls]
    assert made == [["trail.exporting"]] * len(calls)
    assert [name for name, _ in calls] == ["packs.py", "packs.py", "tables.py"]
