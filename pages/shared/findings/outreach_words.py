"""What campaigns, messages, reasons, fields and languages are called on pages."""

from __future__ import annotations

import re

from outreach.merge_fields import FIELDS

STATES = {
    "draft": "Draft",
    "running": "Sending",
    "paused": "Paused",
    "cancelled": "Cancelled",
    "done": "Done",
}
BECAME = {
    "draft": "Ready",
    "queued": "Waiting",
    "claimed": "Waiting",
    "sending": "Being sent",
    "sent": "Sent",
    "failed": "Failed",
    "uncertain": "Not sure",
    "left_out": "Left out",
    "held_out": "Held out",
    "cancelled": "Cancelled",
}
"""What a message's state is called."""
REASONS = {
    "opted_out": "Asked for no such messages",
    "do_not_contact": "The account is marked do not contact",
    "suppressed": "Mail to this address came back, or it is blocked",
    "erased": "Was erased",
    "no_address": "No address known",
    "bad_address": "The address is none",
    "left_company": "Left the company",
    "account_gone": "The account is there no more",
    "person_gone": "Is at the account no more",
    "address_changed": "Has another address by now",
    "contacted_lately": "We wrote to this person lately",
    "account_contacted_lately": "We wrote to somebody there lately",
    "escalated": "An escalation is open",
    "goodbye_said": "We have said goodbye",
    "holdout": "Held out, to compare with",
    "duplicate": "Has it already",
    "over_most": "Others of the account come first",
    "cap_zero": "Nobody is to be written to",
    "not_rendered": "The message could not be written",
    "tone": "The tone check objects",
    "quiet_hours": "Quiet hours there",
    "expired": "Not sent in time; approve again",
    "cancelled": "Cancelled",
    "refused": "The server refused it",
    "gave_up": "Tried too often",
}
"""Why a message does not go, by the reason that the outbox keeps."""
_BLOCKED = {
    "unsafe": "the play does what a play may not:",
    "template": "the play has a mistake:",
    "too_long": "it is too long:",
}
_UNDEFINED = re.compile(r"'(\w+)' is undefined")
FLAGGED = {"guilt": "guilt", "we_miss_you": "“we miss you”", "false_urgency": "false urgency", "unfilled": "unfilled"}
LANGUAGES = {
    "en": "English", "de": "German", "ru": "Russian", "zh": "Chinese", "ro": "Romanian", "fr": "French",
    "es": "Spanish", "it": "Italian", "pt": "Portuguese", "nl": "Dutch", "pl": "Polish", "ja": "Japanese",
}  # fmt: skip
ROLES = {
    "owner": "the account's owner",
    "champion": "its champion",
    "admin": "its admins",
    "member": "its members",
    "everyone": "everybody there",
}
KINDS = {
    "marketing": "Marketing: it has an unsubscribe link, and whoever opted out or heard from us lately gets none.",
    "service": "Service: it reaches those who opted out, too; never blocked addresses, and never in quiet hours.",
    "internal": "Internal: to our own people.",
}
ASKED = {
    "step": "The step they stand at",
    "theme": "What they told us about",
    "solution": "The feature that solves it",
    "shipped": "What was shipped",
    "topic": "What we would like to hear about",
    "incident": "What went wrong",
    "remedy": "What was changed since",
    "offer": "The offer",
    "offer_until": "It can be taken until",
    "data_until": "Their data is kept until",
}
"""How a field that the composer fills in is called."""


def language(tag: str) -> str:
    """A language by its name; its tag where we have none."""
    return LANGUAGES.get(tag.lower(), tag)


def field_label(name: str) -> str:
    """How the form calls a merge field."""
    return ASKED.get(name, FIELDS[name].meaning.capitalize())


def example(name: str) -> str:
    """An example of a merge field's value, for an empty input."""
    value = FIELDS[name].example
    return "\n".join(value) if isinstance(value, list) else str(value)


def why(reason: str | None, detail: str | None = None) -> str:
    """Why a message does not go, or goes later, in words.

    >>> why("opted_out"), why("not_rendered", "unfilled: 'offer' is undefined; write …"), why(None)
    ('Asked for no such messages', 'The message could not be written: nothing is known of “The offer”', '')
    """
    if reason is None:
        return ""
    said = REASONS.get(reason, reason.replace("_", " ").capitalize())
    if reason == "not_rendered" and detail:
        kind, _, rest = detail.partition(": ")
        missing = _UNDEFINED.match(rest) if kind == "unfilled" else None
        if missing and missing[1] in FIELDS:
            rest = f"nothing is known of “{field_label(missing[1])}”"
        said = f"{said}: {_BLOCKED.get(kind, '')} {rest}".replace(":  ", ": ").rstrip()
    elif reason in ("refused", "gave_up", "suppressed") and detail:
        said = f"{said}: {detail}"
    return said
