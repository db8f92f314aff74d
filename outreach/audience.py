"""Who a play is for: from what somebody chose on a page to one row per person who could be written to."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import date
from typing import TYPE_CHECKING, Any

import polars as pl

from metrics.current import current_mrr
from outreach.zones import zone_of
from queries.answers import PREFIX
from queries.frames import Frames
from records.addresses import key

if TYPE_CHECKING:
    from outreach.plays import Play

ROLES = ("owner", "champion", "admin", "member")
"""Roles, those first who are written to first."""
EVERYONE = "everyone"
COLUMNS: dict[str, pl.DataType | type[pl.DataType]] = {
    "row": pl.Int64,
    "account_id": pl.String,
    "user_id": pl.String,
    "name": pl.String,
    "address": pl.String,
    "address_key": pl.String,
    "account": pl.String,
    "language": pl.String,
    "time_zone": pl.String,
    "role": pl.String,
    "opted_out": pl.Boolean,
    "left_at": pl.Datetime("us", "UTC"),
    "do_not_contact": pl.Boolean,
    "escalated": pl.Boolean,
    "standing": pl.String,
    "leaving": pl.Boolean,
}


@dataclass(frozen=True)
class Audience:
    """What somebody chose to write to.

    ``label`` says it in words ("Said 0 to 6 in November"), ``source_page`` is the page it was chosen on. Chosen were
    whole accounts, or, where ``user_ids`` is not None, exactly those people: then the play's ``to`` does not choose
    among them. ``extra`` is what the page knows and a message may say (``step``, ``theme``, ``offer``, ``shipped`` …):
    one value for everybody, or a mapping from account id to value.
    """

    label: str
    source_page: str
    account_ids: tuple[str, ...] = ()
    user_ids: tuple[str, ...] | None = None
    extra: Mapping[str, Any] = field(default_factory=dict)

    def as_json(self) -> dict[str, Any]:
        """The audience as campaigns keep it."""
        people = None if self.user_ids is None else list(self.user_ids)
        return {
            "label": self.label,
            "source_page": self.source_page,
            "account_ids": list(self.account_ids),
            "user_ids": people,
            "extra": dict(self.extra),
        }

    @classmethod
    def from_json(cls, kept: Mapping[str, Any]) -> Audience:
        """The audience that :meth:`as_json` gave."""
        people = kept.get("user_ids")
        return cls(
            label=kept["label"],
            source_page=kept["source_page"],
            account_ids=tuple(kept["account_ids"]),
            user_ids=None if people is None else tuple(people),
            extra=dict(kept.get("extra") or {}),
        )

    def told(self, name: str, account_id: str) -> Any:
        """What the page knows of an account under ``name``; None when nothing."""
        value = self.extra.get(name)
        return value.get(account_id) if isinstance(value, Mapping) else value


@dataclass(frozen=True)
class Recipients:
    """Whom an audience comes to: ``rows`` as in :func:`recipients`, and ``unknown``, how many ids led nowhere."""

    rows: pl.DataFrame
    unknown: int


def recipients(
    frames: Frames,
    audience: Audience,
    play: Play,
    *,
    language: str = "en",
    champions: Mapping[str, str] | None = None,
    grace_days: int = 30,
) -> Recipients:
    """One row per person whom ``play`` could reach among ``audience``, the first to be chosen of each account first.

    Columns: ``row``, the order; ``account_id``, ``user_id``, ``name``, ``address`` (null: none known) and its
    ``address_key``; ``account``, its name; ``language`` and ``time_zone`` to write in; ``role``; ``opted_out`` of
    marketing, as the product knows it; ``left_at`` (UTC), when the person left the company; ``do_not_contact`` and
    ``escalated`` of the account; ``standing``, as in ``metrics.current.current_mrr``, null for an account that nothing
    serves any more, and ``leaving``.

    Of an account, everybody in the play's ``to`` role comes, those who left the company too, by role, then by how long
    they are there; where no person of the account has a role, all of them. ``champions`` (account to person) are those
    that somebody typed in: they count as champion beside the source's. An account with nobody in that role has one row
    without a person. Left out: our own staff.

    Ids that are not in ``frames`` (gone from the sources, or not the viewer's to see; which of the two is not told)
    are dropped and counted in ``unknown``.

    The language is the first that the play has of the person's locale and the account's language; English where the
    play has neither; where neither is known, ``language`` (the organisation's), else English, else the play's first.
    The time zone is the person's, else their country's, else the organisation's.
    """
    people = _people(frames, audience, champions or {})
    wanted = _wanted(audience, people)
    accounts = _accounts(frames, wanted, grace_days)
    chosen = people.filter(pl.lit(audience.user_ids is not None) | _aimed_at(play.to))
    found = (
        accounts.join(chosen, on="account_id", how="left")
        .sort("account_id", "rank", "joined_at", "user_id", nulls_last=True)
        .with_row_index("row")
    )
    zone = frames.manifest.time_zone
    languages = tuple(play.languages)
    rows = [
        {
            **{name: row.get(name) for name in COLUMNS},
            "address_key": key(row["address"], user_id=row["user_id"], account_id=row["account_id"]),
            "language": language_of(languages, row["locale"], row["account_language"], otherwise=language),
            "time_zone": zone_of(row["time_zone"], row["country"], zone),
        }
        for row in found.iter_rows(named=True)
    ]
    ids = set(audience.account_ids) if audience.user_ids is None else set(audience.user_ids)
    seen = set(accounts["account_id"]) if audience.user_ids is None else set(people["user_id"])
    return Recipients(pl.DataFrame(rows, schema=COLUMNS), len(ids - seen))


def touches(frames: Frames, account_ids: Iterable[str]) -> pl.LazyFrame:
    """The contacts others had with these accounts: without our own messages, which a refresh adds to them."""
    return frames.touches.filter(_within("account_id", account_ids), ~pl.col("touch_id").str.starts_with(PREFIX))


def language_of(languages: Collection[str], *wanted: str | None, otherwise: str = "en") -> str:
    """The one of ``languages`` to write in, from tags such as "de-AT", the recipient's first; see :func:`recipients`.

    >>> shipped = ("en", "de", "zh")
    >>> language_of(shipped, "de-AT", "zh"), language_of(shipped, "fr", "zh_CN"), language_of(shipped, "fr", "fr")
    ('de', 'zh', 'en')
    >>> language_of(shipped, None, "", otherwise="de"), language_of(("ro", "de"), "fr"), language_of(["pt-BR"], "pt_br")
    ('de', 'ro', 'pt-BR')
    """
    by_tag = {name.lower(): name for name in languages}
    tags = [tag.strip().lower().replace("_", "-") for tag in wanted if tag and tag.strip()]
    tried = tags or [otherwise.lower()]
    for tag in [*tried, "en"]:
        parts = tag.split("-")
        for length in range(len(parts), 0, -1):
            if (found := by_tag.get("-".join(parts[:length]))) is not None:
                return found
    return next(iter(languages))


def _wanted(audience: Audience, people: pl.DataFrame) -> list[str]:
    return list(audience.account_ids) if audience.user_ids is None else people["account_id"].to_list()


def _within(name: str, ids: Iterable[str]) -> pl.Expr:
    return pl.col(name).is_in(pl.Series(sorted(set(ids)), dtype=pl.String).implode())


def _blank_is_null(name: str) -> pl.Expr:
    stripped = pl.col(name).str.strip_chars()
    return pl.when(stripped != "").then(stripped).alias(name)


def _people(frames: Frames, audience: Audience, champions: Mapping[str, str]) -> pl.DataFrame:
    """The people of the audience, each with ``rank`` (owners first) and whether anybody there has a role."""
    by_account = audience.user_ids is None
    chosen = _within("account_id", audience.account_ids) if by_account else _within("user_id", audience.user_ids or ())
    typed = pl.concat_str("account_id", pl.lit("\0"), "user_id").is_in([f"{a}\0{u}" for a, u in champions.items()])
    rank = pl.col("role").replace_strict({role: n for n, role in enumerate(ROLES)}, default=None, return_dtype=pl.Int64)
    return (
        frames.people.filter(chosen, ~pl.col("is_internal").fill_null(False))
        .select(
            "account_id",
            "user_id",
            _blank_is_null("name"),
            _blank_is_null("email").alias("address"),
            "role",
            "locale",
            "time_zone",
            "joined_at",
            pl.col("left_at").dt.convert_time_zone("UTC"),
            pl.col("opted_out").fill_null(False),
            rank=rank.fill_null(len(ROLES)),
            is_champion=typed | pl.col("role").eq_missing("champion"),
        )
        .with_columns(
            roles_known=(pl.col("rank") < len(ROLES)).any().over("account_id") | typed.any().over("account_id")
        )
        .collect()
    )


def _aimed_at(to: str) -> pl.Expr:
    """Whether a person is in the role that a play goes to; anybody is where no role is known."""
    if to == EVERYONE:
        return pl.lit(True)
    in_role = pl.col("is_champion") if to == "champion" else pl.col("role").eq_missing(to)
    return in_role | ~pl.col("roles_known")


def _accounts(frames: Frames, wanted: Iterable[str], grace_days: int) -> pl.DataFrame:
    mine = _within("account_id", wanted)
    as_of: date = frames.as_of
    now = current_mrr(frames.subscriptions.filter(mine), as_of=as_of, grace_days=grace_days)
    return (
        frames.accounts.filter(mine)
        .select(
            "account_id",
            pl.coalesce(_blank_is_null("name"), "account_id").alias("account"),
            "country",
            pl.col("language").alias("account_language"),
            pl.col("do_not_contact").fill_null(False),
            pl.col("escalated").fill_null(False),
        )
        .collect()
        .join(now.select("account_id", "standing", "leaving"), on="account_id", how="left")
        .with_columns(pl.col("leaving").fill_null(False))
    )
