"""What the tests of outreach's pages share: settings that no clock and no chance decides, and the pages themselves."""

from __future__ import annotations

from datetime import time
from typing import Any

from streamlit.testing.v1 import AppTest

import settings

ALWAYS = {
    "contact_days": 0,
    "account_contact_days": 0,
    "holdout": 0.0,
    "quiet_from": time(3),
    "quiet_until": time(3, 0, 1),
    "quiet_weekdays": frozenset(),
}
"""Whoever can be written to is, whatever was sent before, and at any hour (but for a second of the night)."""


def awake(held: settings.Settings, records_url: str | None, **more: Any) -> settings.Settings:
    """``held`` with these records, a secret, and rules that leave nobody out for the time of day."""
    rules = held.outreach.model_copy(update=ALWAYS | more)
    return held.model_copy(
        update={"records_database_url": records_url, "outreach": rules, "secret_key": "k" * 40, "smtp_url": None}
    )


def page(name: str, **session: Any) -> AppTest:
    """A page inside the frame, with nothing gone wrong."""
    test = AppTest.from_file(str(settings.ROOT / "pages" / "frame.py"), default_timeout=60)
    for key, value in session.items():
        test.session_state[key] = value
    return calm(test.switch_page(f"{name}.py").run())


def campaign(campaign_id: object) -> AppTest:
    """The page of a campaign, as its link opens it."""
    test = AppTest.from_file(str(settings.ROOT / "pages" / "frame.py"), default_timeout=60)
    test.query_params["campaign"] = str(campaign_id)
    return calm(test.switch_page("campaigns.py").run())


def calm(seen: AppTest) -> AppTest:
    """The page itself, when nothing went wrong on it."""
    assert not seen.exception
    assert [box.value for box in seen.warning if "could not be worked out" in box.value] == []
    return seen


def button(seen: AppTest, label: str, key: str = "") -> Any:
    """The first button whose label starts so, and whose key holds ``key``."""
    return next(each for each in seen.button if each.label.startswith(label) and key in str(each.key))


def labels(seen: AppTest) -> list[str]:
    """What the page's buttons say."""
    return [each.label for each in seen.button]


def press(seen: AppTest, label: str, key: str = "") -> AppTest:
    """The page after a press."""
    return calm(button(seen, label, key).click().run())


def said(seen: AppTest) -> str:
    """All words of a page, as a person reads them."""
    kinds = (seen.title, seen.subheader, seen.markdown, seen.caption, seen.info, seen.warning, seen.error, seen.text)
    shown = "\n".join(str(element.value) for elements in kinds for element in elements)
    return shown.replace("\u2060", "").replace("\\", "")


def numbers(seen: AppTest) -> dict[str, str]:
    """The cards of a page."""
    return {card.label: card.value for card in seen.metric}
