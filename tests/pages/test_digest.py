"""The list of those who get the monthly digest, on the overview."""

import pytest
from streamlit.testing.v1 import AppTest

import settings
from records import digests
from records.database import connections
from tests.pages import snapshot

pytestmark = pytest.mark.postgres

OPENED = """
from pages.shared import digest, written
written.not_saved("digest")
digest._list()
"""


@pytest.fixture
def opened(tmp_path, monkeypatch, records_url, fresh):
    """The list as it stands in the opened button, over records of the test's own."""
    held = snapshot.settings_for(tmp_path).model_copy(update={"records_database_url": records_url})
    monkeypatch.setattr(settings, "get", lambda: held)
    return AppTest.from_string(OPENED, default_timeout=20).run()


def test_an_address_is_added_and_removed_again(opened, records_url):
    assert [said.value for said in opened.text] == ["Nobody gets it yet."]
    opened.text_input[0].input("Eve@Example.org")
    opened.button[-1].click().run()
    assert [said.value for said in opened.text] == ["Eve@Example.org"]
    assert digests.subscribers(connections(records_url)) == ["Eve@Example.org"]
    opened.button[0].click().run()
    assert digests.subscribers(connections(records_url)) == []


def test_what_is_no_address_is_refused_in_words_and_stays_in_the_field(opened, records_url):
    opened.text_input[0].input("not an address")
    opened.button[-1].click().run()
    assert "This is no address" in opened.error[0].value
    assert opened.text_input[0].value == "not an address"
    assert digests.subscribers(connections(records_url)) == []
