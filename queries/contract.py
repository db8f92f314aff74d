"""The data contract: every source, its columns, their types and checks, as data.

A *source* is one table the dashboard reads. Each is mapped from the product database by one file,
``config/sources/<name>.sql`` (or ``.csv``, ``.parquet``, ``.toml``). Everything that reads, checks or documents
a source works from the objects below; ``docs/data-contract.md`` is generated from them.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Kind = Literal["text", "integer", "number", "money", "boolean", "date", "timestamp"]


@dataclass(frozen=True)
class Column:
    """One column of a source.

    ``required`` columns must be returned by the mapping; ``not_null`` values missing in a row reject that row.
    ``observed`` marks a time that has already happened: before 1970, or more than a day after as_of, it is
    rejected. Planned times may lie ahead.
    """

    name: str
    kind: Kind
    meaning: str
    required: bool = False
    not_null: bool = False
    observed: bool = False
    low: float | None = None
    high: float | None = None
    choices: tuple[str, ...] = ()


@dataclass(frozen=True)
class Source:
    """One source of the contract: its name, what a row is, its columns and its key."""

    name: str
    grain: str
    columns: tuple[Column, ...]
    key: tuple[str, ...] = ()
    optional: bool = False
    newest: str | None = None

    def column(self, name: str) -> Column:
        """The column called ``name``; KeyError when the source has none."""
        for column in self.columns:
            if column.name == name:
                return column
        raise KeyError(name)

    @property
    def names(self) -> tuple[str, ...]:
        """All column names, in contract order."""
        return tuple(column.name for column in self.columns)

    @property
    def required_names(self) -> tuple[str, ...]:
        """Names of the columns the mapping must return."""
        return tuple(column.name for column in self.columns if column.required)


def _id(name: str, meaning: str) -> Column:
    return Column(name, "text", meaning, required=True, not_null=True)


def _text(name: str, meaning: str, choices: tuple[str, ...] = ()) -> Column:
    return Column(name, "text", meaning, choices=choices)


def _flag(name: str, meaning: str) -> Column:
    return Column(name, "boolean", meaning)


def _happened(name: str, meaning: str, *, required: bool = False) -> Column:
    return Column(name, "timestamp", meaning, required=required, not_null=required, observed=True)


ACCOUNTS = Source(
    "accounts",
    "a customer company",
    (
        _id("account_id", "identifier of the company"),
        Column("name", "text", "what people call it", required=True),
        _text("parent_id", "the account that owns this one (a group and its subsidiaries)"),
        _text("segment", "how you group customers, for example by size"),
        _text("industry", "what the company does"),
        _text("country", "ISO 3166 two-letter code"),
        _text("language", "ISO 639 two-letter code"),
        _text("csm_email", "e-mail of the customer success manager"),
        _text("csm_name", "name of the customer success manager"),
        _happened("signed_up_at", "when the company signed up", required=True),
        _text("goal", "why they bought"),
        _flag("escalated", "an escalation is open"),
        _flag("do_not_contact", "nobody writes to this company"),
        _text("url", "their page in the CRM"),
        _text(
            "status",
            "`test` and `mistake` are left out of every number, and counted",
            ("active", "test", "mistake"),
        ),
    ),
    key=("account_id",),
    newest="signed_up_at",
)

PEOPLE = Source(
    "people",
    "a person at an account",
    (
        _id("user_id", "identifier of the person"),
        _id("account_id", "the company they belong to"),
        _text("name", "full name"),
        _text("email", "address"),
        _text("role", "role in the account", ("owner", "champion", "admin", "member")),
        _flag("is_internal", "our own staff: their use does not count"),
        _text("locale", "language tag, for example de-AT"),
        _text("time_zone", "IANA name; else the account's country, else the organisation's"),
        _happened("joined_at", "when they were added"),
        _happened("left_at", "when they left the company"),
        _flag("opted_out", "wants no marketing"),
    ),
    key=("user_id",),
    optional=True,
    newest="joined_at",
)

SUBSCRIPTIONS = Source(
    "subscriptions",
    "a stretch of one line of one subscription at one price",
    (
        _id("subscription_id", "identifier of the subscription"),
        _text("line_id", "an add-on of the subscription; else the subscription itself"),
        _id("account_id", "the company that pays"),
        Column("plan", "text", "what they bought", required=True),
        Column(
            "kind",
            "text",
            "how it is paid; `usage` is metered and stays out of MRR movements",
            required=True,
            not_null=True,
            choices=("paid", "usage", "trial", "free", "paused", "parked"),
        ),
        Column(
            "mrr",
            "money",
            "monthly recurring revenue, in the row's currency",
            required=True,
            not_null=True,
            low=0,
        ),
        _text("currency", "ISO 4217 code; else the reporting currency"),
        Column("billing_months", "integer", "months billed at once", low=1),
        Column("seats", "integer", "seats paid for", low=0),
        Column("started_on", "date", "first day served", required=True, not_null=True),
        Column("ended_on", "date", "first day not served; may lie ahead"),
        Column("renews_on", "date", "next renewal; may lie ahead"),
        Column("notice_days", "integer", "days of notice before the renewal", low=0),
        _happened("cancel_requested_at", "when the customer asked to leave"),
        _happened("past_due_since", "since when a payment is open"),
        _text("end_kind", "why the stretch ended", ("requested", "payment_failed", "changed", "mistake")),
    ),
    key=("subscription_id", "line_id", "started_on", "ended_on"),
    newest="started_on",
)

EVENTS = Source(
    "events",
    "a use of the product",
    (
        _id("account_id", "whose use it is"),
        _text("user_id", "who; none for an integration"),
        _id("feature", "what was used"),
        _happened("occurred_at", "when", required=True),
        Column("quantity", "number", "how much: minutes, messages, …"),
    ),
    newest="occurred_at",
)

FEATURES = Source(
    "features",
    "a feature of the product",
    (
        _id("feature", "identifier, as in events"),
        _text("name", "what people call it"),
        _flag("is_key", "counts toward breadth"),
        _flag("is_value", "using it means getting value, not only logging in"),
        Column(
            "min_28_days",
            "number",
            "least quantity (uses where there is none) in 28 days that means value",
            low=0,
        ),
        _text("onboarding_step", "the onboarding step this use completes"),
    ),
    key=("feature",),
    optional=True,
)

ENTITLEMENTS = Source(
    "entitlements",
    "a feature that a plan pays for",
    (_id("plan", "as in subscriptions"), _id("feature", "as in events")),
    key=("plan", "feature"),
    optional=True,
)

MILESTONES = Source(
    "milestones",
    "an onboarding step that is a state, not a use",
    (
        _id("account_id", "the company"),
        _id("onboarding_step", "the step"),
        _happened("reached_at", "when it was reached", required=True),
    ),
    key=("account_id", "onboarding_step"),
    optional=True,
    newest="reached_at",
)

REACH = Source(
    "reach",
    "an account's month",
    (
        _id("account_id", "the company"),
        Column("month", "date", "first day of the month", required=True, not_null=True, observed=True),
        Column(
            "end_customers",
            "integer",
            "end customers served through the product",
            required=True,
            not_null=True,
            low=0,
        ),
    ),
    key=("account_id", "month"),
    optional=True,
    newest="month",
)

NPS = Source(
    "nps",
    "a survey invitation",
    (
        _id("response_id", "identifier of the invitation"),
        _id("account_id", "the company asked"),
        _text("user_id", "the person asked"),
        _happened("sent_at", "when it was sent"),
        _happened("responded_at", "when it was answered"),
        Column("score", "integer", "0 to 10", low=0, high=10),
        _text("comment", "what they wrote"),
        _text("survey", "which survey"),
        _text("kind", "what it asks about", ("relationship", "transactional")),
    ),
    key=("response_id",),
    optional=True,
    newest="responded_at",
)

EXIT_SURVEYS = Source(
    "exit_surveys",
    "an answer on leaving",
    (
        _id("response_id", "identifier of the answer"),
        _id("account_id", "the company"),
        _text("subscription_id", "what they left"),
        _text("user_id", "who answered"),
        _happened("submitted_at", "when", required=True),
        _text("outcome", "what followed", ("left", "downgraded", "stayed")),
        _text("reason", "the reason they chose"),
        _text("comment", "what they wrote"),
        _text("competitor", "where they went"),
        Column("would_return", "integer", "0 to 10", low=0, high=10),
        Column("ease", "integer", "how easy leaving was, 1 to 5", low=1, high=5),
        _flag("regrettable", "the CSM's judgement"),
    ),
    key=("response_id",),
    optional=True,
    newest="submitted_at",
)

TICKETS = Source(
    "tickets",
    "a support ticket",
    (
        _id("ticket_id", "identifier of the ticket"),
        _id("account_id", "the company"),
        _happened("opened_at", "when it was opened", required=True),
        _happened("solved_at", "when it was solved"),
        _text("priority", "how urgent; `urgent` and `high` weigh on health"),
        _text("subject", "what it is about"),
        Column("csat", "integer", "satisfaction, 1 to 5", low=1, high=5),
        _happened("csat_at", "when they rated it"),
        _text("url", "the ticket's page"),
    ),
    key=("ticket_id",),
    optional=True,
    newest="opened_at",
)

TOUCHES = Source(
    "touches",
    "a contact with the customer outside this tool; a future one is planned",
    (
        _id("touch_id", "identifier of the contact"),
        _id("account_id", "the company"),
        _text("user_id", "the person"),
        Column("channel", "text", "call, e-mail, meeting, …", required=True),
        Column(
            "direction",
            "text",
            "`in` from the customer, `out` from us",
            required=True,
            not_null=True,
            choices=("in", "out"),
        ),
        Column("occurred_at", "timestamp", "when; may lie ahead", required=True, not_null=True),
        _text("summary", "what was said"),
    ),
    key=("touch_id",),
    optional=True,
    newest="occurred_at",
)

REVIEWS = Source(
    "reviews",
    "a public review or post",
    (
        _id("review_id", "identifier of the review"),
        _text("account_id", "who wrote it, where known"),
        Column("site", "text", "where it was posted", required=True),
        Column("rating", "number", "stars, as the site counts them"),
        _text("text", "what they wrote"),
        _happened("posted_at", "when", required=True),
        _text("url", "where to read it"),
    ),
    key=("review_id",),
    optional=True,
    newest="posted_at",
)

ROADMAP = Source(
    "roadmap",
    "something to ship",
    (
        _id("item_id", "identifier of the item"),
        Column("title", "text", "what it is", required=True),
        Column("theme", "text", "the churn theme it answers", required=True),
        Column("shipped_on", "date", "when it shipped, or will"),
    ),
    key=("item_id",),
    optional=True,
    newest="shipped_on",
)

FX_RATES = Source(
    "fx_rates",
    "a month's rate to the reporting currency",
    (
        _id("currency", "ISO 4217 code"),
        Column("month", "date", "first day of the month", required=True, not_null=True),
        Column(
            "rate",
            "number",
            "reporting currency for one unit of this one",
            required=True,
            not_null=True,
            low=1e-6,
        ),
    ),
    key=("currency", "month"),
    optional=True,
    newest="month",
)

SOURCES: dict[str, Source] = {
    source.name: source
    for source in (
        ACCOUNTS,
        PEOPLE,
        SUBSCRIPTIONS,
        EVENTS,
        FEATURES,
        ENTITLEMENTS,
        MILESTONES,
        REACH,
        NPS,
        EXIT_SURVEYS,
        TICKETS,
        TOUCHES,
        REVIEWS,
        ROADMAP,
        FX_RATES,
    )
}
"""Every source of the contract, by name; accounts first, because the others are checked against it."""
