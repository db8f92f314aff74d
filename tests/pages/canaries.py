"""Words that stand in for every text of a company: where one turns up, somebody sees what it stands in.

A word is ``canary``, whose account it is of (``ada``, ``bo``, ``nobody``), what it stands in, and a letter.
"""

from __future__ import annotations

import re
from string import ascii_lowercase
from typing import Any

from pages.shared.viewer import Viewer

OWNERS = ("ada", "bo", "nobody")
KINDS = {
    "account": "names and ids of accounts, and what hangs on them",
    "csm": "names of our own people",
    "campaign": "titles and audiences of campaigns",
    "person": "names and ids of people at customers",
    "address": "addresses",
    "comment": "what customers wrote",
    "about": "what we wrote about customers: notes, goals, reasons, summaries of contacts; subjects of tickets",
    "letter": "the text of messages",
    "row": "rows left out, and errors that quote a row",
}
WORD = re.compile(rb"canary(?:%s)(?:%s)[a-z]" % ("|".join(OWNERS).encode(), "|".join(KINDS).encode()))


def word(owner: str, kind: str, place: int = 0) -> str:
    """The word for the thing in that place.

    >>> word("bo", "comment", 2)
    'canarybocommentc'
    """
    assert kind in KINDS
    return f"canary{owner}{kind}{ascii_lowercase[place]}"


def answer_id(owner: str, place: int) -> str:
    """The id of a survey answer or a review; it says whose account it is of, and nothing of what is in it.

    >>> answer_id("bo", 7)
    'canaryboaccounta-7'
    """
    return f"{word(owner, 'account')}-{place}"


def found(text: bytes) -> set[str]:
    """Every word of a canary in a text."""
    return {each.decode() for each in WORD.findall(text.lower())}


def of(owner: str, *kinds: str) -> re.Pattern[str]:
    """Matches the words of an owner, of these kinds (all of them)."""
    return re.compile(rf"canary{owner}(?:{'|'.join(kinds or KINDS)})[a-z]")


def csm(owner: str) -> str:
    """The address of a CSM."""
    return f"{owner}@us.example"


def viewer(name: str, role: Any) -> Viewer:
    """Somebody of us, signed in."""
    return Viewer(csm(name), csm(name), role)


ADA, BO = viewer("ada", "csm"), viewer("bo", "csm")
ABE, EVE, PIA = viewer("abe", "admin"), viewer("eve", "executive"), viewer("pia", "product")
