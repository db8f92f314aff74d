"""Every figure a page may draw: a small frame in, a Plotly figure out.

One idea per figure; the headline above it says the finding. Each comes from ``template.figure``, carries
its alt text, escapes what other people wrote, uses blue for kept and orange for lost, marks what is not final.
"""

from pages.shared.bars import nps_distribution, ranked, waterfall
from pages.shared.columns import stacked
from pages.shared.dots import compared
from pages.shared.heat_map import retention_heat_map
from pages.shared.lines import history, line
from pages.shared.spreads import spread
from pages.shared.template import alt_of, nothing
from pages.shared.units import COUNT, DAYS, PERCENT, POINTS, SCORE, Unit, money

__all__ = [
    "COUNT",
    "DAYS",
    "PERCENT",
    "POINTS",
    "SCORE",
    "Unit",
    "alt_of",
    "compared",
    "history",
    "line",
    "money",
    "nothing",
    "nps_distribution",
    "ranked",
    "retention_heat_map",
    "spread",
    "stacked",
    "waterfall",
]
