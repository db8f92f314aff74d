"""Measures of what an account says and how we deal with it: voice, support, relationship, onboarding.

Every function takes frames as they stood on ``as_of`` (see ``as_of_view``) and gives 0..100, higher is healthier;
an account about which nothing was observed has no row, or null.
"""

from __future__ import annotations

from datetime import date, timedelta

import polars as pl

from metrics.inputs import Frame, day, lazy
from metrics.usage import STEP, UsageSummary

_NPS = {
    "response_id": pl.String,
    "account_id": pl.String,
    "user_id": pl.String,
    "survey": pl.String,
    "score": pl.Int64,
    "sent_at": pl.Date,
    "responded_at": pl.Date,
}
_TICKETS = {
    "account_id": pl.String,
    "opened_at": pl.Date,
    "solved_at": pl.Date,
    "priority": pl.String,
    "csat": pl.Float64,
    "csat_at": pl.Date,
}
_PEOPLE = {
    "account_id": pl.String,
    "role": pl.String,
    "is_internal": pl.Boolean,
    "left_at": pl.Date,
}


def scored_answers(nps: Frame | None) -> pl.DataFrame:
    """Answers with a score, in the order in which they came: ``account_id``, ``user_id``, ``survey``, ``score``.

    Where times are equal, in that of ``response_id``. One row per answer, with ``answered``, its day (that of the
    invitation where it has none), and ``known_on``, the first day on which both the invitation and the answer are
    known of. Left out: a score without any day.
    """
    came, sent = day("responded_at"), day("sent_at")
    return (
        lazy(nps, _NPS)
        .filter(pl.col("score").is_not_null())
        .with_columns(answered=pl.coalesce(came, sent), known_on=pl.max_horizontal(came, sent))
        .drop_nulls("known_on")
        .sort("answered", "responded_at", "response_id", maintain_order=True)
        .select("account_id", "user_id", "survey", "score", "answered", "known_on")
        .collect()
    )


def voice(answers: pl.DataFrame, *, as_of: date, days: int = 365, prior: float = 5.0) -> pl.DataFrame:
    """NPS of the answers of the last ``days``, moved from -100..100 to 0..100, shrunk toward everybody's average.

    From ``scored_answers``; what was not known on ``as_of`` does not count. One row per account that answered:
    ``account_id``, ``nps``. Each person's last answer to a survey counts; ``prior`` is how many average answers
    stand beside the account's own, so that one answer moves it little.
    """
    last = answers.lazy().filter(pl.col("known_on") <= as_of, pl.col("answered") > as_of - timedelta(days=days))
    named = last.filter(pl.col("user_id").is_not_null()).unique(["account_id", "user_id", "survey"], keep="last")
    points = pl.when(pl.col("score") >= 9).then(100.0).when(pl.col("score") <= 6).then(0.0).otherwise(50.0)
    return (
        pl.concat([named, last.filter(pl.col("user_id").is_null())])
        .select("account_id", points=points)
        .with_columns(average=pl.col("points").mean())
        .group_by("account_id")
        .agg(nps=(pl.col("points").sum() + prior * pl.col("average").first()) / (pl.len() + prior))
        .collect()
    )


def support(tickets: Frame | None, *, as_of: date, days: int = 90, target_days: float = 2.0) -> pl.DataFrame:
    """How support goes for accounts with a ticket that is open, or was opened, solved or rated in the last ``days``.

    One row per such account: ``account_id``; ``open_urgent``, 100 with none, halved by every urgent or high ticket
    open; ``time_to_solve``, 50 where half of the tickets took ``target_days`` and falling with their median
    (null with none solved; an open one counts as soon as it is older than the target); ``csat``, the mean of the
    ratings from 1 (0) to 5 (100), null with none.
    """
    since = pl.lit(as_of - timedelta(days=days))
    is_open = pl.col("solved_at").is_null()
    age = (pl.lit(as_of) - day("opened_at")).dt.total_days().cast(pl.Float64)
    took = (pl.col("solved_at") - pl.col("opened_at")).dt.total_seconds() / 86_400
    rated = pl.col("csat").is_not_null() & (pl.coalesce(day("csat_at"), day("solved_at")) > since)
    urgent = is_open & pl.col("priority").str.to_lowercase().is_in(["urgent", "high"])
    return (
        lazy(tickets, _TICKETS)
        .filter(is_open | (day("opened_at") > since) | (day("solved_at") > since) | rated)
        .select(
            "account_id",
            urgent=urgent.fill_null(False),
            took=pl.when(is_open & (age >= target_days)).then(age).when(day("solved_at") > since).then(took),
            csat=pl.when(rated).then(pl.col("csat").cast(pl.Float64)),
        )
        .group_by("account_id")
        .agg(pl.col("urgent").sum(), pl.col("took").median(), pl.col("csat").mean())
        .select(
            "account_id",
            open_urgent=100.0 * pl.lit(0.5).pow(pl.col("urgent")),
            time_to_solve=100.0 * target_days / (target_days + pl.col("took").clip(lower_bound=0)),
            csat=(pl.col("csat") - 1) * 25,
        )
        .collect()
    )


def champion(people: Frame | None) -> pl.DataFrame:
    """Whether the champion is still there: ``account_id``, ``champion``, 100 with one, 0 when the last has left.

    Accounts that never had a champion on record have no row. Roles carry no date: they are today's.
    """
    return (
        lazy(people, _PEOPLE)
        .filter(pl.col("role") == "champion", pl.col("is_internal").fill_null(False).not_())
        .group_by("account_id")
        .agg(champion=pl.col("left_at").is_null().any() * pl.lit(100.0))
        .collect()
    )


def contact_days(touches: Frame | None) -> pl.DataFrame:
    """The days on which we were in contact, either direction: ``account_id``, ``on``, ``gap``.

    One row per account and day; ``gap`` is the number of days since the contact before, null for the first.
    """
    # Sorting one whole number takes a quarter of the time of sorting a name and a day.
    account = pl.col("account_id").cast(pl.Categorical).to_physical().cast(pl.Int64) * 10_000_000
    return (
        lazy(touches, {"account_id": pl.String, "occurred_at": pl.Date})
        .select("account_id", on=day("occurred_at"))
        .with_columns(key=account + pl.col("on").to_physical())
        .sort("key")
        .with_columns(gap=pl.col("key") - pl.col("key").shift(1))
        .filter((pl.col("gap") != 0).fill_null(True))
        .select("account_id", "on", gap=pl.when(pl.col("gap") < 5_000_000).then("gap"))
        .collect()
    )


def silence(contacts: pl.DataFrame, *, as_of: date, usual_days: int = 30) -> pl.DataFrame:
    """Days without contact against the account's own rhythm, from ``contact_days``.

    One row per account ever in contact up to ``as_of``: ``account_id``; ``last_contact_on``; ``days_silent``;
    ``rhythm_days``, the median gap between the days of contact of the last year, held within 14..90, or
    ``usual_days`` with fewer than three gaps; ``silence``, 100 within the rhythm and 0 from four times the rhythm.
    Planned contacts do not count.
    """
    quiet, rhythm = pl.col("days_silent"), pl.col("rhythm_days")
    year_ago = as_of - timedelta(days=365)
    return (
        contacts.lazy()
        .filter(pl.col("on") <= as_of)
        .with_columns(gap=pl.when(pl.col("on") - pl.duration(days="gap") > year_ago).then("gap"))
        .group_by("account_id")
        .agg(last_contact_on=pl.col("on").max(), gaps=pl.col("gap").count(), usual=pl.col("gap").median())
        .select(
            "account_id",
            "last_contact_on",
            days_silent=(pl.lit(as_of) - pl.col("last_contact_on")).dt.total_days(),
            rhythm_days=pl.when(pl.col("gaps") >= 3)
            .then(pl.col("usual").clip(14.0, 90.0))
            .otherwise(pl.lit(float(usual_days))),
        )
        .with_columns(silence=100.0 * (1 - (quiet - rhythm) / (3 * rhythm)).clip(0.0, 1.0))
        .collect()
    )


def onboarding_steps(
    young: pl.DataFrame, milestones: Frame | None, usage: UsageSummary, *, window: date | None
) -> pl.DataFrame:
    """Share of the onboarding steps that young accounts have reached: ``account_id``, ``steps`` (0..100).

    ``young`` holds ``account_id`` and ``signed_up_on``. A step is reached by use of its feature in a 28-day window
    since the sign-up, or by a milestone. No rows when no step is known; steps of use are not, before any use was
    recorded. Between the windows of two month ends up to three days of use are not seen.
    """
    states = lazy(milestones, {"account_id": pl.String, "onboarding_step": pl.String}).select(
        "account_id", step="onboarding_step"
    )
    reached = states.unique().collect()
    by_use = usage.steps if window is not None else ()
    steps = {*by_use, *reached["step"].to_list()}
    if not steps or young.is_empty():
        return pl.DataFrame(schema={"account_id": pl.String, "steps": pl.Float64})
    used = usage.until(window).join(young.select("account_id", "signed_up_on"), on="account_id")
    done = (
        used.filter(pl.col("window_end") >= pl.col("signed_up_on"))
        .select("account_id", *(pl.col(STEP + name).alias(name) for name in by_use))
        .unpivot(index="account_id", variable_name="step", value_name="done")
        .filter(pl.col("done").cast(pl.Boolean))
        .select("account_id", "step")
    )
    return (
        pl.concat([reached.join(young, on="account_id", how="semi"), done])
        .unique()
        .group_by("account_id")
        .agg(count=pl.len())
        .join(young.select("account_id"), on="account_id", how="right")
        .select("account_id", steps=100.0 * pl.col("count").fill_null(0) / len(steps))
    )
