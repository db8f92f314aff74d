"""The contacts page and the loyalty part of the accounts page, on small companies with numbers known by heart."""

import uuid
from datetime import UTC, date, datetime, timedelta

import pytest
from streamlit.testing.v1 import AppTest

import settings
from tests.pages import snapshot

TODAY = datetime.now(UTC).replace(hour=8, minute=0, second=0, microsecond=0)


def days(count: int) -> datetime:
    return TODAY + timedelta(days=count)


ACCOUNTS = [
    {"account_id": name, "name": name.upper(), "segment": segment, "signed_up_at": datetime(2020, 1, 1, tzinfo=UTC)}
    for name, segment in (("a", "Large"), ("b", "Small"), ("c", "Small"))
]
LINES = [
    {"subscription_id": f"s{name}", "line_id": f"s{name}", "account_id": name, "plan": "Team", "kind": "paid",
     "started_on": date(2020, 1, 1), "mrr": mrr, "renews_on": days(ahead).date()}
    for name, mrr, ahead in (("a", 90_000, 10), ("b", 10_000, 12), ("c", 30_000, 200))
]  # fmt: skip
TOUCHES = [
    {"touch_id": str(place), "account_id": account, "channel": "call", "direction": "out", "occurred_at": days(at)}
    for place, (account, at) in enumerate([("a", -200), ("b", -5), ("b", 9)])
]
SOURCES = {"accounts": ACCOUNTS, "subscriptions": LINES, "touches": TOUCHES}


@pytest.fixture
def look(tmp_path, monkeypatch):
    """``look(page, sources, **address)``: the page inside the frame, with nothing gone wrong."""
    monkeypatch.setattr(settings, "get", lambda: snapshot.settings_for(tmp_path))

    def open_page(page="contacts", sources=SOURCES, **address: str) -> AppTest:
        snapshot.write(tmp_path, sources, id=uuid.uuid4().hex)  # results are remembered by it
        test = AppTest.from_file(str(settings.ROOT / "pages" / "frame.py"), default_timeout=60)
        test.switch_page(f"{page}.py")
        for name, value in address.items():
            test.query_params[name] = value
        seen = test.run()
        assert not seen.exception
        assert [box.value for box in (*seen.warning, *seen.error) if "could not be worked out" in box.value] == []
        return seen

    return open_page


def cards(seen: AppTest) -> dict[str, str]:
    return {card.label: card.value for card in seen.metric}


def test_the_page_says_who_is_silent_and_whether_anything_is_planned(look):
    seen = look()
    title = "1 account with €900 of MRR is silent beyond their rhythm; nothing is planned with 1"
    assert seen.title[0].value == title
    assert cards(seen) == {
        "Silent for too long": "1", "Of them nothing planned": "1", "Never in contact": "1", "Planned in 14 days": "1",
    }  # fmt: skip
    late = seen.dataframe[0].value
    assert late["name"].to_list() == ["A"]
    assert late["days_silent"].to_list() == [200]
    headings = [heading.value for heading in seen.subheader]
    assert "€1k renews in the next 30 days, €900 of it without contact" in headings


def test_a_filter_chooses_the_accounts_and_what_is_usual_stays_everybodys(look):
    seen = look().selectbox(key="segment").select("Small").run()
    assert seen.title[0].value == "Nobody has been silent beyond their rhythm"
    assert cards(seen)["Never in contact"] == "1"


def test_a_filter_from_a_link_holds_on_the_next_page_and_in_its_address(look):
    seen = look(segment="Small")
    seen.query_params.clear()
    with seen.session_state._state.query_params() as address:
        address.remove_stale_bindings(frozenset())  # as a server does when the page changes
    seen = seen.switch_page("accounts.py").run()
    assert seen.selectbox(key="segment").value == "Small"
    assert seen.query_params["segment"] == "Small"
    seen = seen.selectbox(key="segment").select("All").run()
    seen.query_params.clear()
    assert seen.switch_page("contacts.py").run().selectbox(key="segment").value == "All"


@pytest.mark.parametrize("page", ["accounts", "contacts", "cohorts", "churn_reasons"])
def test_where_no_account_fits_the_filters_nothing_else_is_said(look, page):
    lines = [{**line, "plan": "Solo" if line["account_id"] == "a" else "Team"} for line in LINES]
    seen = look(page, {**SOURCES, "subscriptions": lines}, segment="Large", plan="Team")
    assert [title.value for title in seen.title] == ["No account fits these filters"]
    assert "No account fits" in seen.info[-1].value


def test_a_state_in_the_address_chooses_the_rows_of_the_calendar(look):
    assert look(contact="Never in contact").dataframe[-1].value["name"].to_list() == ["C"]
    assert len(look(contact="Nonsense").dataframe[-1].value) == 3


@pytest.mark.parametrize(
    ("card", "names"),
    [("silent_for_too_long", ["A"]), ("never_in_contact", ["C"]), ("planned_in_14_days", ["B"])],
)
def test_every_card_opens_the_accounts_behind_it(look, card, names):
    seen = look()
    seen.button(key=f"behind_{card}").click().run()
    assert not seen.exception
    assert any(table.value.get("name", []) is not None and list(table.value["name"]) == names
               for table in seen.dataframe if "ratio" in table.value)  # fmt: skip


def test_without_contacts_the_page_still_says_what_renews_and_which_file_to_add(look):
    seen = look(sources={"accounts": ACCOUNTS, "subscriptions": LINES})
    assert seen.title[0].value == "Who to talk with next, by renewal"
    assert any("config/sources/touches.sql" in box.value for box in seen.info)
    assert any("renews in the next 30 days" in heading.value for heading in seen.subheader)
    assert cards(seen) == {}


def test_with_no_account_at_all_it_says_so_calmly(look):
    seen = look(sources={"accounts": [], "subscriptions": [], "touches": []})
    assert any("No account fits" in box.value for box in seen.info)


def test_the_accounts_page_lists_the_top_tenth_and_the_anniversaries_to_come(look):
    start = days(7).date()
    lines = [{**line, "started_on": start.replace(year=start.year - 3, day=min(start.day, 28))} for line in LINES]
    seen = look("accounts", {**SOURCES, "subscriptions": lines}, anniversaries="90 days")
    headings = [heading.value for heading in seen.subheader]
    assert "The top tenth pays 69% of MRR" in headings
    assert any("3 anniversaries in the next 90 days" in caption.value for caption in seen.caption)
    top = next(table.value for table in seen.dataframe if "running_share" in table.value)
    assert top["name"].to_list() == ["A"]
    coming = next(table.value for table in seen.dataframe if "anniversary" in table.value)
    assert coming["anniversary"].to_list() == [3, 3, 3]
