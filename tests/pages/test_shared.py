"""What pages share, run as Streamlit runs it: the view, cached results, filters, notes and the boundary."""

from datetime import UTC, date, datetime, timedelta

import polars as pl
import pytest
from streamlit.testing.v1 import AppTest

import settings
from pages.shared import data, filters
from queries.frames import Scope, open_snapshot
from queries.store import SourceState
from tests.pages import snapshot

ACCOUNTS = [
    {"account_id": "a", "name": "Acme", "segment": "Large", "country": "DE", "csm_email": "ada@x.y", "csm_name": "Ada"},
    {"account_id": "b", "name": "Bolt", "segment": "Small", "country": "FR", "csm_email": "bo@x.y", "csm_name": "Bo"},
    {"account_id": "c", "name": "Cut", "segment": "Small", "csm_email": None, "csm_name": None},
]
STRETCHES = [
    {"account_id": "a", "plan": "Team", "started_on": date(2025, 1, 1), "mrr": 100, "kind": "paid"},
    {"account_id": "a", "plan": "Business", "started_on": date(2026, 1, 1), "mrr": 200, "kind": "paid"},
    {"account_id": "a", "plan": "Later", "started_on": date(2099, 1, 1), "mrr": 300, "kind": "paid"},
    {"account_id": "b", "plan": "Team", "started_on": date(2026, 1, 1), "mrr": 100, "kind": "paid"},
]
REVIEWS = [{"review_id": "r1", "account_id": None, "site": "G2"}, {"review_id": "r2", "account_id": "a", "site": "G2"}]


@pytest.fixture
def folder(tmp_path, monkeypatch):
    snapshot.write(tmp_path, {"accounts": ACCOUNTS, "subscriptions": STRETCHES, "reviews": REVIEWS})
    monkeypatch.setattr(settings, "get", lambda: snapshot.settings_for(tmp_path))
    return tmp_path


@pytest.fixture
def frames(folder):
    return open_snapshot("a1", Scope(), snapshot.settings_for(folder))


def ids(narrowed, name="accounts"):
    return sorted(narrowed[name].collect()["account_id"].to_list(), key=str)


def test_a_plan_is_that_of_the_newest_stretch_that_has_begun(frames):
    plans = filters.current_plans(frames.subscriptions, date(2026, 6, 1)).collect()
    assert dict(plans.iter_rows()) == {"a": "Business", "b": "Team"}


TODAY = date(2026, 6, 1)


@pytest.mark.parametrize(
    ("lines", "plan"),
    [
        ([("Team", date(2024, 1, 1), None, 100), ("Archive", date(2025, 3, 1), date(2025, 6, 1), 20)], "Team"),
        ([("Team", date(2024, 1, 1), None, 100), ("Archive", date(2025, 3, 1), None, 20)], "Team"),
        ([("Team", date(2024, 1, 1), date(2025, 1, 1), 100), ("Archive", date(2024, 3, 1), date(2025, 6, 1), 20)],
         "Archive"),
        ([("Team", date(2024, 1, 1), date(2026, 6, 1), 10), ("Business", date(2026, 6, 1), None, 5)], "Business"),
        ([("Team", date(2024, 1, 1), None, 10), ("Business", date(2026, 6, 2), None, 50)], "Team"),
    ],
)  # fmt: skip
def test_the_plan_of_an_account_is_that_of_the_dearest_line_that_runs_else_of_the_last(lines, plan):
    schema = {"plan": pl.String, "started_on": pl.Date, "ended_on": pl.Date, "mrr": pl.Int64}
    rows = pl.DataFrame(lines, schema=schema, orient="row").with_columns(account_id=pl.lit("a"))
    for frame in (rows, rows.reverse()):
        assert filters.current_plans(frame.lazy(), TODAY).collect().rows() == [("a", plan)]


def test_a_page_without_a_period_says_none():
    assert filters.Filters(12, filters.Who()).said() == "last 12 full months and the running one"
    assert filters.Filters(12, filters.Who(), period=False).said() == "all accounts"
    small = filters.Who(segment="Small", plan="Team")
    assert filters.Filters(12, small, period=False).said() == "segment Small, plan Team (as it is today)"


def test_filters_keep_the_accounts_they_name_in_every_frame(frames):
    assert ids(filters.narrow(frames, filters.Who())) == ["a", "b", "c"]
    assert ids(filters.narrow(frames, filters.Who(segment="Small"))) == ["b", "c"]
    assert ids(filters.narrow(frames, filters.Who(plan="Business")), "subscriptions") == ["a", "a", "a"]
    assert ids(filters.narrow(frames, filters.Who(csm="bo@x.y"))) == ["b"]
    assert ids(filters.narrow(frames, filters.Who(country="FR"))) == ["b"]
    assert ids(filters.narrow(frames, filters.Who(segment="Large", country="FR"))) == []
    assert ids(filters.narrow(frames, filters.Who("Large", "Team", None))) == []
    assert ids(filters.narrow(frames, filters.Who(segment="Large")), "reviews") == ["a"]


def test_frames_of_no_account_stay_whole_under_a_filter(frames):
    narrowed = filters.narrow(frames, filters.Who(segment="Large"))
    assert set(narrowed) == set(frames.mapping())
    assert "account_id" not in narrowed["features"].collect_schema().names()


@data.cached
def counted(frames, segment: str | None, *, twice: bool = False) -> pl.DataFrame:
    CALLS.append(segment)
    rows = frames.accounts.filter(pl.col("segment") == segment).collect().height
    return pl.DataFrame({"n": [rows * (2 if twice else 1)]})


CALLS: list[str | None] = []


def test_a_result_is_worked_out_once_per_snapshot_scope_and_argument(folder):
    CALLS.clear()
    everybody, ada = data.View("a1"), data.View("a1", "ada@x.y")
    assert [counted(everybody, "Small").item() for _ in range(3)] == [2, 2, 2]
    assert counted(ada, "Small").item() == 0
    assert counted(everybody, "Small", twice=True).item() == 4
    assert counted(everybody, "Large").item() == 1
    snapshot.write(folder, {"accounts": ACCOUNTS[:2]}, id="a2")
    assert counted(data.View("a2"), "Small").item() == 1
    assert len(CALLS) == 5


def test_every_caller_gets_a_frame_of_its_own(folder):
    first = counted(data.View("a1"), "Small")
    first[0, "n"] = 99
    assert counted(data.View("a1"), "Small").item() == 2


def test_a_frame_is_refused_as_part_of_a_key(folder):
    with pytest.raises(TypeError, match="scalars, not DataFrame"):
        counted(data.View("a1"), pl.DataFrame())


def test_a_function_of_a_page_is_refused():
    def here(frames) -> pl.DataFrame: ...

    with pytest.raises(TypeError, match="pages/shared"):
        data.cached(here)


def run(script, folder, **query):
    at = AppTest.from_string(f"import streamlit as st\nfrom pages.shared import *\n{script}", default_timeout=20)
    at.session_state["tenure_view"] = data.View("a1")
    for name, value in query.items():
        at.query_params[name] = value
    return at.run()


FILTERS = "from pages.shared import filters\nst.text(repr(filters.row('period', 'segment', 'plan', 'csm')))"


def test_filters_come_from_the_address(folder):
    at = run(FILTERS, folder, segment="Small", period="24 months")
    who = "Who(segment='Small', plan=None, csm=None, country=None)"
    assert at.text[0].value == f"Filters(months=24, who={who}, period=True)"


def test_a_country_is_offered_only_where_a_page_asks_for_it(folder):
    script = "from pages.shared import filters\nst.text(repr(filters.row('segment', 'country').who.country))"
    assert run(script, folder, country="FR").text[0].value == "'FR'"
    assert run(FILTERS, folder, country="FR").text[0].value.endswith("country=None), period=True)")


def test_a_csm_is_chosen_by_name_and_kept_by_address(folder):
    at = run(FILTERS, folder)
    at.selectbox(key="csm").select("bo@x.y").run()
    assert "csm='bo@x.y'" in at.text[0].value


def test_what_a_browser_makes_up_counts_as_not_chosen(folder):
    at = run(FILTERS, folder, segment="' OR 1=1", plan="Nothing", period="9999 months")
    assert at.text[0].value == f"{filters.Filters(12, filters.Who())!r}"


def test_what_a_link_asks_for_in_vain_is_said(folder):
    at = run(FILTERS, folder, csm="nobody@x.y", period="9 years", segment="Small")
    assert [line.value.replace("\u2060", "").replace("\\", "") for line in at.caption] == [
        "Period “9 years” in the link is not on offer; 12 months are shown.",
        "CSM “nobody@x.y” in the link is not on offer; all are shown.",
    ]


def test_a_value_forged_by_a_browser_counts_as_not_chosen(folder, monkeypatch):
    monkeypatch.setattr("streamlit.selectbox", lambda *given, **how: "' OR 1=1")
    monkeypatch.setattr(data, "view", lambda: data.View("a1"))
    assert filters.row("period", "segment", "plan", "csm") == filters.Filters(12, filters.Who())


def test_a_failure_inside_a_section_stays_inside_it(folder):
    at = run(
        "from pages.shared import panel\n"
        "with panel.section('Revenue'):\n    raise ValueError('secret /etc/path')\n"
        "st.text('after')",
        folder,
    )
    assert not at.exception
    assert at.text[0].value == "after"
    assert "Revenue could not be worked out" in at.warning[0].value
    assert "secret" not in at.warning[0].value


def test_a_panic_in_polars_is_a_message_too(folder):
    at = run(
        "import polars as pl\nfrom pages.shared import boundary\n"
        "with boundary.calm('this'):\n    raise pl.exceptions.PanicException('boom')\n"
        "st.text('after')",
        folder,
    )
    assert not at.exception
    assert at.text[0].value == "after"


def test_a_rerun_passes_through_the_boundary(folder):
    at = run(
        "from pages.shared import boundary\n"
        "with boundary.calm('this'):\n"
        "    if 'seen' not in st.session_state:\n        st.session_state.seen = 1\n        st.rerun()\n"
        "    st.text('second run')\n    st.stop()\n"
        "st.text('never')",
        folder,
    )
    assert [text.value for text in at.text] == ["second run"]
    assert not at.warning


def test_without_a_snapshot_people_are_told_what_to_do(tmp_path, monkeypatch):
    monkeypatch.setattr(settings, "get", lambda: snapshot.settings_for(tmp_path))
    at = AppTest.from_string(
        "from pages.shared import boundary, data\nwith boundary.calm('this'):\n    data.begin()", default_timeout=20
    ).run()
    assert not at.exception
    assert "queries.refresh" in at.info[0].value


NEED = (
    "from pages.shared import data, notes\nst.text(str(notes.need(data.view(), 'accounts', 'nps', to='see answers')))"
)


def test_a_source_without_a_mapping_names_the_file_to_add(folder):
    at = run(NEED, folder)
    assert at.text[0].value == "False"
    assert at.info[0].value == "Add `config/sources/nps.sql` to see answers."


def test_a_source_that_failed_says_why_as_plain_text(folder):
    state = SourceState(
        status="failed", error='nps.sql returns no column "score" **x**', hint="did you mean nps_score?"
    )
    snapshot.write(folder, {"accounts": ACCOUNTS}, states={"nps": state}, id="a1-failed")
    at = run(
        "st.session_state.tenure_view = ('a1-failed', None)\n" + NEED.replace("data.view()", "data.View('a1-failed')"),
        folder,
    )
    assert at.text[0].value == "False"
    assert r"\*\*x\*\*" in at.warning[0].value
    assert "did you mean" in at.warning[0].value


def banner(folder, script="notes.banner('Overview', data.view())"):
    """The banner links to the Data page, so it needs the app around it."""
    return run(f"from pages.shared import data, notes\nnotes._warn = st.warning\n{script}", folder)


def test_the_banner_says_as_of_when(folder):
    at = banner(folder)
    assert "just now" in at.caption[0].value
    assert not at.warning


def test_an_old_snapshot_is_called_old(folder):
    snapshot.write(folder, {"accounts": ACCOUNTS}, old=timedelta(hours=5), id="a1-old")
    at = banner(folder, "notes.banner('Overview', data.View('a1-old'))")
    assert "last read 5 hours ago" in at.warning[0].value


def test_a_failed_refresh_is_told_on_every_page_in_one_line(folder):
    from queries.store import Store, record_failure

    record_failure(Store(str(folder)), "The database does not answer.\n\nHint: start it")
    at = banner(folder)
    assert "The database does not answer" in at.warning[0].value
    assert "Hint" not in at.warning[0].value


def test_rows_left_out_are_counted_with_their_money(folder):
    from pages.shared import notes

    state = SourceState(status="ok", rejected=3, rejected_mrr=120_000)
    snapshot.write(folder, {"accounts": ACCOUNTS}, states={"subscriptions": state}, id="a1-rejected")
    found = data.manifest(data.View("a1-rejected"))
    assert notes._left_out(found, ("accounts", "subscriptions")) == "3 rows and €1,200 of MRR left out"
    assert notes._left_out(found, ("accounts",)) is None


def test_a_period_reaches_back_in_whole_months():
    assert filters.Filters(1, filters.Who()).since(date(2026, 1, 31)) == date(2025, 12, 1)
    assert filters.Filters(24, filters.Who()).since(datetime(2026, 11, 21, tzinfo=UTC).date()) == date(2024, 11, 1)


def test_what_a_click_in_a_figure_opens_opens_once():
    def page():
        import streamlit as st

        from pages.shared import behind

        clicked = st.session_state.get("given")
        st.text(behind.fresh("figure", clicked))

    seen = AppTest.from_function(page).run()
    opened = []
    for clicked in ("a", "a", "b", None, "b"):
        seen.session_state["given"] = clicked
        seen = seen.run()
        opened.append(seen.text[0].value)
    assert opened == ["True", "False", "True", "False", "True"]


def test_who_comes_back_from_an_account_finds_the_page_without_it_in_the_address():
    def page():
        import streamlit as st

        from pages.shared import links

        links.at("Accounts")
        st.text("drawn")

    seen = AppTest.from_function(page)
    seen.query_params["account"] = "a"
    seen = seen.run()
    assert (seen.text[0].value, dict(seen.query_params)) == ("drawn", {})


def test_of_two_accounts_of_one_name_the_chosen_one_stays_whatever_is_pressed():
    def page():
        import polars as pl
        import streamlit as st

        from pages.shared import links

        st.text(links.choose_account(pl.DataFrame({"account_id": ["a", "b"], "name": ["Acme", "Acme"]})))
        st.button("Something else")

    seen = AppTest.from_function(page)
    seen.query_params["account"] = "a"
    seen = seen.run().button[0].click().run()
    assert seen.text[0].value == "a"
    assert seen.selectbox[0].options == ["Acme (a)", "Acme (b)"]
