"""The block of the data page that tries health on the past, once somebody opens it."""

from __future__ import annotations

import polars as pl
import streamlit as st

from metrics.backtest import DAYS, backtest, band_outcomes
from metrics.backtest_auc import auc
from pages.shared import figures, notes, panel, tables
from pages.shared.answers import data as answers
from pages.shared.choices import choose
from pages.shared.data import View
from pages.shared.findings import backtest as findings

_TOO_YOUNG = (
    f"No month end can be judged yet. It takes {DAYS} days to see who left, and the days in which a late renewal "
    "still counts."
)


def section(view: View) -> None:
    """Whether health knew who would leave: worked out when opened, because it takes seconds."""
    detail = f"Health at past month ends, as known then, beside who left in the {DAYS} days after."
    with panel.section("Does health predict who leaves?", backtest, band_outcomes, auc, detail=detail):
        if not notes.need(view, "accounts", "subscriptions", to="try health on the past"):
            return
        with st.expander("Try it on the last twelve month ends", key="backtest_open", on_change="rerun") as fold:
            if fold.open:
                with st.spinner("Going back month by month …", show_time=True):
                    tried = answers.tried(view)
                    outcomes, areas = answers.by_band(view), answers.by_measure(view)
                if tried.is_empty():
                    st.info(_TOO_YOUNG, icon=":material/hourglass_empty:")
                    return
                st.caption(findings.period(tried))
                contracts = choose("contracts", "Which contracts", findings.CONTRACTS)
                _result(view, findings.bands(outcomes, contracts), findings.areas(areas, contracts))


def _result(view: View, bands: pl.DataFrame, areas: pl.DataFrame) -> None:
    if bands.is_empty():
        st.caption("No account has a contract that could end in that time.")
        return
    said = (findings.headline(areas), findings.worst(bands), findings.against_trend(areas), findings.silent(areas))
    st.markdown("  \n".join([f"**{said[0]}**", *(part for part in said[1:] if part)]))
    dots = figures.compared(
        bands, label="label", value="rate", unit=figures.PERCENT, title=f"Left within {DAYS} days, by band then"
    )
    panel.chart(dots, key="backtest_bands")
    tables.folded("As a table", bands, findings.BANDS, view=view, key="backtest-bands", alt="How often each band left")
    tables.show(areas, findings.AREAS, view=view, key="backtest-auc", alt="What predicts who leaves, and what not")
