"""What it cost, by reason; how much of it is regrettable; and how it went month by month."""

from __future__ import annotations

import polars as pl
import streamlit as st

from metrics import churn_reasons as metric
from metrics.leaver_groups import regrettable_groups
from metrics.themes import tag_themes
from pages.shared import behind, figures, panel, tables
from pages.shared.answers import overview
from pages.shared.choices import choose
from pages.shared.churn.asking import Part
from pages.shared.findings import churn_reasons as findings
from pages.shared.findings import churn_split as split
from pages.shared.reach.chosen import GONE, To
from pages.shared.reach.themes import for_it


def show(part: Part) -> None:
    """The tab: reasons ranked, regrettable or not, and over time."""
    if part.leavers.is_empty():
        st.caption("Nobody left in this period, so there is no reason to rank.")
        return
    with panel.section(
        "What it cost, by reason", metric.reasons, metric.leavers, tag_themes, sources=("exit_surveys", "subscriptions")
    ):
        _ranked(part)
    _split(part)
    _over_time(part)


def _ranked(part: Part) -> None:
    with st.container(horizontal=True, vertical_alignment="bottom"):
        by = choose("reasons_by", "Rank by", findings.RANKED_BY)
        said_by = choose("reasons_of", "Of", findings.NAMED_BY)
    rows = findings.labelled(metric.reasons(part.leavers, by="reason" if said_by == "reason" else "theme"), part.names)
    totals = metric.totals(part.leavers).row(0, named=True)
    monthly = overview.monthly(part.view, part.asked.who)
    shown, smaller = findings.drawn(rows)
    st.caption(
        f"{findings.reconciled(totals, monthly, part.asked.since, part.currency)} {findings.asked_said(totals)}. "
        f"Rows in grey name no reason. {smaller}Click a bar for its accounts."
    )
    figure = figures.ranked(
        findings.ranked(shown, by),
        label="label",
        value=by,
        unit=figures.money(part.currency) if by == "lost_mrr" else figures.PERCENT,
        title="Churn by reason",
        quiet=findings.silent(),
        lost=True,
        most=shown.height,
    )
    clicked = panel.clickable(figure, key=f"churn_{said_by}_{by}")
    if clicked:
        label = rows.filter(pl.col("key") == clicked[0])["label"].first()
        mine = findings.of_reason(part.leavers, clicked[0], said_by)
        _leavers(part, mine, str(label), key="left-for-it", to=for_it(clicked[0], str(label)))
    about = {"alt": "Churn by reason", "about": part.about}
    tables.folded("As a table", rows, findings.REASONS, view=part.view, key="churn-reasons", **about)


def _split(part: Part) -> None:
    whole = regrettable_groups(part.leavers).row(0, named=True)
    said, detail = split.split_said(whole, part.currency), split.split_detail(whole, part.currency)
    with panel.section(said, regrettable_groups, metric.leavers, detail=detail):
        segment = choose("reasons_split", "Compare", split.GROUPS)
        groups = regrettable_groups(part.leavers, segment)
        st.caption(split.groups_said(groups, segment))
        rows = split.split(groups, metric.reasons(part.leavers, segment=segment), segment, part.names)
        figure = figures.compared(
            rows,
            label="label",
            value="share",
            unit=figures.PERCENT,
            title=f"Regrettable share by {split.called(segment)}",
            reference=None if whole["share"] is None else (whole["share"], "all"),
        )
        clicked = panel.clickable(figure, key=f"churn_split_{segment}")
        if clicked:
            mine = split.of_group(part.leavers, segment, clicked[0])
            _leavers(part, mine, clicked[0] or "not known", key="left-of-group")
        about = {"alt": f"Regrettable churn by {split.called(segment)}", "about": part.about}
        tables.folded("As a table", rows, split.SPLIT, view=part.view, key="churn-split", **about)
        by_group = findings.labelled(metric.reasons(part.leavers, segment=segment), part.names)
        columns = {segment: tables.Column(split.called(segment).capitalize(), pinned=True), **findings.REASONS}
        about = {"alt": f"Reasons by {split.called(segment)}", "about": part.about}
        label = f"Every reason by {split.called(segment)}"
        tables.folded(label, by_group, columns, view=part.view, key="reasons-by-group", **about)


def _over_time(part: Part) -> None:
    rows = findings.labelled(metric.reasons(part.leavers), part.names)
    trend = findings.dearest(metric.reason_trend(part.leavers), rows, part.names)
    detail = "MRR lost by month; together it is all that churned. Click a part for its accounts."
    with panel.section(findings.worst_month(trend, part.currency), metric.reason_trend, detail=detail):
        figure = figures.stacked(
            trend,
            x="month",
            y="lost_mrr",
            by="label",
            unit=figures.money(part.currency),
            title="Churned MRR by reason",
            quiet=findings.UNTOLD,
        )
        clicked = panel.clickable(figure, key="reasons_over_time")
        if clicked:
            month, named = findings.month_of(clicked[0]), str(clicked[1])
            mine = findings.in_part(part.leavers, month, named, trend, part.names)
            _leavers(part, mine, f"{named}, {month:%b %Y}", key="left-in-month")
        about = {"alt": "Churn by reason and month", "about": part.about}
        tables.folded("As a table", trend, findings.TREND, view=part.view, key="reasons-by-month", **about)


def _leavers(part: Part, rows: pl.DataFrame, label: str, *, key: str, to: To = GONE) -> None:
    title = findings.who_said(rows, label, part.currency)
    behind.below(title, findings.told(rows, part.names), findings.LEFT, key=key, about=part.about, to=to)
